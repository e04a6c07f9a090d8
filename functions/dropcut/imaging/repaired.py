"""Makes a sound file of a photo that decoders refuse although every pixel is in it.

Wrong checksums and a missing end marker are no pixels. The sound file is read strictly: whether really nothing else
is missing, its decoder finds out.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TypeVar

from dropcut.core import picture_refusals
from dropcut.core.formats.jpeg_header import lacks_only_its_end
from dropcut.core.formats.png_chunks import SIGNATURE
from dropcut.core.formats.png_rows import made_sound
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.imaging.decode import picture_errors

_END_OF_JPEG = b"\xff\xd9"
Made = TypeVar("Made")


def with_repair(make: Callable[[Path], Made], photo: Path) -> Made:
    """What `make` makes of the photo, or of its sound copy when the photo itself is called damaged.

    Raises:
        PictureRefusedError: what `make` raised at the photo, when there is more to it than a wrong mark.
    """
    try:
        with picture_errors():
            return make(photo)
    except PictureRefusedError as refusal:
        if refusal.code != picture_refusals.DAMAGED:
            raise
        with _sound(photo) as copy:
            if copy is None:
                raise
            with picture_errors():
                return make(copy)


@contextmanager
def _sound(photo: Path) -> Iterator[Path | None]:
    """A copy that decoders take, for as long as the context lasts; None when a part of the photo is missing."""
    with photo.open("rb") as file, NamedTemporaryFile() as copy:
        is_sound = False
        if photo.stat().st_size > len(SIGNATURE):
            with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                is_sound = _written_sound(data, copy)
        copy.flush()
        yield Path(copy.name) if is_sound else None


def _written_sound(data: mmap, copy: IO[bytes]) -> bool:
    if data[: len(SIGNATURE)] == SIGNATURE:
        return made_sound(data, copy.write)
    if data[:3] == b"\xff\xd8\xff" and lacks_only_its_end(data):
        whole = data[-1:] != b"\xff"  # else the marker's first byte is there
        copy.write(data)
        copy.write(_END_OF_JPEG if whole else _END_OF_JPEG[1:])
        return True
    return False
