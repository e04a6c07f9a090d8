"""One rendition: a shape in which a cut-out is delivered, as a small named description that is checked when it is made.

`docs/renditions.md` shows each option with a picture; the ready-made ones are in `core/rendition_setting.py`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from dropcut.core.key_template import KeyTemplateError, check_key_template
from dropcut.core.quality import Measures
from dropcut.core.shadow import Shadow, ShadowError

FORMATS = {"png": "png", "webp": "webp", "jpeg": "jpg", "avif": "avif"}
"""Formats of renditions, and the extensions of their files."""
BACKGROUNDS = "transparent, checker, or a colour such as #ffffff"
TRANSPARENT, CHECKER = "transparent", "checker"
LONGEST_CANVAS_SIDE = 10_000
LONGEST_AVIF_SIDE = 4_096
"""AVIF's encoder holds the whole picture and takes its time: at a photo's full size it would take minutes."""
DEFAULT_QUALITY = {"jpeg": 90, "avif": 65}
"""WebP without a quality is lossless, as PNG always is."""
LOWEST_QUALITY = 30
"""The least to which `max_bytes` brings the quality down: below it, blocks show in a shop's zoom."""


class RenditionError(ValueError):
    """A rendition contradicts itself or another; the sentence names it, what is wrong and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Rendition:
    """What is made of a full-size cut-out. Raises RenditionError when its parts do not go together."""

    name: str
    format: str = "png"
    """`png`, `webp`, `jpeg` or `avif`."""
    longest_side: int | None = None
    """In pixels; a smaller picture is left as it is, never enlarged."""
    canvas: str | None = None
    """Exact width and height, such as `2000x2000`: the picture is fitted into it, enlarged if need be."""
    trim: bool = False
    """Cut away what is empty around the subject."""
    margin_percent: float = 0.0
    """What a trimmed picture keeps around the subject, in percent of the subject's longer side, on each side."""
    subject_percent: float | None = None
    """How much of the canvas's width or height the subject fills, whichever it reaches first."""
    centre: bool = False
    """Move the subject into the middle of the frame without changing the frame."""
    background: str = TRANSPARENT
    """`transparent`, `checker`, or a colour `#rrggbb`."""
    shadow: str | Mapping[str, float] | None = None
    """What the subject casts onto the ground it stands on: `soft`, or a description (core/shadow.py)."""
    alpha_only: bool = False
    """A grey picture of the transparency alone: white is the subject."""
    quality: int | None = None
    """1 to 100, of JPEG, AVIF and lossy WebP."""
    max_bytes: int | None = None
    """Ceiling of the file's size: the quality goes down to keep it, then the size where that is not fixed."""
    key: str = "{folder}{stem}-{rendition}.{extension}"

    def __post_init__(self) -> None:
        wrong = [refusal for is_so, refusal in _contradictions(self) if is_so]
        for refusal in (_refused_name(self), *wrong, _refused_shadow(self), _refused_key(self)):
            if refusal:
                raise RenditionError(f"Rendition {self.name!r}: {refusal}.")

    @property
    def canvas_size(self) -> tuple[int, int] | None:
        """Width and height in pixels."""
        if self.canvas is None:
            return None
        width, _, height = self.canvas.partition("x")
        return int(width), int(height)

    @property
    def shadow_cast(self) -> Shadow | None:
        """Raises ShadowError: it cannot be made as described."""
        return None if self.shadow is None else Shadow.read(self.shadow)

    @property
    def extension(self) -> str:
        return FORMATS[self.format]

    @property
    def first_quality(self) -> int | None:
        """What is tried first; None for lossless."""
        return self.quality or DEFAULT_QUALITY.get(self.format)

    @property
    def is_as_photographed(self) -> bool:
        """Whether it is the full-size cut-out as it is, which keeps the photo's colour profile; all others are sRGB."""
        changed = self.longest_side or self.canvas or self.trim or self.centre or self.alpha_only
        plain = self.background == TRANSPARENT and self.shadow is None
        return not changed and plain and self.format in ("png", "webp")

    @classmethod
    def from_fields(cls, given: Mapping[str, object], *, based_on: Mapping[str, object] | None = None) -> Self:
        """Read one out of JSON. Raises RenditionError: an unknown field, a value of the wrong kind, a contradiction."""
        name = given.get("name")
        if not isinstance(name, str):
            raise RenditionError(f'A rendition has no name: {dict(given)!r}. Allowed: "name": "..." in each.')
        known = {field.name: field for field in fields(cls)}
        for key, value in given.items():
            if key not in known:
                raise RenditionError(f"Rendition {name!r}: there is no {key!r}. Allowed: {', '.join(known)}, like.")
            kind, said = _KINDS[key]
            if not kind(value):
                raise RenditionError(f"Rendition {name!r}: {key} is {value!r}. Allowed: {said}.")
        values: dict[str, Any] = {**(based_on or {}), **given}
        return cls(**values)

    def to_fields(self) -> dict[str, object]:
        """What differs from the defaults, and the name: `from_fields` makes the same rendition of it."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name == "name" or getattr(self, field.name) != field.default
        }


def _is_whole(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _is_number(value: object, lowest: float, highest: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest


def _is_canvas(value: object) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"[1-9][0-9]{0,4}x[1-9][0-9]{0,4}", value):
        return False
    return all(int(side) <= LONGEST_CANVAS_SIDE for side in value.split("x"))


_YES_OR_NO = (lambda value: isinstance(value, bool), "true or false")
_TEXT = (lambda value: isinstance(value, str), "a text")
_KINDS: dict[str, tuple[Any, str]] = {
    "name": _TEXT,
    "format": (lambda value: isinstance(value, str) and value in FORMATS, ", ".join(FORMATS)),
    "longest_side": (lambda value: _is_whole(value, 16, LONGEST_CANVAS_SIDE), f"16 to {LONGEST_CANVAS_SIDE} pixels"),
    "canvas": (_is_canvas, f"WIDTHxHEIGHT in pixels, such as 2000x2000, each at most {LONGEST_CANVAS_SIDE}"),
    "trim": _YES_OR_NO,
    "margin_percent": (lambda value: _is_number(value, 0, 100), "0 to 100"),
    "subject_percent": (lambda value: _is_number(value, 1, 100), "1 to 100"),
    "centre": _YES_OR_NO,
    "background": (
        lambda value: (
            isinstance(value, str)
            and (value in (TRANSPARENT, CHECKER) or re.fullmatch(r"#[0-9a-fA-F]{6}", value) is not None)
        ),
        BACKGROUNDS,
    ),
    "shadow": (lambda value: isinstance(value, str | Mapping), "'soft', or an object"),
    "alpha_only": _YES_OR_NO,
    "quality": (lambda value: _is_whole(value, 1, 100), "1 to 100"),
    "max_bytes": (lambda value: _is_whole(value, 1_000, 1_000_000_000), "1000 to 1000000000 bytes"),
    "key": _TEXT,
}
"""What each field may be, and how that is said. Whether fields go together is checked when the rendition is made."""


def _refused_name(rendition: Rendition) -> str | None:
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", rendition.name):
        return None
    return "this is no name for one. Allowed: 1 to 40 of a-z, 0-9, _ and -, beginning with a letter or figure"


def _contradictions(rendition: Rendition) -> Sequence[tuple[object, str]]:
    """What does not go together, each beside whether it is so here: the first that is so is named."""
    one, size = rendition, rendition.canvas_size
    longest = max(size) if size else one.longest_side
    is_png, is_jpeg, is_avif = (one.format == name for name in ("png", "jpeg", "avif"))
    return (
        (
            size and one.longest_side,
            "canvas and longest_side both say how large it is. Allowed: one of them",
        ),
        (
            one.subject_percent and not size,
            "subject_percent is a share of the canvas, and there is none. Allowed: with canvas",
        ),
        (
            one.subject_percent and one.trim,
            "subject_percent and trim both say how much room the subject has. Allowed: one of them",
        ),
        (
            one.margin_percent and not one.trim,
            "margin_percent is what trim leaves around the subject, and trim is not asked for. Allowed: with trim",
        ),
        (
            one.centre and (one.trim or one.subject_percent),
            "trim and subject_percent put the subject in the middle anyway. Allowed: centre without them",
        ),
        (
            is_avif and (longest is None or longest > LONGEST_AVIF_SIDE),
            f"avif of any size would take minutes. Allowed: a canvas or longest_side of at most {LONGEST_AVIF_SIDE}",
        ),
        (
            one.alpha_only and one.background != TRANSPARENT,
            "alpha_only has nothing to lay onto a background. Allowed: one of the two",
        ),
        (
            one.alpha_only and one.shadow is not None,
            "alpha_only is the subject's transparency, which a shadow is no part of. Allowed: one of the two",
        ),
        (
            is_jpeg and one.background == TRANSPARENT and not one.alpha_only,
            "jpeg has no transparency. Allowed: background checker or a colour such as #ffffff, or another format",
        ),
        (
            is_png and one.quality is not None,
            "png is lossless and has no quality. Allowed: quality with jpeg, webp and avif",
        ),
        (
            is_png and one.max_bytes and size,
            "png has no quality to lower and canvas fixes its size, so nothing could keep max_bytes. "
            "Allowed: another format, or longest_side",
        ),
    )


def _refused_shadow(rendition: Rendition) -> str | None:
    try:
        rendition.shadow_cast  # noqa: B018 - reading it checks it
    except ShadowError as error:
        return str(error)
    return None


def _refused_key(rendition: Rendition) -> str | None:
    try:
        check_key_template(rendition.key)
    except KeyTemplateError as error:
        return f"its key {rendition.key!r} {error}"
    return None


@dataclass(frozen=True, kw_only=True)
class RenditionFile:
    """A rendition that was written to a file."""

    rendition: str
    """Its name."""
    path: str
    format: str
    """Usually the one asked for; `note` says why when it is another."""
    width: int
    height: int
    size_bytes: int
    note: str = ""
    """A sentence for people when something is not as asked for."""


@dataclass(frozen=True)
class MadeCutouts:
    """Every rendition of one photo."""

    files: Sequence[RenditionFile]
    measures: Measures | None = None
    """Of the answer beside the photo; None without the photo, or when it could not be measured."""
