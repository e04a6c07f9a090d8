"""Makes the pictures of docs/renditions.md: `python -m bench.rendition_gallery`.

Each is the rendition that its row there describes, made of `samples/cup.png` by the functions' own code, then reduced.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pyvips
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import READY_MADE
from dropcut.imaging.make_rendition import make_rendition
from PIL import Image

from dropcut_cli.clone.places import REPOSITORY
from local.places import SAMPLES
from stand_in.segmentation import cut_by_segmentation

PICTURES = REPOSITORY / "docs" / "renditions"
_LONGEST_SIDE = 180
_PAGE = [221, 232, 226]
"""What shows through where a picture is transparent: the page may be white, and so may be the rendition."""

GALLERY: Mapping[str, Mapping[str, object]] = {
    "longest_side": {"longest_side": 600},
    "canvas": {"canvas": "500x500", "background": "#3a5a78"},
    "trim": {"trim": True},
    "margin_percent": {"trim": True, "margin_percent": 15},
    "subject_percent": {"canvas": "500x500", "subject_percent": 60, "background": "#ffffff", "format": "jpeg"},
    "centre": {"centre": True, "background": "checker"},
    "background": {"background": "#f2c14e", "format": "jpeg"},
    "checker": {"background": "checker", "format": "jpeg"},
    "shadow": {
        "canvas": "500x500",
        "subject_percent": 80,
        "background": "#ffffff",
        "format": "jpeg",
        "shadow": "soft",
    },
    "shadow_strong": {"trim": True, "margin_percent": 5, "shadow": {"opacity_percent": 70, "blur_percent": 5}},
    "alpha_only": {"alpha_only": True},
    "quality": {"format": "jpeg", "quality": 5, "background": "#ffffff"},
}


def main() -> None:
    """Write one small WebP for each option and each ready-made rendition."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        cutout = cut_out_sample(Path(folder))
        options = [Rendition.from_fields({"name": name, **fields}) for name, fields in GALLERY.items()]
        for rendition in (*options, *READY_MADE.values()):
            made = make_rendition(cutout, rendition, Path(folder) / rendition.name)
            _reduced(Path(made.path)).webpsave(str(PICTURES / f"{rendition.name}.webp"), Q=82, keep="none")


def cut_out_sample(folder: Path) -> pyvips.Image:
    """The sample as the stand-in API cuts it out."""
    path = folder / "cut-out.png"
    cut_by_segmentation(Image.open(SAMPLES / "cup.png").convert("RGB")).save(path)
    return pyvips.Image.new_from_file(str(path))


def _reduced(path: Path) -> pyvips.Image:
    picture = pyvips.Image.thumbnail(str(path), _LONGEST_SIDE, height=_LONGEST_SIDE, size="down").colourspace("srgb")
    return picture.flatten(background=_PAGE) if picture.hasalpha() else picture


if __name__ == "__main__":
    main()
