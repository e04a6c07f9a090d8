"""Run with `python -m bench.canary_probe FOLDER`: fits each photo of a folder and prints what was sent, as a hash.

glibc fills new memory with the value of MALLOC_PERTURB_. Started with different ones, it separates pixels that come
from the file from pixels that lay in memory.
"""

import hashlib
import sys
from pathlib import Path


def main() -> None:
    from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError  # noqa: PLC0415
    from dropcut.imaging.fit import fit  # noqa: PLC0415

    folder = Path(sys.argv[1])
    sent = folder.with_name("canary.sent")
    for photo in sorted(folder.iterdir()):
        try:
            fit(photo, sent, DecodeLimits(max_pixels=120_000_000, max_frames=1000))
            print(photo.name, hashlib.sha256(sent.read_bytes()).hexdigest(), flush=True)
        except PictureRefusedError as refusal:
            print(photo.name, refusal.code, flush=True)


if __name__ == "__main__":
    main()
