"""The list of a deployment's renditions: ready-made ones, and reading and writing a list as JSON."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from dropcut.core.key_template import could_collide
from dropcut.core.rendition import Rendition, RenditionError

FULL = Rendition(name="full", key="{folder}{stem}.{extension}")
"""The cut-out at the photo's own size; its format is the setting `output_format`."""

READY_MADE: Mapping[str, Rendition] = {
    rendition.name: rendition
    for rendition in (
        FULL,
        # Seller Central's image guide: pure white; the product fills 85 % of the frame or more; sRGB JPEG preferred.
        # The zoom needs 1,000 px or more; 10,000 px are the most. 87 % keeps soft edges above 85 %.
        Rendition(
            name="amazon_main",
            format="jpeg",
            canvas="2000x2000",
            subject_percent=87,
            background="#ffffff",
            max_bytes=10_000_000,
        ),
        # Merchant Center's help on `image_link`: white or transparent; the product takes 75 to 90 % of the picture.
        # 1,500 x 1,500 px or more is best, 16 MB the most.
        Rendition(
            name="google_shopping",
            format="jpeg",
            canvas="1500x1500",
            subject_percent=82,
            background="#ffffff",
            max_bytes=16_000_000,
        ),
        # Seen with many marketplaces (eBay's help: 500 px or more, 1,600 recommended, no borders, no texts).
        Rendition(
            name="white_square", format="jpeg", canvas="1600x1600", subject_percent=85, background="#ffffff"
        ),
        # For one's own pages: no shop's rule.
        Rendition(name="web", format="webp", longest_side=1600, trim=True, margin_percent=2, quality=85),
        Rendition(name="preview", format="jpeg", longest_side=800, background="checker", quality=80),
        Rendition(name="mask", alpha_only=True),
    )
}  # fmt: skip


def read_renditions(given: object, *, full_format: str = "png") -> tuple[Rendition, ...]:
    """The renditions that a setting or an environment variable asks for.

    Args:
        given: JSON text, or the list it stands for: names of ready-made ones, descriptions, or both. A description may
            say `"like": "amazon_main"` to begin from a ready-made one.
        full_format: of the ready-made `full`.

    Raises:
        RenditionError: the first thing that is wrong, by the rendition's name, with what is allowed.
    """
    listed = _list(given)
    renditions = tuple(_rendition(each, full_format) for each in listed) or (replace(FULL, format=full_format),)
    _check_together(renditions)
    return renditions


def renditions_to_json(renditions: Sequence[Rendition]) -> str:
    """As short as can be: a function's whole environment has 4 KB."""
    return json.dumps([_shortest(rendition) for rendition in renditions], separators=(",", ":"))


def _list(given: object) -> Sequence[object]:
    if given in ("", None):
        return []
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise RenditionError(f"The renditions are not JSON ({error}). Allowed: {_ALLOWED}.") from error
    if not isinstance(given, list | tuple):
        raise RenditionError(f"The renditions are not a list. Allowed: {_ALLOWED}.")
    return given


_ALLOWED = 'a JSON list such as ["full", "amazon_main", {"name": "small", "format": "webp", "longest_side": 600}]'


def _rendition(given: object, full_format: str) -> Rendition:
    if isinstance(given, str):
        return _ready_made(given, full_format)
    if not isinstance(given, Mapping):
        raise RenditionError(f"A rendition is {given!r}. Allowed: {_ALLOWED}.")
    described = dict(given)
    like = described.pop("like", None)
    if like is None:
        if described.get("name") in READY_MADE:
            raise RenditionError(
                f"Rendition {described['name']!r}: this is the name of a ready-made one. Allowed: another name, or "
                f'"like": "{described["name"]}" beside it to change that one.'
            )
        return Rendition.from_fields(described)
    if not isinstance(like, str):
        raise RenditionError(
            f"Rendition {described.get('name')!r}: like is {like!r}. Allowed: {', '.join(READY_MADE)}."
        )
    return Rendition.from_fields(described, based_on=_ready_made(like, full_format).to_fields())


def _ready_made(name: str, full_format: str) -> Rendition:
    if name not in READY_MADE:
        near = difflib.get_close_matches(name, READY_MADE, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise RenditionError(f"There is no ready-made rendition {name!r}. {hint}Allowed: {', '.join(READY_MADE)}.")
    return replace(FULL, format=full_format) if name == FULL.name else READY_MADE[name]


def _check_together(renditions: Sequence[Rendition]) -> None:
    for number, one in enumerate(renditions):
        for other in renditions[:number]:
            if one.name == other.name:
                raise RenditionError(f"Two renditions are named {one.name!r}. Allowed: each name once.")
            if could_collide((one.key, one.name), (other.key, other.name)):
                raise RenditionError(
                    f"Renditions {other.name!r} and {one.name!r} could get the same key "
                    f"({other.key} and {one.key}). Allowed: keys that differ in more than their extension."
                )


def _shortest(rendition: Rendition) -> object:
    if READY_MADE.get(rendition.name) == rendition:
        return rendition.name
    base = READY_MADE.get(rendition.name)
    if base:  # changed by `like`, or `full` in another format
        every = [field.name for field in fields(rendition)]
        changed = {name: getattr(rendition, name) for name in every if getattr(rendition, name) != getattr(base, name)}
        return {"like": rendition.name, "name": rendition.name, **changed}
    return rendition.to_fields()
