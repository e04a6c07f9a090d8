"""The cut-outs that are held for review: their pictures, and the decisions on them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dropcut.core.formats.photo_format import recognise
from dropcut.core.item_kinds import HELD_INDEX
from dropcut.core.messages import PREPARED
from dropcut.core.plain_text import shown
from dropcut.core.rendition import RenditionFile
from dropcut.core.review import DECIDED_AGAIN_AFTER_SECONDS, Held

from dropcut_cli.decide import send_decision
from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError
from dropcut_cli.kept import PREPARED_FORMATS
from dropcut_cli.put import side_by_side
from dropcut_cli.uploads import batches

_GONE = {"NoSuchKey", "NoSuchVersion", "PreconditionFailed", "404", "412"}
_NOT_SHOWN = ("heic", "tiff")
"""Most browsers do not show them. What was sent to the API is shown instead, while it is kept."""


@dataclass(frozen=True)
class HeldPhoto:
    deployment: Deployment
    held: Held

    @property
    def fields(self) -> dict[str, Any]:
        """What the page shows of it, and names it by."""
        upload, quality = self.held.upload, self.held.quality
        doubts = [doubt.sentence for doubt in quality.doubts]
        named = {"bucket": upload.bucket, "key": upload.key, "name": shown(upload.key), "job_id": upload.job_id}
        return {**named, "score": quality.score, "doubts": doubts}

    def picture(self, side: str) -> bytes:
        """The photo (`before`) or its cut-out (`after`). Raises CommandError: it is gone."""
        outputs, upload = self.deployment.outputs, self.held.upload
        if side == "after":
            best = min(self.held.files, key=_hides)
            return self._read("cut-out", outputs["OutputBucketName"], best.path)
        pinned = {"VersionId": upload.version_id, "IfMatch": upload.etag}
        photo = self._read(
            "photo", upload.bucket, upload.key, **{name: value for name, value in pinned.items() if value}
        )
        if recognise(photo) not in _NOT_SHOWN:
            return photo
        for format_ in PREPARED_FORMATS:
            with suppress(CommandError):
                sent = f"{PREPARED}{self.held.answer.picture_sha256}.{format_}"
                return self._read("photo", outputs["WorkBucketName"], sent)
        raise CommandError("Browsers do not show this kind of photo, and what was sent to the API is not kept.")

    def _read(self, what: str, bucket: str, key: str, **pinned: str) -> bytes:
        s3 = self.deployment.client("s3")
        try:
            return bytes(s3.get_object(Bucket=bucket, Key=key, **pinned)["Body"].read())
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            raise CommandError(f"The {what} is gone, or was replaced: upload the photo again, or reject it.") from error

    def decide(self, decision: str, file: Path | None = None) -> dict[str, str]:
        """Send a decision on the upload that was looked at. Raises CommandError: it is not held any more."""
        upload = self.held.upload
        return send_decision(
            self.deployment, upload.key, decision, bucket=upload.bucket, job_id=upload.job_id, file=file
        )


def _hides(file: RenditionFile) -> tuple[bool, bool, bool]:
    """What a rendition does not show, the worst first: the whole frame, what is transparent, colours."""
    return file.rendition != "full", file.format == "jpeg", file.rendition == "mask"


def held_photos(deployment: Deployment) -> list[HeldPhoto]:
    """Those that wait for a decision, the worst first; not those on which one was sent within a day."""
    for service in ("dynamodb", "s3", "sqs"):
        deployment.client(service)  # made in one thread, used in several
    stale = time.time() - DECIDED_AGAIN_AFTER_SECONDS

    def waits(item: Mapping[str, Any]) -> bool:
        return item.get("status") == "held" and ("decision" not in item or item["updated_at"] < stale)

    records = side_by_side(deployment.table.get_many, batches(list(_ids(deployment))))
    held = [Held.from_json(item["held"]) for some in records for item in some.values() if waits(item)]
    held.sort(key=lambda each: (each.quality.score, each.upload.key))
    return [HeldPhoto(deployment, each) for each in held]


def _ids(deployment: Deployment) -> Iterator[str]:
    """From the index, which only held photos are in."""
    table = {"TableName": deployment.outputs["StateTableName"], "IndexName": HELD_INDEX}
    asked = {"KeyConditionExpression": "held_index = :held", "ExpressionAttributeValues": {":held": {"S": "held"}}}
    for item in deployment.pages("dynamodb", "query", "Items", **table, **asked):
        yield item["id"]["S"]
