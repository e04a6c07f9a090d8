"""S3: reading photos, keeping what was prepared and paid for, writing cut-outs, tagging sources."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dropcut.core.messages import Upload
from dropcut.core.plain_text import header_text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OUTCOME_TAG = "dropcut"
LEAVE_ALONE = "skip"
"""The tag's value by which a user keeps a photo as it is."""
CUTOUT_OF = "dropcut-source-sha256"
"""Name of the metadata in which every cut-out has the hash of its photo's key. No photo has it."""
CHUNK_BYTES = 1024 * 1024


class ObjectGoneError(LookupError):
    """There is no such object (any more)."""


class ObjectChangedError(LookupError):
    """There is another object at this key than the one that was asked for by its ETag."""


class ObjectForbiddenError(PermissionError):
    """The role may not read it, or may not use its key: somebody has to change a policy, then it can be read."""


class ObjectUnreadableError(PermissionError):
    """S3 does not give the object's bytes to anybody like us. The text says what to allow."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        """A stable word for programs, such as `archived`."""


class TooManyTagsError(ValueError):
    """The object has ten tags already, which is as many as S3 allows."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An object found, its bytes not read yet."""

    size_bytes: int
    tag_count: int
    etag: str
    metadata: Mapping[str, str]
    modified_at_seconds: float
    """When it was written (epoch); S3 gives whole seconds."""
    stream: Any

    def read(self) -> bytes:
        """All bytes; at most `size_bytes` are held in memory."""
        with self.stream:
            return bytes(self.stream.read())

    def save(self, path: Path) -> None:
        """Write all bytes to a file; few are held in memory."""
        with self.stream, path.open("wb") as file:
            shutil.copyfileobj(self.stream, file, CHUNK_BYTES)

    def close(self) -> None:
        self.stream.close()


def owned_by(account: str, client: "S3Client") -> "S3Client":
    """The client, each of whose calls names the bucket's owner from now on.

    S3 answers 403 when the bucket belongs to another account by now. Anybody can make a deleted bucket's name their
    own, and would otherwise be sent the photos.
    """

    def name_owner(params: dict[str, Any], **_event: object) -> None:
        params["ExpectedBucketOwner"] = account

    client.meta.events.register("provide-client-params.s3", name_owner)
    return client


