"""What the functions do with pictures, without their child process; run here and on the emulated machine.

`python arm64_probe.py fit PHOTOS MADE` or `python arm64_probe.py cutouts PHOTOS MADE ANSWERS`: for each photo of a
folder a folder with what was made of it.
"""

import sys
from pathlib import Path

from dropcut.core.picture_limits import DecodeLimits
from dropcut.core.rendition_setting import read_renditions
from dropcut.imaging.fit import fit
from dropcut.imaging.make_cutouts import make_cutouts

LIMITS = DecodeLimits(max_pixels=50_000_000, max_frames=100)
# AVIF small: half a megapixel takes a minute where the processor is emulated.
RENDITIONS = read_renditions(
    [
        "full",
        {"name": "webp", "format": "webp"},
        {"name": "jpeg", "format": "jpeg", "background": "#ffffff"},
        {"name": "small", "longest_side": 400},
        {"name": "avif", "format": "avif", "longest_side": 400},
    ]
)


def main() -> None:
    what, photos, made, *answers = sys.argv[1:]
    for photo in sorted(Path(photos).iterdir()):
        folder = Path(made) / photo.name
        folder.mkdir(parents=True, exist_ok=True)
        if what == "fit":
            fit(photo, folder / "sent", LIMITS)
        else:
            answer = Path(answers[0]) / f"{photo.name}.png"
            make_cutouts(photo, answer, RENDITIONS, folder, limits=LIMITS, colour="keep")


if __name__ == "__main__":
    main()
