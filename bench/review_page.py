"""Makes the picture of docs/quality.md: `python -m bench.review_page`. It needs Debian's package `chromium`.

`dropcut review` writes its page of photos whose cut-outs were spoiled (bench/quality_sets.py); Chromium shows it.
"""

import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips
from dropcut.core.quality import quality_of
from dropcut.imaging.quality import measures_of
from PIL import Image

from bench.chromium_window import Window
from bench.quality_sets import cases
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.output import Output
from dropcut_cli.review_page import write_page

PICTURE = REPOSITORY / "docs" / "review.webp"
KINDS = ("pieces", "holes")
SIZE = 1200, 900
"""Of the window, in pixels."""


@dataclass(frozen=True)
class Spoiled:
    """Like a held photo, as far as the page needs one."""

    fields: dict[str, Any]
    pictures: dict[str, bytes]

    def picture(self, side: str) -> bytes:
        return self.pictures[side]


def spoiled_photos(kinds: Sequence[str]) -> Iterator[Spoiled]:
    """The first spoiled cut-out of each kind, as they come."""
    wanted = list(kinds)
    for case in cases("held_out"):
        if case.kind not in wanted:
            continue
        wanted.remove(case.kind)
        quality = quality_of(measures_of(*map(pyvips.Image.new_from_array, (case.photo, case.answer))))
        key = f"shop/{case.name.split(',')[0].replace(' ', '-')}.jpg"
        named = {"bucket": "photos", "key": key, "name": key, "job_id": str(len(wanted))}
        doubts = [doubt.sentence for doubt in quality.doubts]
        pictures = {"before": _as_png(case.photo), "after": _as_png(case.answer)}
        yield Spoiled({**named, "score": quality.score, "doubts": doubts}, pictures)
        if not wanted:
            return


def _as_png(pixels: Any) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "png")
    return encoded.getvalue()


def main() -> None:
    """Write it, with the second photo chosen and the first one accepted."""
    held = sorted(spoiled_photos(KINDS), key=lambda each: float(each.fields["score"]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "review"
        write_page(folder, held, Output(as_json=False))
        with Window(Path(name) / "chromium") as window:
            window.resize(*SIZE)
            window.open((folder / "index.html").as_uri())
            window.until("[...document.querySelectorAll('article')].every((card) => card.frame)")
            window.press("a")
            window.ask("scrollTo(0, 0)")
            pyvips.Image.new_from_buffer(window.picture(), "").webpsave(str(PICTURE), Q=80, keep="none")


if __name__ == "__main__":
    main()
