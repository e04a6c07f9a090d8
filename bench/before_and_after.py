"""Makes the picture at the top of README.md: `python -m bench.before_and_after`.

A photo of `samples/`, its cut-out and a rendition of it, side by side. The stand-in API cuts out; the functions' own
code does the rest.
"""

import tempfile
from pathlib import Path

import pyvips
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import READY_MADE
from dropcut.imaging.make_rendition import make_rendition

from bench.rendition_gallery import cut_out_sample
from dropcut_cli.clone.places import REPOSITORY
from local.places import SAMPLES

PICTURE = REPOSITORY / "docs" / "before-and-after.webp"
_HEIGHT = 240
"""Of the strip, in pixels."""
_GAP = 12
_AFTER = (
    Rendition.from_fields({"name": "on_squares", "background": "checker", "format": "jpeg"}),
    READY_MADE["amazon_main"],
)


def main() -> None:
    """Write the strip as a small WebP."""
    with tempfile.TemporaryDirectory() as folder:
        cutout = cut_out_sample(Path(folder))
        after = [Path(make_rendition(cutout, each, Path(folder) / each.name).path) for each in _AFTER]
        strip = [_of_height(path) for path in (SAMPLES / "cup.png", *after)]
        joined = strip[0]
        for picture in strip[1:]:
            joined = joined.join(picture, "horizontal", shim=_GAP, background=255, expand=True)
        joined.webpsave(str(PICTURE), Q=82, keep="none")


def _of_height(path: Path) -> pyvips.Image:
    picture = pyvips.Image.thumbnail(str(path), 10 * _HEIGHT, height=_HEIGHT).colourspace("srgb")
    return picture.flatten(background=255) if picture.hasalpha() else picture


if __name__ == "__main__":
    main()
