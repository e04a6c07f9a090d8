"""Writes renditions into the output bucket: each under its name, never over another photo's, never over a newer one."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

from dropcut.adapters.object_store import CUTOUT_OF, ObjectStore
from dropcut.core.events import Cutout, DeliveredFile
from dropcut.core.key_template import SHA256, Edition, uses, uses_edition
from dropcut.core.messages import PaidAnswer, Upload
from dropcut.core.output_naming import output_keys, version_name
from dropcut.core.quality import Quality
from dropcut.core.rendition import FORMATS, Rendition, RenditionFile
from dropcut.core.rendition_setting import FULL
from dropcut.use_cases.cutout_maker import Cutouts

LOOKS_AT_A_NAME = 3
_SHA256_DIGITS = 12
"""Of a key's `{sha256}`: 48 bits, for files of one photo."""
_LONGEST_METADATA_KEY = 800
"""All metadata of an object share 2 KiB; a longer key stands there as its hash alone."""


class OutputKeepsChangingError(RuntimeError):
    """Others wrote to every name of this cut-out while we looked; trying again will help."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """The renditions of one photo, as they lie in the output bucket."""

    bucket: str
    keys: Sequence[str]
    cutouts: Cutouts

    @property
    def names(self) -> Sequence[str]:
        return [made.rendition for made in self.cutouts.made]

    def published(self, answer: PaidAnswer) -> Cutout:
        """What an event says about them."""
        first = self.cutouts.made[0]
        return Cutout(
            output_bucket=self.bucket,
            output_key=self.keys[0],
            width=first.width,
            height=first.height,
            size_bytes=first.size_bytes,
            credits=answer.credits,
            request_id=answer.request_id,
            picture_sha256=answer.picture_sha256,
            renditions=[_delivered(file, key) for file, key in zip(self.cutouts.made, self.keys, strict=True)],
            quality=self.cutouts.quality,
            note=self.cutouts.note or None,
        )


@dataclass(frozen=True, kw_only=True)
class Outputs:
    objects: ObjectStore
    bucket: str
    renditions: Sequence[Rendition]
    """The first is the one that the event's own fields are about."""
    first_input: str
    """The bucket of the photos of cut-outs that name none: they are of when there was one input bucket."""
    is_superseded: Callable[[Upload], bool]
    """Whether a newer upload of its key is on record."""

    @property
    def differ_by_upload(self) -> bool:
        """Whether an older upload's may be written beside a newer one's, where neither meets the other."""
        return any(uses_edition(rendition.key) for rendition in self.renditions)

    def write_all(self, upload: Upload, answer: PaidAnswer, cutouts: Cutouts, *, folder: str = "") -> Written | None:
        """Write every file that was made, under that folder; None when a newer upload's are there."""
        described = {rendition.name: rendition for rendition in self.renditions}
        keys = []
        for made in cutouts.made:
            metadata = _provenance(upload, answer, described[made.rendition], cutouts.quality)
            key = self._write(upload, described[made.rendition], made, metadata, folder)
            if key is None:
                return None
            keys.append(key)
        return Written(bucket=self.bucket, keys=keys, cutouts=cutouts)

    def _write(
        self, upload: Upload, rendition: Rendition, made: RenditionFile, metadata: Mapping[str, str], folder: str
    ) -> str | None:
        """Write under the first name that is free or this photo's own; None when a newer one's cut-out is there."""
        write = partial(
            self.objects.write_if_unchanged,
            self.bucket,
            body=Path(made.path),
            content_type=f"image/{made.format}",
            metadata=metadata,
        )
        edition = _edition(upload, rendition, Path(made.path))
        bucket = "" if upload.bucket == self.first_input else upload.bucket
        names = output_keys(upload.key, rendition, FORMATS[made.format], edition, bucket=bucket, prefix=folder)
        for output_key in names:
            if write(output_key, seen_etag=None):  # most cut-outs are new: look only when this one is not
                return output_key
            for _look in range(LOOKS_AT_A_NAME):  # again when somebody wrote since: it may have been our own double
                there = self.objects.metadata_and_etag(self.bucket, output_key)
                seen_etag = None
                if there is not None:
                    found, seen_etag = there
                    if self._owner(found) != self._owner(metadata):
                        break
                    # A request may know of no upload: then the records, not the sequencers, say which one is newer.
                    is_older = found.get("dropcut-sequencer", "") > upload.sequencer
                    if is_older and (not upload.request or self.is_superseded(upload)):
                        return None
                if write(output_key, seen_etag=seen_etag):
                    return output_key
        raise OutputKeepsChangingError(f"No name for the cut-out of {upload.key!r} could be written in {self.bucket}")

    def _owner(self, metadata: Mapping[str, str]) -> tuple[str, str | None, str]:
        """Whose a name is: the photo's, and of its renditions which. Older cut-outs do not say: they are all `full`."""
        bucket = metadata.get("dropcut-source-bucket", self.first_input)
        return bucket, metadata.get(CUTOUT_OF), metadata.get("dropcut-rendition", FULL.name)


def _delivered(made: RenditionFile, key: str) -> DeliveredFile:
    return DeliveredFile(
        name=made.rendition,
        key=key,
        format=made.format,
        width=made.width,
        height=made.height,
        size_bytes=made.size_bytes,
    )


def _edition(upload: Upload, rendition: Rendition, written: Path) -> Edition:
    """The file is read only where its hash is asked for."""
    digest = ""
    if uses(rendition.key, SHA256):
        with written.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:_SHA256_DIGITS]
    uploaded = f"{datetime.fromtimestamp(upload.arrived_at_seconds, UTC):%Y%m%dT%H%M%SZ}"
    return Edition(version=version_name(upload.version_id) or uploaded, sha256=digest)


def _provenance(upload: Upload, answer: PaidAnswer, rendition: Rendition, quality: Quality | None) -> Mapping[str, str]:
    """Where a cut-out comes from, as object metadata (ASCII; S3 allows 2 KiB)."""
    source = quote(upload.key, safe="/")
    return {
        "dropcut-source-bucket": upload.bucket,
        "dropcut-source": source if len(source) <= _LONGEST_METADATA_KEY else "too-long",
        CUTOUT_OF: hashlib.sha256(upload.key.encode("utf-8", "surrogatepass")).hexdigest(),
        "dropcut-source-version": upload.version_id or "none",
        "dropcut-rendition": rendition.name,
        "dropcut-sequencer": upload.sequencer,
        "dropcut-job-id": upload.job_id,
        "dropcut-request-id": answer.request_id or "none",
        "dropcut-credits": f"{answer.credits:g}",
        "dropcut-picture-sha256": answer.picture_sha256,
        "dropcut-provider": answer.provider,
        **({"dropcut-quality": quality.short} if quality else {}),
        **upload.choices.output_metadata(),
    }
