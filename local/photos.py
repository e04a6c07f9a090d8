"""The photos that the demo drops: which files, under which keys, and what is left out."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dropcut.core.plain_text import shown

from dropcut_cli.clone.places import pasted
from dropcut_cli.clone.problem import Problem
from local.places import OUT, SAMPLES
from local.preview import is_picture

_LONGEST_KEY_BYTES = 1024
_NAMES_SHOWN = 5
_NO_PICTURE = re.compile(
    r"\.(md|txt|rst|log|csv|tsv|json|jsonl|xml|yml|yaml|toml|ini|cfg|conf|html|htm|css|js|ts|py|sh|sql|lock"
    r"|pdf|doc|docx|odt|rtf|xls|xlsx|ods|ppt|pptx|odp|eml|ics"
    r"|zip|gz|bz2|xz|zst|7z|rar|tar|tgz|iso|dmg|exe|dll|so|db|sqlite"
    r"|mp4|m4v|mov|avi|mkv|webm|mpg|mp3|m4a|wav|flac|ogg|aac|aae|xmp|thm)",
    re.IGNORECASE,
)
"""Endings of names that no photo has. What is not among them is dropped: the pipeline decides by the bytes."""


@dataclass(frozen=True)
class Photo:
    """A file, and the key under which it is dropped."""

    path: Path
    name: str
    """Path below the folder, with slashes: the key, but for the input prefix. What no key can hold is escaped."""
    unsendable: str = ""
    """Why it cannot be an object at all; empty for nearly every file."""


@dataclass(frozen=True)
class Found:
    """What is in a folder."""

    photos: Sequence[Photo]
    left_out: str = ""
    """A line that names what is not dropped, and why; empty when all is."""


def find_photos(folder: str, *, out: Path = OUT) -> Found:
    """The photos of the folder and below it, sorted by name.

    It leaves out hidden files and folders, links that lead nowhere or to folders, and files that are no pictures by
    name.

    Args:
        folder: as the person wrote it; empty for `samples/`. A single picture will do, too.
        out: where results go; nothing in there is a photo to be dropped.

    Raises:
        Problem: there is no such folder, no photo in it, it is a file and no picture, or it is the demo's to replace.
    """
    root = Path(folder).expanduser() if folder else SAMPLES
    if root.exists() and root.resolve().is_relative_to(out.resolve()):
        raise Problem(
            f"PHOTOS is {folder!r}, in {pasted(out)}, which this demo replaces. Copy the photos to a folder elsewhere."
        )
    if root.is_file() and os.access(root, os.R_OK) and not is_picture(root):
        raise Problem(
            f"PHOTOS is {folder!r}, a file and no picture. Give the path of a folder with photos, or of a photo."
        )
    if root.is_file():
        return Found([_photo(root, root.parent)])
    if not root.is_dir():
        raise Problem(f"PHOTOS is {folder!r}, and there is no such folder. Give the path of a folder with photos.")
    left_out: dict[str, str] = {}
    photos = sorted((_photo(path, root) for path in _files(root, out, left_out)), key=lambda photo: photo.name)
    line = _line(left_out) if folder else ""
    if not photos:
        raise Problem(
            f"There is no photo in {pasted(root)}. Put photos there, or give another folder: make demo PHOTOS=folder"
            + (f"\n{line}" if line else "")
        )
    return Found(photos, line)


def _files(root: Path, out: Path, left_out: dict[str, str]) -> Iterator[Path]:
    """Every file that may be a photo; `left_out` gets the reason for each of the others."""

    def unreadable(error: OSError) -> None:
        left_out[f"{Path(error.filename).relative_to(root).as_posix()}/"] = "cannot be read"

    for place, folders, names in os.walk(root, onerror=unreadable):
        here = Path(place)
        folders[:] = [name for name in folders if (here / name).resolve() != out.resolve()]
        for name in [*folders, *names]:
            path = here / name
            reason = _why_left_out(path)
            if reason:
                slash = "/" if path.is_dir() else ""
                left_out[f"{path.relative_to(root).as_posix()}{slash}"] = reason
            elif name not in folders:
                yield path
        folders[:] = [name for name in folders if not _why_left_out(here / name)]


def _why_left_out(path: Path) -> str:
    """In a few words; empty when it is not."""
    if path.name.startswith("."):
        return "hidden"
    if path.is_symlink() and not path.exists():
        return "a link that leads nowhere"
    if path.is_symlink() and path.is_dir():
        return "a link to a folder"
    if path.is_dir():
        return ""
    if not path.is_file():
        return "not a file"
    return "no picture by its name" if _NO_PICTURE.fullmatch(path.suffix) else ""


def _line(left_out: dict[str, str]) -> str:
    """`3 files left out: README.md, notes.txt (no picture by its name); .git/ (hidden)`."""
    if not left_out:
        return ""
    by_reason: dict[str, list[str]] = {}
    for name, reason in sorted(left_out.items()):
        by_reason.setdefault(reason, []).append(name)
    lines = []
    for reason, names in by_reason.items():
        more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
        lines.append(", ".join(shown(name) for name in names[:_NAMES_SHOWN]) + f"{more} ({reason})")
    return f"{len(left_out):,} file{'' if len(left_out) == 1 else 's'} left out: {'; '.join(lines)}"


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
