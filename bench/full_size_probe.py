"""Runs inside the measured interpreter: one cut-out to full size, ours or with Pillow; its time and its most memory.

`python full_size_probe.py ours|pillow PHOTO ANSWER RESULT`; prints JSON. The time counts from the interpreter's start
of this file, libraries included.
"""

import json
import sys
import time
from pathlib import Path

STARTED = time.monotonic()


def ours(photo: Path, answer: Path, result: Path) -> None:
    from dropcut.core.picture_limits import DecodeLimits  # noqa: PLC0415
    from dropcut.imaging.full_size import full_size_cutout  # noqa: PLC0415
    from dropcut.imaging.png import write_png  # noqa: PLC0415

    limits = DecodeLimits(max_pixels=200_000_000, max_frames=1)
    write_png(full_size_cutout(photo, answer, limits, colour="keep"), result)


def pillow(photo: Path, answer: Path, result: Path) -> None:
    """Decode, enlarge alpha, clear what is transparent, save: as one would write it."""
    from PIL import Image, ImageOps  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = None
    with Image.open(photo) as stored:
        upright = ImageOps.exif_transpose(stored).convert("RGB")
    with Image.open(answer) as cutout:
        alpha = cutout.getchannel("A").resize(upright.size, Image.Resampling.LANCZOS)
    cleared = Image.new("RGB", upright.size)
    cleared.paste(upright, mask=alpha.point(lambda level: 255 if level else 0))
    cleared.putalpha(alpha)
    cleared.save(result, "PNG", compress_level=6)


def most_kib() -> int:
    """The most that this program has had in memory; see memory_probe.py."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    way, *paths = sys.argv[1:]
    photo, answer, result = map(Path, paths)
    (ours if way == "ours" else pillow)(photo, answer, result)
    measured = {"seconds": time.monotonic() - STARTED, "most_kib": most_kib(), "bytes": result.stat().st_size}
    print(json.dumps(measured))