class ObjectStore:
    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def open(self, bucket: str, key: str, version_id: str | None = None, *, etag: str | None = None) -> Opened:
        """Find an object and start reading it.

        Args:
            etag: only the object that has this ETag is wanted.

        Raises:
            ObjectGoneError: it is not there. (Needs ListBucket: without it S3 answers 403 for what does not exist.)
            ObjectChangedError: another one is.
            ObjectUnreadableError: it lies in an archive, or under a key that only its uploader has.
            ObjectForbiddenError: a policy is in the way, or the state of a KMS key.
        """
        pinned: dict[str, Any] = {"IfMatch": etag} if etag else {}
        try:
            answer = self._client.get_object(Bucket=bucket, Key=key, **_version(version_id), **pinned)
        except ClientError as error:
            if etag and error.response["Error"]["Code"] in _NOT_AS_WANTED:
                raise ObjectChangedError(f"s3://{bucket}/{key} is another object now") from error
            raise _gone_or(error, bucket, key) from error
        return Opened(
            size_bytes=answer["ContentLength"],
            tag_count=answer.get("TagCount", 0),
            etag=answer["ETag"],
            metadata=answer.get("Metadata", {}),
            modified_at_seconds=answer["LastModified"].timestamp(),
            stream=answer["Body"],
        )

    def read(self, bucket: str, key: str) -> bytes:
        return self.open(bucket, key).read()

    def metadata_and_etag(self, bucket: str, key: str) -> tuple[Mapping[str, str], str] | None:
        """What stands at this key, or None when nothing does."""
        try:
            answer = self._client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise
        return answer.get("Metadata", {}), answer["ETag"]

    def is_gone(self, bucket: str, key: str) -> bool:
        """Whether there is no object of this name (any more); asks the bucket, without a right to read the object.

        Where the bucket may not be asked, the object is taken to be there.
        """
        try:
            found = self._client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDenied":
                return False
            raise
        return [each["Key"] for each in found] != [key]

    def write(
        self,
        bucket: str,
        key: str,
        body: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self._client.put_object(
            Bucket=bucket, Key=key, Body=body, ContentType=content_type, Metadata=_headers(metadata or {})
        )

    def remove(self, bucket: str, key: str) -> None:
        """Remove an object; that there is none is no error."""
        self._client.delete_object(Bucket=bucket, Key=key)

    def write_if_unchanged(
        self,
        bucket: str,
        key: str,
        body: Path,
        *,
        content_type: str,
        metadata: Mapping[str, str],
        seen_etag: str | None,
    ) -> bool:
        """Write a file's content unless somebody else wrote there since we looked.

        Args:
            seen_etag: of the object to be replaced; None when there was none.

        Returns whether it was written.
        """
        condition: dict[str, Any] = {"IfMatch": seen_etag} if seen_etag else {"IfNoneMatch": "*"}
        try:
            with body.open("rb") as content:
                self._client.put_object(
                    Bucket=bucket,
                    Key=key,
                    Body=content,
                    ContentType=content_type,
                    Metadata=_headers(metadata),
                    **condition,
                )
        except ClientError as error:
            if error.response["Error"]["Code"] in (*_NOT_AS_WANTED, "ConditionalRequestConflict", "NoSuchKey"):
                return False
            raise
        return True

    def delete_if_unchanged(self, bucket: str, key: str, *, seen_etag: str) -> None:
        """Delete the object that was seen; another one that came since stays."""
        try:
            self._client.delete_object(Bucket=bucket, Key=key, IfMatch=seen_etag)
        except ClientError as error:
            if error.response["Error"]["Code"] not in (*_NOT_AS_WANTED, *_GONE, "ConditionalRequestConflict"):
                raise

    def tags(self, bucket: str, key: str, version_id: str | None) -> dict[str, str]:
        """Raises ObjectGoneError: it is not there."""
        try:
            answer = self._client.get_object_tagging(Bucket=bucket, Key=key, **_version(version_id))
        except ClientError as error:
            raise _gone_or(error, bucket, key) from error
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def tag_outcome(
        self, bucket: str, key: str, version_id: str | None, outcome: str, *, has_tags: bool = True
    ) -> None:
        """Set the outcome's tag beside the tags that are there.

        Args:
            has_tags: whether there may be any; they need not be read otherwise.

        Sources get tags, never metadata: changing that is a copy, and a copy is a new upload.

        Raises:
            ObjectGoneError: it is not there.
            TooManyTagsError: there is no room for one more tag.
        """
        tags = self.tags(bucket, key, version_id) if has_tags else {}
        if tags.get(OUTCOME_TAG) in (outcome, LEAVE_ALONE):
            return  # the latter: a newer object that its owner does not want cut out
        tags[OUTCOME_TAG] = outcome
        if len(tags) > 10:
            raise TooManyTagsError(
                f"{key} has ten tags already; its outcome ({outcome}) could not be added as an eleventh."
            )
        tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
        try:
            self._client.put_object_tagging(
                Bucket=bucket,
                Key=key,
                Tagging={"TagSet": tag_set},  # type: ignore[typeddict-item]
                **_version(version_id),
            )
        except ClientError as error:
            raise _gone_or(error, bucket, key) from error


_GONE = {"NoSuchKey", "NoSuchVersion", "404"}
_NOT_AS_WANTED = {"PreconditionFailed", "412"}
_KEY_UNUSABLE = ("KMS.Disabled", "KMS.NotFound", "KMS.InvalidKeyUsage", "KMS.KMSInvalidState")
"""How such codes begin. Others of KMS, such as of throttling, pass."""


_VISIBLE_AFTER_SECONDS = 900.0


def not_there_yet(upload: Upload, *, now: float) -> bool:
    """Whether an object that S3 does not find may yet appear.

    For a quarter of an hour after versioning was first enabled, S3 may not find new versions (S3 guide, "Enabling
    versioning on buckets").
    """
    return upload.version_id is not None and now - upload.arrived_at_seconds < _VISIBLE_AFTER_SECONDS


def _gone_or(error: ClientError, bucket: str, key: str) -> Exception:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in _GONE:
        return ObjectGoneError(f"s3://{bucket}/{key} is not there")
    if code == "InvalidObjectState":
        return ObjectUnreadableError(
            "archived",
            "The photo lies in an archive storage class, where it cannot be read. Restore it, then upload it again.",
        )
    if code.startswith(_KEY_UNUSABLE) or (code == "AccessDenied" and "kms" in message.lower()):
        return ObjectForbiddenError(
            f"s3://{bucket}/{key} is encrypted under a KMS key that may not be used ({code}). Allow kms:Decrypt on "
            "that key to the roles of prepare and deliver, or enable the key."
        )
    if code == "InvalidRequest" and "server side encryption" in message.lower():
        return ObjectUnreadableError(
            "customer_key",
            "The photo is encrypted with a key that only its uploader has (SSE-C). Upload it without that.",
        )
    if code == "AccessDenied":
        return ObjectForbiddenError(
            f"S3 does not let this function read s3://{bucket}/{key} (AccessDenied). Look at its role, the bucket's "
            "policy, and whether the bucket is in this account."
        )
    return error


def _headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata travels as headers of HTTP: what came from a name, a message or an answer must not end its header."""
    return {name: header_text(value) for name, value in metadata.items()}


def _version(version_id: str | None) -> dict[str, Any]:
    return {"VersionId": version_id} if version_id else {}
