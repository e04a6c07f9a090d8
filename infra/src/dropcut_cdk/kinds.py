"""What a setting may be: its type, its range, and the words for both. Each setting says it once, beside its default."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from dropcut.core.formats.photo_format import PHOTO_FORMATS
from dropcut.core.rendition import Rendition, RenditionError
from dropcut.core.rendition_setting import read_renditions, renditions_to_json


class SettingsError(ValueError):
    """A setting is unknown, malformed or contradicts another; the message says which, and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What values a setting may have."""

    allowed: str
    """The end of a sentence that begins with "Allowed:"."""
    check: Callable[[Any], Any]
    """The value as it is kept. Raises ValueError: it is not allowed."""
    from_text: Callable[[str], object] = str
    """What a text on a command line means."""

    def read(self, given: object) -> Any:
        """The value of a text or of JSON. Raises ValueError: it is not allowed."""
        return self.check(self.from_text(given) if isinstance(given, str) else given)


def setting(default: object, kind: Kind, purpose: str, *, shown_default: str = "") -> Any:
    """A field of a dataclass of settings."""
    return field(default=default, metadata={"kind": kind, "purpose": purpose, "shown_default": shown_default})


def read_setting(name: str, kind: Kind, given: object, read: Callable[[Any], Any]) -> Any:
    """A value as `read` makes it. Raises SettingsError: a sentence with the name, the value, and what is allowed."""
    try:
        return read(given)
    except ValueError as cause:
        said = f"{name} is {given!r}: {cause}."
        if "Allowed: " not in said:  # renditions say it of the one option that is wrong
            said += f" Allowed: {kind.allowed.replace('`', '')}."
        raise SettingsError(said) from cause


def check_settings(given: Any, name: str) -> None:
    """Check every setting of a frozen dataclass, and keep each as its kind has it.

    Args:
        name: what the sentence calls one, such as `Setting {}`.

    Raises:
        SettingsError: the first that is not allowed.
    """
    for each in fields(given):
        kind: Kind = each.metadata["kind"]
        checked = read_setting(name.format(each.name), kind, getattr(given, each.name), kind.check)
        object.__setattr__(given, each.name, checked)


def _from_json(said: str) -> object:
    try:
        return json.loads(said) if said == said.strip() else said
    except ValueError:
        return said


def number(
    lowest: float, highest: float = sys.float_info.max, *, of: type[float] = float, called: str = "", allowed: str = ""
) -> Kind:
    """A finite number in a range, kept as a float, or as an `int` if it has to be whole."""
    called = called or "a number"

    def check(value: object) -> float:
        if not isinstance(value, int | of) or isinstance(value, bool):
            raise ValueError(f"not {called}")
        if not lowest <= value <= highest:
            raise ValueError("out of range")
        return of(value)

    within = f"of at least {lowest}" if highest == sys.float_info.max else f"from {lowest} to {highest}"
    return Kind(allowed=allowed or f"{called} {within}", check=check, from_text=_from_json)


def whole(lowest: int, highest: float = sys.float_info.max, *, allowed: str = "") -> Kind:
    return number(lowest, highest, of=int, called="a whole number", allowed=allowed)


ABOVE_ZERO = number(sys.float_info.min, allowed="a number above 0")


def text(pattern: str, allowed: str) -> Kind:
    """A text that a regular expression matches as a whole."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError("does not fit")
        return value

    return Kind(allowed=allowed, check=check)


def choice(*names: str) -> Kind:
    """One of these words."""
    *others, last = [f"`{name}`" for name in names]
    return text("|".join(names), f"{', '.join(others)} or {last}")


def _check_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


YES_OR_NO = Kind(allowed="`true` or `false`", check=_check_bool, from_text=_from_json)


def several(kind: Kind, *, at_least: int = 0) -> Kind:
    """A list of values of one kind."""

    def check(value: object) -> tuple[Any, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ValueError("not a list")
        if len(value) < at_least:
            raise ValueError("too few")
        return tuple(kind.check(each) for each in value)

    size = f" of at least {at_least}" if at_least else ""
    return Kind(allowed=f"a list{size}, each {kind.allowed}", check=check)


def words(*names: str) -> Kind:
    """Some of these words: a list, or a text in which commas separate them."""
    listed = ", ".join(f"`{name}`" for name in names)
    kind = several(choice(*names), at_least=1)

    def check(value: object) -> Any:
        return kind.check(value.split(",") if isinstance(value, str) else value)

    return replace(kind, allowed=f"a list, or a text with commas, of {listed}", check=check)


def optional(kind: Kind) -> Kind:
    """A value of a kind, or None."""
    return replace(kind, check=lambda value: None if value is None else kind.check(value))


def thing(allowed: str, *, with_attribute: str) -> Kind:
    """An object of the CDK or of ours, known by an attribute: what implements an interface has no common class."""

    def check(value: object) -> object:
        if not hasattr(value, with_attribute):
            raise ValueError("of another type")
        return value

    return Kind(allowed=allowed, check=check)


def _check_formats(value: object) -> str:
    named = value.split(",") if isinstance(value, str) else value
    if not isinstance(named, list | tuple) or not named or not set(named) <= set(PHOTO_FORMATS):
        raise ValueError("not a list of formats that are known")
    return ",".join(name for name in PHOTO_FORMATS if name in named)


FORMATS = Kind(allowed="some of these, with commas between them", check=_check_formats)
"""Names of formats, kept as a text in our order, each once."""


def _check_renditions(value: object) -> tuple[Rendition, ...]:
    if isinstance(value, list | tuple):
        value = [json.loads(renditions_to_json([each]))[0] if isinstance(each, Rendition) else each for each in value]
    try:
        return read_renditions(value) if value not in ("", "[]", []) else ()
    except RenditionError as error:
        raise ValueError(str(error).rstrip(".")) from error


RENDITIONS = Kind(
    allowed="a JSON list of names of ready-made renditions, descriptions, or both (docs/renditions.md)",
    check=_check_renditions,
)
"""Checked by the code that makes them; none when the full-size cut-out is all."""
