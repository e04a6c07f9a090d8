"""The photos that the demo drops: which files, under which keys."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.places import OUT, SAMPLES
from local.preview import is_picture
from local.problem import Problem

_LONGEST_KEY_BYTES = 1024


@dataclass(frozen=True)
class Photo:
    """A file, and the key under which it is dropped."""

    path: Path
    name: str
    """Path below the folder, with slashes: the key, but for the input prefix. What no key can hold is escaped."""
    unsendable: str = ""
    """Why it cannot be an object at all; empty for nearly every file."""


def find_photos(folder: str, *, out: Path = OUT) -> list[Photo]:
    """Every file of the folder and below it, sorted by name; of `samples/` the photos only.

    Args:
        folder: as the person wrote it; empty for `samples/`. A single picture will do, too.
        out: where results go; nothing in there is a photo to be dropped.

    Raises:
        Problem: there is no such folder, nothing in it, it is a file and no picture, or it is the demo's to replace.
    """
    root = Path(folder).expanduser() if folder else SAMPLES
    if root.exists() and root.resolve().is_relative_to(out.resolve()):
        raise Problem(
            f"PHOTOS is {folder!r}, in {out}, which this demo replaces. Copy the photos to a folder elsewhere."
        )
    if root.is_file() and os.access(root, os.R_OK) and not is_picture(root):
        raise Problem(
            f"PHOTOS is {folder!r}, a file and no picture. Give the path of a folder with photos, or of a photo."
        )
    if root.is_file():
        return [_photo(root, root.parent)]
    if not root.is_dir():
        raise Problem(f"PHOTOS is {folder!r}, and there is no such folder. Give the path of a folder with photos.")
    photos = [_photo(path, root) for path in _files(root, out)]
    if not folder:
        photos = [photo for photo in photos if not photo.name.endswith(".md")]
    if not photos:
        raise Problem(f"There is no file in {root}. Put photos there, or give another folder: make demo PHOTOS=folder")
    return sorted(photos, key=lambda photo: photo.name)


def _files(root: Path, out: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if (Path(place) / name).resolve() != out.resolve()]
        yield from (Path(place) / name for name in names if (Path(place) / name).is_file())


def _photo(path: Path, root: Path) -> Photo:
    name = path.relative_to(root).as_posix()
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        # A name of bytes that are no text, as Linux allows.
        return Photo(
            path, os.fsencode(name).decode("utf-8", "backslashreplace"), "Its name is not UTF-8, as S3 keys must be."
        )
    if len(encoded) > _LONGEST_KEY_BYTES:
        reason = f"Its path is longer than an S3 key may be: {len(encoded)} bytes; {_LONGEST_KEY_BYTES} are allowed."
        return Photo(path, name, reason)
    if not os.access(path, os.R_OK):
        return Photo(path, name, "It cannot be read: permission denied.")
    return Photo(path, name)
