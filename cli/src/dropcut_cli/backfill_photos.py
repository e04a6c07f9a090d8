"""The photos of a back-fill: gone through one by one, counted, and stored as a list for the feeder."""

import csv
import gzip
import io
import json
import random
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.photo_lists import KEYS_IN_A_PART, part_key
from dropcut.core.backfill import PART_OF_THE_DAY, Backfill, Entry
from dropcut.core.photo_source import PhotoSource, lets_through, read_rendition_names, read_sources

from dropcut_cli.deployment import Deployment
from dropcut_cli.exits import CommandError, Exit
from dropcut_cli.output import counted
from dropcut_cli.price import in_words, price
from dropcut_cli.put import side_by_side
from dropcut_cli.uploads import batches

PHOTO_NAMES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic", ".heif")
"""In a bucket the name alone decides what is a photo: reading each object would cost a request."""
LOOKED_UP = 10_000
"""Of more photos so many are drawn by lot: 95 times of 100 the share of those done is right within 1 %."""


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Objects of one bucket: by prefix, or those of a list."""

    deployment: Deployment
    sources: Sequence[PhotoSource]
    bucket: str
    prefix: str
    keys: str
    """Where the list is: a file, or s3://..."""

    def entries(self) -> Iterator[Entry]:
        """Each object; in the order in which the feeder comes to it."""
        if self.keys:
            for bucket, key in _rows(self.deployment, self.keys):
                if bucket not in ("", self.bucket):
                    raise CommandError(f"{self.keys} names two buckets, {self.bucket} and {bucket}: make two lists.")
                yield Entry(key=key)
            return
        named = {"Bucket": self.bucket, "Prefix": self.prefix}
        for each in self.deployment.pages("s3", "list_objects_v2", "Contents", **named):
            yield Entry(key=each["Key"], size_bytes=each["Size"])

    def stored(self, backfill: Backfill) -> Backfill:
        """A list is written where the feeder reads it, in parts. A bucket it lists itself."""
        s3, work = self.deployment.client("s3"), self.deployment.outputs["WorkBucketName"]
        lines = (json.dumps(entry.key) for entry in (self.entries() if self.keys else ()))
        part = 0
        while some := list(islice(lines, KEYS_IN_A_PART)):
            s3.put_object(Bucket=work, Key=part_key(backfill.name, part), Body="\n".join(some).encode())
            part += 1
        if self.keys and not part:  # no parts would mean the whole bucket
            raise CommandError(f"{self.keys} has no keys any more. Nothing was started.")
        return replace(backfill, parts=part)


def find_photos(deployment: Deployment, where: str | None, keys: str | None) -> Photos:
    """Raises CommandError: it is no address of S3, or in a bucket of which Dropcut takes no photos."""
    kind, _, rest = (where or "").partition("://")
    bucket, _, prefix = rest.partition("/")
    if keys:
        bucket = next(_rows(deployment, keys), ("", ""))[0] or deployment.input_bucket
    elif kind != "s3" or not bucket:
        raise CommandError(f"{where} is no address of S3: write s3://BUCKET/PREFIX.", Exit.USAGE)
    sources = read_sources(deployment.setting("Intake", "INPUTS"))
    ours = [source for source in sources if source.bucket == bucket]
    if not ours:
        known = ", ".join(sorted({source.bucket for source in sources}))
        raise CommandError(f"No photos are taken from {bucket}, but from {known}.", Exit.USAGE)
    return Photos(deployment=deployment, sources=ours, bucket=bucket, prefix=prefix, keys=keys or "")


def planned(deployment: Deployment, photos: Photos, dollars_a_credit: float | None) -> dict[str, Any]:
    """How many objects there are of which kind, and what those to do cost at most."""
    most_bytes = deployment.max_photo_mib * 1024 * 1024
    objects = left_out = fit = 0
    drawn: list[str] = []
    lot = random.Random(0)  # noqa: S311 - a sample, the same one each time
    for entry in photos.entries():
        objects, size = objects + 1, entry.size_bytes
        if not lets_through(photos.sources, entry.key, size):
            left_out += 1
        elif _may_be_photo(entry.key) and (size is None or 0 < size <= most_bytes):
            fit += 1
            if len(drawn) < LOOKED_UP:
                drawn.append(entry.key)
            elif (place := lot.randrange(fit)) < LOOKED_UP:
                drawn[place] = entry.key
    done = round(_done(deployment, photos.bucket, drawn) * fit / max(1, len(drawn)))
    return price(deployment, fit - done, dollars_a_credit, part_of_the_day=PART_OF_THE_DAY) | {
        "bucket": photos.bucket,
        "prefix": photos.prefix,
        "objects": objects,
        "photos": fit,
        "done": done,
        "done_is_estimated": fit > len(drawn),
        "to_do": fit - done,
        "would_be_rejected": objects - left_out - fit,
        "left_out": left_out,
    }


