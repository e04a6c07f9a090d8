"""An oracle for colours: what Chromium shows of each kind of photo, of what prepare sends, and of `full`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvips
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.imaging.fit import fit
from dropcut.imaging.full_size import full_size_cutout
from dropcut.imaging.png import write_png
from dropcut.imaging.repaired import with_repair

from bench.chromium import Shown, shown_by_chromium
from bench.corpus_files import KINDS_OF_ALL
from bench.report import Report, Table, Target
from local.system import temporary_folder

MOST_LEVELS = 3.0
_OPENED = ("JPEG", "PNG", "WebP", "GIF", "BMP", "AVIF")
"""Formats that Chromium knows; it opens no TIFF and no HEIC."""
_LIMITS = DecodeLimits(max_pixels=10_000_000, max_frames=1000)
_NO_INKS = "Chromium knows no inks without a profile; here a coated paper's are assumed"
_NO_R03 = "Chromium takes no notice of EXIF's R03"
_SCREEN = "Chromium darkens it for a screen of its choice; here white is at 203 cd/m2"
_END_AWAITED = "Chromium waits for the end marker before it shows the last rows"
REASONS: Mapping[str, str] = {
    "JPEG CMYK, Adobe-inverted": _NO_INKS,
    "JPEG YCCK, Adobe-inverted": _NO_INKS,
    "JPEG, Adobe RGB by EXIF": _NO_R03,
    "WebP, Adobe RGB by EXIF": _NO_R03,
    "PNG, linear by gAMA": "Chromium rounds to 8 bits before it converts",
    "PNG, PQ by cICP": _SCREEN,
    "PNG, PQ by cICP before ICC": _SCREEN,
    "PNG, HLG by cICP": _SCREEN,
    "AVIF, PQ": _SCREEN,
    "JPEG without its end": _END_AWAITED,
    "JPEG with half of its end": _END_AWAITED,
}
"""By kind: why a difference is right."""


@dataclass(frozen=True)
class Compared:
    """One kind of photo."""

    kind: str
    sent: float | None
    """Mean difference of what prepare sends, in levels; None if Chromium does not open the photo."""
    full: float | None

    @property
    def worst(self) -> float:
        return max(self.sent or 0.0, self.full or 0.0)

    def row(self) -> list[str]:
        figures = ["not opened" if each is None else f"{each:.2f}" for each in (self.sent, self.full)]
        return [self.kind, *figures, REASONS.get(self.kind, "")]


def measure() -> Report:
    """Compare every kind that Chromium opens."""
    rows = compare()
    unexplained = [each.worst for each in rows if each.kind not in REASONS]
    opened = sum(each.sent is not None for each in rows)
    return Report(
        title="browser: colours as Chromium shows them",
        how=(
            f"{len(rows)} kinds of photo of the corpus, opened by headless Chromium, drawn on white in an sRGB "
            "canvas. Beside them are prepare's picture for the API, and the full-size cut-out of an answer that "
            "removes nothing, with the photo's profile. Chromium opens both, too. Mean difference in levels of 255."
        ),
        tables=[Table(["kind", "sent", "full", "why it differs"], [each.row() for each in rows])],
        targets=[
            Target("largest mean difference without a written reason", max(unexplained), MOST_LEVELS, "levels"),
            Target("kinds that Chromium did not open", len(rows) - opened, 0, "kinds"),
        ],
    )


def compare() -> list[Compared]:
    with temporary_folder("browser") as folder:
        photos: dict[str, bytes] = {}
        made: dict[str, tuple[bytes, bytes]] = {}
        for kind, make in KINDS_OF_ALL.items():
            if not kind.startswith(_OPENED):
                continue
            photos[kind] = make()
            try:
                made[kind] = _sent_and_full(photos[kind], folder)
            except PictureRefusedError as refusal:
                raise AssertionError(f"{kind}: {refusal}") from refusal
        order = list(photos)
        pictures = [photos[kind] for kind in order]
        pictures += [made[kind][0] for kind in order] + [made[kind][1] for kind in order]
        shown = shown_by_chromium(pictures, folder / "chromium")
    count = len(order)
    return [
        Compared(kind, _difference(shown[at], shown[count + at]), _difference(shown[at], shown[2 * count + at]))
        for at, kind in enumerate(order)
    ]


def _sent_and_full(photo: bytes, folder: Path) -> tuple[bytes, bytes]:
    """What prepare sends, and the full-size cut-out of an answer that leaves all of it."""
    source, sent, answer, full = (folder / name for name in ("photo", "sent", "answer.png", "full.png"))
    source.write_bytes(photo)
    fit(source, sent, _LIMITS)
    pyvips.Image.new_from_buffer(sent.read_bytes(), "").colourspace("srgb")[:3].bandjoin(255).pngsave(str(answer))
    with_repair(lambda photo: write_png(full_size_cutout(photo, answer, _LIMITS, colour="keep"), full), source)
    return sent.read_bytes(), full.read_bytes()


def _difference(one: Shown | None, other: Shown | None) -> float | None:
    if one is None or other is None or one.shape != other.shape:
        return None
    return float(np.abs(one.astype(float) - other.astype(float)).mean())
