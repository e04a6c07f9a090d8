"""What a back-fill goes through: the listing of a bucket, or a list of keys in the work bucket, page by page."""

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dropcut.core.backfill import Backfill, Entry, ListNotReadableError, Page
from dropcut.core.messages import LISTS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEYS_IN_A_PART = 10_000
"""A list is one file for each part."""
_PASSES_BY_ITSELF = {"SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "ExpiredToken"}


def part_key(name: str, number: int) -> str:
    """Where a part of a back-fill's list is: the first has number 0."""
    return f"{LISTS}{name}/{number:06}"


class PhotoLists:
    def __init__(self, client: "S3Client", *, work_bucket: str) -> None:
        self._client = client
        self._work_bucket = work_bucket

    def page(self, backfill: Backfill, *, most: int) -> Page:
        """The next objects after the cursor, at most so many, and at most 1,000.

        Raises:
            ListNotReadableError: trying again will not help.
        """
        try:
            return self._of_list(backfill, most) if backfill.parts else self._of_bucket(backfill, most)
        except ClientError as error:
            raise _not_readable_or(error, backfill) from error

    def _of_bucket(self, backfill: Backfill, most: int) -> Page:
        asked: dict[str, Any] = {"Bucket": backfill.bucket, "Prefix": backfill.prefix, "MaxKeys": min(most, 1000)}
        asked |= {"StartAfter": backfill.cursor} if backfill.cursor else {}
        answer = self._client.list_objects_v2(**asked)
        while answer["IsTruncated"] and not answer.get("Contents"):  # where many photos were deleted
            answer = self._client.list_objects_v2(**asked, ContinuationToken=answer["NextContinuationToken"])
        found = [
            Entry(key=each["Key"], size_bytes=each["Size"], etag=each["ETag"], cursor=each["Key"])
            for each in answer.get("Contents", [])
        ]
        cursor = found[-1].cursor if found else backfill.cursor
        return Page(entries=found, cursor=cursor, is_last=not answer["IsTruncated"])

    def _of_list(self, backfill: Backfill, most: int) -> Page:
        sent_before = int(backfill.cursor or 0)
        part, first = divmod(sent_before, KEYS_IN_A_PART)
        if part >= backfill.parts:
            return Page(entries=[], cursor=backfill.cursor, is_last=True)
        answer = self._client.get_object(Bucket=self._work_bucket, Key=part_key(backfill.name, part))
        with answer["Body"] as body:
            lines = body.read().splitlines()
        some = lines[first : first + min(most, 1000)]
        found = [
            Entry(key=json.loads(line), cursor=str(number)) for number, line in enumerate(some, start=sent_before + 1)
        ]
        ends_part = first + len(found) == len(lines)
        # The last part is shorter; nothing comes after it.
        return Page(
            entries=found,
            cursor=str(sent_before + len(found)),
            is_last=ends_part and part + 1 == backfill.parts,
        )


def _not_readable_or(error: ClientError, backfill: Backfill) -> Exception:
    code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    if status >= 500 or status == 429 or code in _PASSES_BY_ITSELF:
        return error
    what = "its list of keys" if backfill.parts else f"the bucket {backfill.bucket}"
    return ListNotReadableError(
        f"The feeder cannot read {what} ({code}): it is gone, or its policy does not let the feeder's role in. "
        f"Put that right, then run `dropcut backfill resume {backfill.name}`."
    )
