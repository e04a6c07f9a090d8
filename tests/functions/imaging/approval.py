"""Compares a picture with the approved one, as an eye would; keeps both and their difference when they differ.

    APPROVE=yes python -m pytest tests/functions/imaging/test_make_rendition.py

puts what is made now in the place of the approved pictures: look at each of them before you commit them.
"""

import os
import tempfile
from pathlib import Path

import pytest
import pyvips

APPROVED = Path(__file__).parent / "approved"
VISIBLE = 2.0
"""Difference in CIEDE2000 from which on a pixel counts as another one: a trained eye just sees 1."""
LARGEST = 12.0
"""No single pixel may differ more, wherever it is."""
SHARE = 0.005
"""Of all pixels, that may differ visibly: another version of an encoder rounds otherwise."""
_GROUNDS = ([0, 160, 0], [255, 255, 255])
"""What transparent pictures are looked at on: a colour that shows fringes, and what most pages have."""


def assert_looks_as_approved(made: Path, name: str) -> None:
    """Fails with a folder that holds `made.png`, `approved.png` and `difference.png`."""
    picture, approved = pyvips.Image.new_from_file(str(made), revalidate=True), APPROVED / f"{name}.png"
    if os.environ.get("APPROVE") == "yes":
        picture.pngsave(str(approved), compression=9, keep="none")
        pytest.skip(f"{approved} is what was made just now: look at it")
    expected = pyvips.Image.new_from_file(str(approved))
    said = difference(picture, expected)
    if said is not None:
        summary, image = said
        folder = Path(tempfile.mkdtemp(prefix=f"dropcut-{name}-"))
        picture.write_to_file(str(folder / "made.png"))
        expected.write_to_file(str(folder / "approved.png"))
        if image is not None:
            image.write_to_file(str(folder / "difference.png"))
        pytest.fail(f"{name} does not look as approved: {summary}. Compare the pictures in {folder}")


def difference(picture: pyvips.Image, expected: pyvips.Image) -> tuple[str, pyvips.Image | None] | None:
    """What a viewer would notice, with a picture of where; None when that is nothing."""
    if (picture.width, picture.height, picture.bands) != (expected.width, expected.height, expected.bands):
        sizes = [f"{each.width} x {each.height} with {each.bands} channels" for each in (picture, expected)]
        return f"{sizes[0]}, not {sizes[1]}", None
    maps = [_shown(picture, ground).dE00(_shown(expected, ground)) for ground in _GROUNDS]
    worst = (maps[0] > maps[1]).ifthenelse(maps[0], maps[1])
    largest, share = worst.max(), (worst > VISIBLE).avg() / 255
    if largest <= LARGEST and share <= SHARE:
        return None
    summary = f"{share:.1%} of the pixels differ visibly, the most by {largest:.1f} (CIEDE2000)"
    return summary, (worst * 10).cast("uchar")


def _shown(picture: pyvips.Image, ground: list[int]) -> pyvips.Image:
    return picture.flatten(background=ground) if picture.hasalpha() else picture.colourspace("srgb")
