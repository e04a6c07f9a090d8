"""The photos of a back-fill: gone through one by one, counted, and stored as a list for the feeder."""

import csv
import gzip
import io
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from dropcut.adapters.job_records import job_item_id_of, known_of
from dropcut.adapters.photo_lists import KEYS_IN_A_PART, part_key
from dropcut.core.backfill import Entry, is_done
from dropcut.core.photo_source import lets_through, read_rendition_names, read_sources

from dropcut_cli.deployment import Deployment
from dropcut_cli.estimate import PHOTO_NAMES
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.put import side_by_side
from dropcut_cli.uploads import RECORDS_AT_ONCE

LOOKED_UP = 10_000
"""Of more photos so many are drawn by lot, and looked up to tell how many are done: right within 1 % of all photos."""


@dataclass(frozen=True, kw_only=True)
class InBucket:
    """Objects of a bucket by prefix."""

    deployment: Deployment
    bucket: str
    prefix: str

    def entries(self) -> Iterator[Entry]:
        pages = self.deployment.client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix):
            yield from (Entry(key=each["Key"], size_bytes=each["Size"]) for each in page.get("Contents", []))

    def store(self, _deployment: Deployment, _name: str) -> int:
        """The feeder lists the bucket itself."""
        return 0


@dataclass(frozen=True, kw_only=True)
class InList:
    """Objects of one bucket by a list of their keys."""

    deployment: Deployment
    path: str
    bucket: str
    prefix: str = ""

    def entries(self) -> Iterator[Entry]:
        for bucket, key in _rows(self.deployment, self.path):
            if bucket not in (None, self.bucket):
                raise CommandError(
                    f"{self.path} names two buckets, {self.bucket} and {bucket}. Make it a list of each."
                )
            yield Entry(key=key)

    def store(self, deployment: Deployment, name: str) -> int:
        """Write the list where the feeder reads it; returns how many files it has."""
        s3, work = deployment.client("s3"), deployment.outputs["WorkBucketName"]
        part, lines = 0, list[str]()
        for entry in chain(self.entries(), [None]):
            if entry is not None:
                lines.append(json.dumps(entry.key))
            if lines and (entry is None or len(lines) == KEYS_IN_A_PART):
                s3.put_object(Bucket=work, Key=part_key(name, part), Body="\n".join(lines).encode())
                part, lines = part + 1, []
        return part


def find_photos(deployment: Deployment, where: str | None, keys: str | None) -> InBucket | InList:
    """Raises CommandError: it is no address of S3, or in a bucket of which Dropcut takes no photos."""
    if where is not None:
        bucket, _, prefix = where.removeprefix("s3://").partition("/")
        if not where.startswith("s3://") or not bucket:
            raise CommandError(f"{where} is no address of S3: write s3://BUCKET/PREFIX.", Exit.USAGE)
        found: InBucket | InList = InBucket(deployment=deployment, bucket=bucket, prefix=prefix)
    else:
        assert keys is not None
        first = next(_rows(deployment, keys), (None, ""))
        found = InList(deployment=deployment, path=keys, bucket=first[0] or deployment.input_bucket)
    buckets = sorted({source.bucket for source in _sources(deployment)})
    if found.bucket not in buckets:
        raise CommandError(f"No photos are taken from {found.bucket}, but from {', '.join(buckets)}.", Exit.USAGE)
    return found


def counts(deployment: Deployment, photos: InBucket | InList) -> dict[str, Any]:
    """How many objects there are, and of which kind."""
    sources = [source for source in _sources(deployment) if source.bucket == photos.bucket]
    most_bytes = float(deployment.setting("Intake", "MAX_PHOTO_MIB")) * 1024 * 1024
    objects = left_out = fit = 0
    drawn: list[str] = []
    lot = random.Random(0)  # noqa: S311 - a sample, the same one each time
    for entry in photos.entries():
        objects += 1
        if not lets_through(sources, entry.key, entry.size_bytes):
            left_out += 1
        elif entry.key.lower().endswith(PHOTO_NAMES) and (
            entry.size_bytes is None or 0 < entry.size_bytes <= most_bytes
        ):
            fit += 1
            if len(drawn) < LOOKED_UP:
                drawn.append(entry.key)
            elif (place := lot.randrange(fit)) < LOOKED_UP:
                drawn[place] = entry.key
    done = _done(deployment, photos.bucket, drawn)
    done = round(done * fit / len(drawn)) if drawn else 0
    return {
        "objects": objects,
        "photos": fit,
        "done": done,
        "done_is_estimated": fit > len(drawn),
        "to_do": fit - done,
        "would_be_rejected": objects - left_out - fit,
        "left_out": left_out,
    }


def _done(deployment: Deployment, bucket: str, keys: Sequence[str]) -> int:
    """How many of them need nothing, by their records: a hundred are read at once, eight times side by side."""
    wanted = read_rendition_names(deployment.setting("Intake", "RENDITION_NAMES"))
    table = deployment.table

    def count(some: Sequence[str]) -> int:
        found = table.get_many([job_item_id_of(bucket, key) for key in some])
        known = [(known_of(found[id_]), key) for key in some if (id_ := job_item_id_of(bucket, key)) in found]
        return sum(
            is_done(each.status, made=each.renditions, wanted=each.chosen or wanted(bucket, key)) for each, key in known
        )

    batches = [keys[first : first + RECORDS_AT_ONCE] for first in range(0, len(keys), RECORDS_AT_ONCE)]
    return sum(side_by_side(count, batches))


def _sources(deployment: Deployment) -> Sequence[Any]:
    return read_sources(deployment.setting("Intake", "INPUTS") or "[]")


def _rows(deployment: Deployment, path: str) -> Iterator[tuple[str | None, str]]:
    """Bucket, where the list names it, and key. S3 Inventory quotes each field, and encodes keys as URLs do."""
    with _opened(deployment, path) as binary, io.TextIOWrapper(binary, "utf-8", newline="") as lines:
        first = lines.readline()
        every = chain([first] if first else [], lines)
        if first.startswith('"'):
            for row in csv.reader(every):
                if len(row) < 2:
                    raise CommandError(f"{path} is no CSV of S3 Inventory: a line has no bucket and key.", Exit.USAGE)
                yield row[0], unquote_plus(row[1])
            return
        yield from ((None, key) for line in every if (key := line.rstrip("\r\n")))


def _opened(deployment: Deployment, path: str) -> Any:
    if path.startswith("s3://"):
        bucket, _, key = path.removeprefix("s3://").partition("/")
        body = deployment.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
        return gzip.GzipFile(fileobj=body) if path.endswith(".gz") else io.BufferedReader(body)
    return gzip.open(path) if path.endswith(".gz") else Path(path).open("rb")
