"""Files of this machine as photos to be uploaded: which ones, under which keys, and which are delivered already."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dropcut.adapters.job_records import job_record
from dropcut.adapters.state_table import Item
from dropcut.core.formats.photo_format import recognise
from dropcut.core.picture_limits import PictureRefusedError

from dropcut_cli.deployment import Deployment

_FIRST_BYTES = 512
_LONGEST_KEY_BYTES = 1024
_MIB = 1024 * 1024
RECORDS_AT_ONCE = 100
"""Of one BatchGetItem."""


class File(NamedTuple):
    path: Path
    key: str
    why: str
    """Why it is left out; empty for a photo."""


class Found(NamedTuple):
    """Files of this machine, by what is to be done with them."""

    new: list[File]
    done: list[File]
    """Photos that were delivered already with the same content."""
    left_out: list[File]
    records: Mapping[str, Item]
    """By key, of those photos that have one."""


def look_up(deployment: Deployment, paths: Sequence[Path], *, prefix: str = "") -> Found:
    """Files and folders as photos of the deployment; keys begin with its own prefix, too."""
    start = deployment.sources.get(deployment.input_bucket, "")
    prefix = prefix if prefix.startswith(start) else start + prefix
    files, left_out = find_files(paths, prefix=prefix, max_mib=deployment.max_photo_mib)
    names = {deployment.photo_id(file.key): file.key for file in files}
    found = Found([], [], left_out, {names[id_]: item for id_, item in deployment.table.get_many(names).items()})
    for file in files:
        (found.done if _is_delivered(file, found.records.get(file.key)) else found.new).append(file)
    return found


def find_files(paths: Sequence[Path], *, prefix: str, max_mib: float) -> tuple[list[File], list[File]]:
    """The photos among files and folders, by their first bytes, and the rest; a folder's keep their place below it.

    Hidden files and folders are left out without a word.
    """
    found: list[File] = []
    for path in paths:
        root = path if path.is_dir() else path.parent
        for each in sorted(_below(path)) if path.is_dir() else [path]:
            key = prefix + each.relative_to(root).as_posix()
            found.append(File(each, key, _unfit(each, key, max_mib)))
    return [file for file in found if not file.why], [file for file in found if file.why]


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place) / name for name in names if not name.startswith("."))


def _unfit(path: Path, key: str, max_mib: float) -> str:
    """Why a file is not uploaded; empty for a photo."""
    try:
        encoded = key.encode()
        with path.open("rb") as file:
            recognise(file.read(_FIRST_BYTES))
        size = path.stat().st_size
    except UnicodeEncodeError:
        return "its name is not UTF-8, as S3 keys must be"
    except PictureRefusedError as refusal:
        return refusal.reason
    except OSError as error:
        return error.strerror or str(error)
    if len(encoded) > _LONGEST_KEY_BYTES:
        return f"its key would have {len(encoded)} bytes; S3 allows {_LONGEST_KEY_BYTES}"
    return f"it has more than {max_mib:g} MiB (`max_photo_mib`)" if size > max_mib * _MIB else ""


def batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(keys), RECORDS_AT_ONCE):
        yield keys[first : first + RECORDS_AT_ONCE]


def _is_delivered(file: File, record: Item | None) -> bool:
    """Whether just this content was delivered under this key, by the ETag, which is its MD5."""
    known = job_record(record) if record else None
    if not (known and known.etag and known.status == "delivered"):
        return False
    with file.path.open("rb") as content:
        md5 = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False))
    return known.etag.strip('"') == md5.hexdigest()
