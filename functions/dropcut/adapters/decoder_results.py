"""Checks what a process that decodes has said and written, as an enemy's: it is measured, or refused.

The process has ended by then.

Only the numbers and sentences are its own, and they are limited. The function decides where a file is and what it may
be.
"""

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dropcut.core.api_limits import MAX_PICTURE_BYTES, MAX_PIXELS
from dropcut.core.formats.heif_boxes import primary_size
from dropcut.core.formats.picture_header import NotAPictureError, read_header
from dropcut.core.picture_limits import DecodeLimits, Fitted, PictureRefusedError
from dropcut.core.picture_refusals import CODES
from dropcut.core.plain_text import shown
from dropcut.core.rendition import FORMATS, LONGEST_CANVAS_SIDE, Rendition, RenditionFile

_HEADER_BYTES = 1 << 24
"""A JPEG's size stands behind its colour profile, which may have 255 pieces of 64 KiB."""
_LONGEST_SENTENCE = 1000
_MOST_BYTES_A_PIXEL = 5
"""RGBA that no encoder makes smaller, and what is around it."""


class UntrueAnswerError(Exception):
    """No program of ours says or writes that: the process was taken over, or is out of its mind."""


def sentence(text: object) -> str:
    """A note or reason, without what drives terminals, and never a whole file."""
    if not isinstance(text, str):
        raise UntrueAnswerError("its sentence is no text")
    return shown(text[:_LONGEST_SENTENCE])[:_LONGEST_SENTENCE]


def done(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What it says that it did."""
    found = answer.get("done")
    if not isinstance(found, dict):
        raise UntrueAnswerError("it says neither what it did nor why not")
    return found


def refusal(answer: object) -> PictureRefusedError:
    """Why it says that the picture is refused."""
    if not isinstance(answer, dict):
        raise UntrueAnswerError("its refusal is no object")
    code = answer.get("code")
    if not isinstance(code, str) or code not in CODES:
        raise UntrueAnswerError("it refuses for no reason that there is")
    return PictureRefusedError(code, sentence(answer.get("reason")))


def fitted(done: Mapping[str, Any], made: Path, target: Path) -> Fitted:
    """Move the one file that `fit` makes to `target`. Raises UntrueAnswerError."""
    measured, _ = _measured(made / "sendable", done, ("jpeg", "png", "webp"), MAX_PICTURE_BYTES)
    if measured["width"] * measured["height"] > MAX_PIXELS:
        raise UntrueAnswerError("its picture has more pixels than it may have")
    found = Fitted(**measured, note=sentence(done.get("note")))
    shutil.move(made / "sendable", target)
    return found


def rendition_files(
    done: Mapping[str, Any], made: Path, asked: Sequence[Rendition], folder: Path, limits: DecodeLimits
) -> list[RenditionFile]:
    """Move the file of each rendition that was asked for to `folder`. Raises UntrueAnswerError."""
    stated = done.get("made")
    if not isinstance(stated, list) or len(stated) != len(asked) or not all(isinstance(each, dict) for each in stated):
        raise UntrueAnswerError("it made other renditions than it was asked for")
    most_bytes = _MOST_BYTES_A_PIXEL * max(limits.max_pixels, LONGEST_CANVAS_SIDE**2)
    return [_rendition_file(said, made, each, folder, most_bytes) for said, each in zip(stated, asked, strict=True)]


def _rendition_file(
    said: Mapping[str, Any], made: Path, asked: Rendition, folder: Path, most_bytes: int
) -> RenditionFile:
    form = asked.format if said.get("format") == asked.format else "png"  # which is made of what cannot be the other
    name = f"{asked.name}.{FORMATS[form]}"
    measured, size_bytes = _measured(made / name, said, (form,), most_bytes)
    note = sentence(said.get("note"))
    shutil.move(made / name, folder / name)
    return RenditionFile(rendition=asked.name, path=str(folder / name), **measured, size_bytes=size_bytes, note=note)


def _measured(
    made: Path, said: Mapping[str, Any], formats: Sequence[str], most_bytes: int
) -> tuple[dict[str, Any], int]:
    """Format, width and height, and bytes, of an ordinary file of ours that has no other name and is not too large.

    A process that says otherwise of them is not believed in anything.
    """
    try:
        # A link is not followed; a pipe is not waited for.
        with os.fdopen(os.open(made, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            about = os.fstat(file.fileno())
            is_ours = stat.S_ISREG(about.st_mode) and about.st_nlink == 1 and about.st_uid == os.geteuid()
            if not is_ours or not 0 < about.st_size <= most_bytes:
                raise UntrueAnswerError("its file is of no kind or size that it may have")
            measured = _header(file.read(_HEADER_BYTES))
    except (OSError, NotAPictureError) as error:
        raise UntrueAnswerError(f"its file cannot be used: {type(error).__name__}") from error
    if measured["format"] not in formats or any(said.get(name) != value for name, value in measured.items()):
        raise UntrueAnswerError("its picture is not what it says it is")
    return measured, about.st_size


def _header(data: bytes) -> dict[str, Any]:
    if data[4:8] == b"ftyp":
        width, height = primary_size(data)
        return {"format": "avif", "width": width, "height": height}
    header = read_header(data)
    return {"format": header.format, "width": header.width, "height": header.height}