def _may_be_photo(key: str) -> bool:
    """By its name. One without an ending may well be: prepare looks at the bytes alone."""
    return key.lower().endswith(PHOTO_NAMES) or "." not in key.rpartition("/")[2]


def lines_of(plan: dict[str, Any]) -> list[str]:
    """A plan for people."""
    about = "about " if plan["done_is_estimated"] else ""
    days = plan["days_of_the_limit"] or 0
    left = f", as {1 - PART_OF_THE_DAY:.0%} of it are left to live photos" if days > 1 else ""
    objects, photos = counted(plan["objects"], "object"), counted(plan["photos"], "photo")
    return [
        f"{objects}: {photos}, {about}{plan['done']:,} of them done",
        f"{counted(plan['would_be_rejected'], 'other file')} would be rejected; left out: {plan['left_out']:,}",
        f"To do: {in_words(plan | {'photos': plan['to_do']})}{left}",
    ]


def _done(deployment: Deployment, bucket: str, keys: Sequence[str]) -> int:
    """How many need nothing, by their records: a hundred are read at once, eight times side by side."""
    names = read_rendition_names(deployment.setting("Intake", "RENDITION_NAMES"))
    jobs = JobRecords(table=deployment.table)

    def count(some: Sequence[str]) -> int:
        return sum(
            each.is_done(etag=each.etag, names=names(bucket, key)) for key, each in jobs.records(bucket, some).items()
        )

    return sum(side_by_side(count, batches(keys)))


def _rows(deployment: Deployment, path: str) -> Iterator[tuple[str, str]]:
    """Bucket, empty where the list names none, and key. S3 Inventory quotes fields, and encodes keys as URLs do."""
    try:
        with _opened(deployment, path) as binary, io.TextIOWrapper(binary, "utf-8-sig", newline="") as text:
            lines = (line for line in text if line.rstrip("\r\n"))
            first = list(islice(lines, 1))
            every = chain(first, lines)
            if first and first[0].startswith('"'):
                yield from _of_inventory(csv.reader(every), path)
            else:
                yield from (("", line.rstrip("\r\n")) for line in every)
    except (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile, csv.Error) as error:
        raise CommandError(f"{path} cannot be read as a list of keys: {error}. Make it again.") from error


def _of_inventory(rows: Iterable[Sequence[str]], path: str) -> Iterator[tuple[str, str]]:
    for row in rows:
        if len(row) < 2:
            raise CommandError(f"{path} is no CSV of S3 Inventory: a line has no bucket and key.", Exit.USAGE)
        if _is_newest(row):
            yield row[0], unquote_plus(row[1])


def _is_newest(row: Sequence[str]) -> bool:
    """False for an old version and for a mark of a deletion.

    An inventory of all versions has VersionId, IsLatest and IsDeleteMarker after the key. One of the newest alone has
    no two columns of true or false in a row.
    """
    is_latest, is_deleted = ([*row, "", "", ""])[3:5]
    return not {is_latest, is_deleted} <= {"true", "false"} or (is_latest, is_deleted) == ("true", "false")


def _opened(deployment: Deployment, path: str) -> Any:
    if not path.startswith("s3://"):
        if Path(path).exists() and not Path(path).is_file():
            raise CommandError(f"{path} is no file. A list is read more than once: write it to a file.", Exit.USAGE)
        return gzip.open(path) if path.endswith(".gz") else Path(path).open("rb")
    bucket, _, key = path.removeprefix("s3://").partition("/")
    body = deployment.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    return gzip.GzipFile(fileobj=body) if path.endswith(".gz") else io.BufferedReader(body)
