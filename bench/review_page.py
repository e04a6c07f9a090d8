"""Makes the picture of docs/quality.md: `python -m bench.review_page`. It needs Debian's package `chromium`.

`dropcut review` writes its page of three sample photos, whose cut-outs were spoiled; Chromium shows it.
"""

import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips
from dropcut.core.quality import verdict
from dropcut.imaging.quality import measures_of
from PIL import Image

from bench.chromium_window import Window
from bench.quality_sets import cases
from dropcut_cli.output import Output
from dropcut_cli.review import write_page
from local.places import REPOSITORY

PICTURE = REPOSITORY / "docs" / "review.webp"
_WIDTH, _HEIGHT = 1200, 900


@dataclass(frozen=True)
class Spoiled:
    """Like a held photo, as far as the page needs one."""

    fields: dict[str, Any]
    pictures: dict[str, bytes]

    def picture(self, side: str) -> bytes:
        return self.pictures[side]


def spoiled_photos(kinds: Sequence[str]) -> Iterator[Spoiled]:
    """The first spoiled cut-out of each kind."""
    for number, kind in enumerate(kinds):
        case = next(case for case in cases("held_out") if case.kind == kind)
        quality = verdict(measures_of(*map(pyvips.Image.new_from_array, (case.photo, case.answer))))
        key = f"shop/{case.name.split(',')[0].replace(' ', '-')}.jpg"
        named = {"bucket": "photos", "key": key, "name": key, "job_id": str(number)}
        doubts = [doubt.sentence for doubt in quality.doubts]
        pictures = {"before": _as_png(case.photo), "after": _as_png(case.answer)}
        yield Spoiled({**named, "score": quality.score, "doubts": doubts}, pictures)


def _as_png(pixels: Any) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "png")
    return encoded.getvalue()


def main() -> None:
    held = sorted(
        spoiled_photos(["half missing", "holes", "background islands"]), key=lambda each: each.fields["score"]
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "review"
        write_page(folder, held, Output(as_json=False))
        with Window(Path(name) / "chromium") as window:
            window.resize(_WIDTH, _HEIGHT)
            window.open(f"file://{folder}/index.html")
            window.until(SHOWN)
            window.press("a")
            pyvips.Image.new_from_buffer(window.picture(), "").webpsave(str(PICTURE), Q=80, keep="none")


SHOWN = (
    "document.querySelectorAll('article').length && "
    "[...document.querySelectorAll('article')].every((card) => card.frame || card.querySelector('.said.error'))"
)
"""Every card of the page that is near has its pictures."""

if __name__ == "__main__":
    main()
