"""A photo's files under `held/`: brought back for its delivery, removed when it waits no more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dropcut.adapters.held_records import HeldRecords
from dropcut.adapters.object_store import ObjectChangedError, ObjectGoneError, ObjectStore
from dropcut.core.messages import Upload
from dropcut.core.rendition import RenditionFile
from dropcut.core.review import Held


@dataclass(frozen=True, kw_only=True)
class HeldFiles:
    objects: ObjectStore
    records: HeldRecords
    bucket: str

    def fetch(self, held: Held, folder: Path) -> Sequence[RenditionFile] | None:
        """Bring the files into that folder as they were held; None when one is gone, or is another by now."""
        files = []
        for number, file in enumerate(held.files):
            there = self._ours(held, file.path)
            if there is None:
                return None
            path = folder / str(number)
            try:
                self.objects.open(self.bucket, file.path, etag=there).save(path)
            except (ObjectGoneError, ObjectChangedError):
                return None
            files.append(replace(file, path=str(path)))
        return files

    def left_of(self, upload: Upload) -> Held | None:
        """Files that the record of the photo's key still names although nothing of this key waits for a decision."""
        found = self.records.under_review(upload.bucket, upload.key)
        return None if found is None or found.waits else found.held

    def remove(self, held: Held) -> None:
        """Remove the files, then what the record says of them."""
        self.remove_files(held)
        self.records.forget(held)

    def remove_files(self, held: Held) -> None:
        """Only what is of this upload: under the same names, a newer one's may wait by now."""
        for key in held.keys:
            if there := self._ours(held, key):
                self.objects.delete_if_unchanged(self.bucket, key, seen_etag=there)

    def _ours(self, held: Held, key: str) -> str | None:
        """ETag of an object, if it is this upload's."""
        there = self.objects.metadata_and_etag(self.bucket, key)
        return there[1] if there and there[0].get("dropcut-job-id") == held.upload.job_id else None
