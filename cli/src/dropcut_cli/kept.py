"""What is kept of one photo: where it lies, whether other photos share it, and how it is removed."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial, reduce
from operator import or_
from typing import Any

from boto3.dynamodb.conditions import Attr
from dropcut.core.item_kinds import JOB, PAYMENT
from dropcut.core.job_status import UNDER_WAY
from dropcut.core.key_template import Edition
from dropcut.core.messages import PAID, PREPARED
from dropcut.core.operation import OPERATIONS
from dropcut.core.output_naming import output_keys
from dropcut.core.plain_text import shown
from dropcut.core.rendition import FORMATS, Rendition
from dropcut.core.review import HELD_FOLDER, Held

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError

ANY = "\0"
ANY_EDITION = Edition(version=ANY, sha256=ANY)
"""Stands in a name for what differs from upload to upload of the photo."""
PREPARED_FORMATS = ("jpeg", "png", "webp")
MESSAGE_SECONDS = 28 * 86_400.0
"""The longest that a message can live: 14 days in a queue, then 14 in its dead-letter queue."""
_KEYS_AT_ONCE = 20
"""DynamoDB's filter expressions have at most 300 operators and 4 KiB."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One thing that is kept of a photo."""

    place: str
    name: str
    remove: Callable[[], object] = lambda: None
    stays: str = ""
    """Why it is not removed; empty when it is."""


