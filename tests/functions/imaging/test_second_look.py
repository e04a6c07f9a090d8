"""A blank page is believed only if it comes from the file's own bytes."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.imaging import decode
from dropcut.imaging.fit import fit
from PIL import Image

from tests.functions.photos_of_all_kinds import heic
from tests.functions.tiffs import tiff

LIMITS = DecodeLimits(max_pixels=1_000_000, max_frames=10)


def blank(kind: str, colour: int) -> bytes:
    if kind.startswith("tiff"):
        compression = 8 if "deflate" in kind else 1
        return tiff(np.full((66, 83, 3), colour, np.uint8), compression=compression, tile=32 if "tiles" in kind else 0)
    encoded = io.BytesIO()
    Image.new("RGB", (83, 66), (colour,) * 3).save(encoded, kind)
    return encoded.getvalue()


@pytest.mark.parametrize("colour", [0, 128, 255])
@pytest.mark.parametrize("kind", ["tiff", "tiff deflate", "tiff tiles", "bmp", "gif", "avif", "jpeg", "png", "webp"])
def test_a_photo_of_one_colour_is_delivered(tmp_path: Path, kind: str, colour: int) -> None:
    (tmp_path / "photo").write_bytes(blank(kind, colour))
    assert fit(tmp_path / "photo", tmp_path / "sent", LIMITS).width == 83


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize(
    ("kind", "make"),
    [("tiff", lambda: blank("tiff", 9)), ("gif", lambda: blank("gif", 9)), ("heic", heic)],
    ids=["tiff", "gif", "heic"],
)
def test_a_page_that_no_data_change_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, make: Callable[[], bytes], bands: int
) -> None:
    """As libtiff's white page for an old-style JPEG in tiles."""
    made_up = pyvips.Image.black(83, 66, bands=bands).copy(interpretation="srgb")
    monkeypatch.setitem(decode._LOAD, kind, lambda _: made_up)  # type: ignore[misc]
    (tmp_path / "photo").write_bytes(make())
    with pytest.raises(PictureRefusedError, match="made a blank page of it") as refusal:
        fit(tmp_path / "photo", tmp_path / "sent", LIMITS)
    assert refusal.value.code == "damaged"