@dataclass(frozen=True, kw_only=True)
class KeptPhoto:
    deployment: Deployment
    renditions: Sequence[Rendition]
    """As they are deployed. The photo's record knows the names of those before, too."""
    key: str
    now: float

    def traces(self, *, with_photo: bool) -> list[Trace]:
        """Everything that is found, in the order in which it is removed: the record that leads to the rest is last.

        Raises:
            CommandError: the photo is under way, so that more would be made of it.
        """
        job = self.deployment.table.get(self._job_id) or {}
        if job.get("status") in UNDER_WAY and job["updated_at"] > self.now - MESSAGE_SECONDS:
            raise CommandError(
                f"The photo {_quoted(self.key)} is under way (its record says: {job['status']}): what is removed now "
                "would be made again. Wait until it has ended, then run this again."
            )
        stays = "" if with_photo else "it is the photo itself, which `--photo` removes with all its versions"
        return [
            *self._payments(job),
            *self._cutouts(job),
            *self._stored(self.deployment.input_bucket, self.key, stays=stays),
            *([self._item(self._job_id, Attr("job_id").eq(job.get("job_id")))] if job else []),
        ]

    def _payments(self, job: Mapping[str, Any]) -> Iterator[Trace]:
        """Of all uploads of this key, those before the newest included."""
        paid = Attr("id").begins_with(PAYMENT) & Attr("photo").eq(self._job_id.removeprefix(JOB))
        paid_by_it = {item["id"].removeprefix(PAYMENT) for item in self.deployment.scan(paid, "id", consistent=True)}
        # A record that somebody forged must not lead to anybody else's pictures.
        of_it = sorted(payment for payment in paid_by_it | _payment_keys(job) if _is_payment_key(payment))
        sharers = self._sharers(of_it)
        for payment in of_it:
            yield from self._payment(payment, sharers[payment], is_payer=payment in paid_by_it)

    def _payment(self, payment: str, sharers: int, *, is_payer: bool) -> Iterator[Trace]:
        """The answer, what was sent for it, and the record of both."""
        id_ = f"{PAYMENT}{payment}"
        item = self.deployment.table.get(id_)
        sha256 = (item or {}).get("picture_sha256") or payment.partition(".")[0]
        kept = f"it is shared by {sharers} other photo{'s' * (sharers > 1)} of the same picture" if sharers else ""
        for key in (f"{PAID}{payment}", *(f"{PREPARED}{sha256}.{format_}" for format_ in PREPARED_FORMATS)):
            yield from self._stored(self.deployment.outputs["WorkBucketName"], key, stays=kept)
        if item is not None and not kept:
            lease = Attr("lease_until")
            yield self._item(id_, lease.not_exists() | lease.lt(Decimal(repr(self.now))))
        elif item is not None:
            yield Trace(place="state table", name=_quoted(id_), stays=kept)
            if is_payer:
                forget_name = partial(self.deployment.table.update, id_, "REMOVE photo", {})
                yield Trace(place="state table", name=f"the photo's name in {_quoted(id_)}", remove=forget_name)

    def _sharers(self, payments: Sequence[str]) -> Counter[str]:
        """How many other photos' records name each payment: as under way, or as what they were delivered of."""
        sharers = Counter[str]()
        for first in range(0, len(payments), _KEYS_AT_ONCE):
            some = payments[first : first + _KEYS_AT_ONCE]
            delivered = (Attr("delivered_outcome").contains(json.dumps(f"{PAID}{payment}")) for payment in some)
            others = Attr("id").begins_with(JOB) & Attr("id").ne(self._job_id)
            name_it = reduce(or_, delivered, Attr("payment_key").is_in(some))
            for item in self.deployment.scan(others & name_it, "payment_key", "delivered_outcome", consistent=True):
                sharers.update(_payment_keys(item) & {*some})
        return sharers

    def _cutouts(self, job: Mapping[str, Any]) -> Iterator[Trace]:
        """Cut-outs under every name that one may have, as far as their metadata say that they are this photo's."""
        bucket = self.deployment.outputs["OutputBucketName"]
        owner = hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).hexdigest()
        names = {*job.get("output_keys", ()), *([job["output_key"]] if "output_key" in job else [])}
        for rendition in self.renditions:
            for extension in FORMATS.values():
                names.update(output_keys(self.key, rendition, extension, ANY_EDITION))
        names |= {HELD_FOLDER + name for name in names}
        names |= set(Held.from_json(job["held"]).keys) if "held" in job else set()
        for name in self._found(bucket, names):
            versions = self._versions(bucket, name)
            stored = [version for version in versions if version.size is not None]
            its_own = [version for version in stored if self._owner(version) == owner]
            if its_own:  # the marks of deletions go with the last version
                yield self._object(bucket, name, versions if len(its_own) == len(stored) else its_own)

    def _found(self, bucket: str, names: set[str]) -> list[str]:
        """These names; those of any version or content of the photo are looked for in the bucket."""
        found = {name for name in names if ANY not in name}
        for name in names - found:
            pattern = re.compile("[^/]+".join(map(re.escape, name.split(ANY))))
            listed = self._listed(bucket, name.partition(ANY)[0])
            found |= {each.object_key for each in listed if pattern.fullmatch(each.object_key)}
        return sorted(found)

    def _versions(self, bucket: str, key: str) -> list[Any]:
        """Versions of an object, and marks of its deletions; one version where the bucket is not versioned."""
        found: list[Any] = []
        for page in self._listed(bucket, key).pages():
            found += [each for each in page if each.object_key == key]
            if any(each.object_key != key for each in page):  # from here on names only begin with it
                break
        return found

    def _listed(self, bucket: str, prefix: str) -> Any:
        """boto3's versions of what begins so."""
        return self.deployment.resource("s3").Bucket(bucket).object_versions.filter(Prefix=prefix)

    def _owner(self, version: Any) -> str:
        # What was never versioned is the version `null`, which not every S3 can be asked for by that name.
        metadata = (version.Object().metadata if version.is_latest else version.head()["Metadata"]) or {}
        ours = self.deployment.input_bucket
        # Older cut-outs name no bucket: they are of when there was one.
        is_of_ours = metadata.get("dropcut-source-bucket", ours) == ours
        return metadata.get("dropcut-source-sha256", "") if is_of_ours else ""

    def _stored(self, bucket: str, key: str, *, stays: str) -> Iterator[Trace]:
        if versions := self._versions(bucket, key):
            yield self._object(bucket, key, versions, stays=stays)

    def _object(self, bucket: str, key: str, versions: Sequence[Any], *, stays: str = "") -> Trace:
        def remove() -> None:
            for version in versions:
                version.delete()

        more = f" ({len(versions)} versions)" if len(versions) > 1 else ""
        return Trace(place=bucket, name=f"{_quoted(key)}{more}", remove=remove, stays=stays)

    def _item(self, id_: str, condition: Any) -> Trace:
        table = self.deployment.plain_table

        def remove() -> None:
            try:
                table.delete_item(Key={"id": id_}, ConditionExpression=condition)
            except table.meta.client.exceptions.ConditionalCheckFailedException as error:
                raise CommandError(
                    f"The record {_quoted(id_)} changed meanwhile: the photo, or one of the same picture, came again. "
                    "Run this again once that has ended."
                ) from error

        return Trace(place="state table", name=_quoted(id_), remove=remove)

    @property
    def _job_id(self) -> str:
        return self.deployment.photo_id(self.key)


def _quoted(name: str) -> str:
    return f"'{shown(name)}'"


def _payment_keys(job: Mapping[str, Any]) -> set[str]:
    """What a photo's record says it is made of."""
    found = {job["payment_key"]} if "payment_key" in job else set()
    if "delivered_outcome" in job:
        found.add(json.loads(job["delivered_outcome"])["outcome"]["work_key"].removeprefix(PAID))
    return found


def _is_payment_key(payment: str) -> bool:
    sha256 = payment.partition(".")[0]
    return bool(sha256) and payment in {operation.payment_key(sha256) for operation in OPERATIONS.values()}
