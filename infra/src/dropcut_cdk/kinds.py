"""What a setting may be: its type, its range, and the words for both. Each setting says it once, beside its default."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
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
    """What a text on a command line means. Raises ValueError: it means nothing."""

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


def whole(lowest: int, highest: int | None = None, *, allowed: str = "") -> Kind:
    """A whole number."""

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("not a whole number")
        _check_range(value, lowest, highest)
        return value

    return Kind(allowed=allowed or f"a whole number {_range(lowest, highest)}", check=check, from_text=_whole_from_text)


def number(lowest: float, highest: float | None = None, *, allowed: str = "") -> Kind:
    """A number, whole or not."""

    def check(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError("not a number")
        _check_range(value, lowest, highest)
        return float(value)

    return Kind(allowed=allowed or f"a number {_range(lowest, highest)}", check=check, from_text=_number_from_text)


def above_zero() -> Kind:
    def check(value: object) -> float:
        if checked := float(number(0).check(value)):
            return checked
        raise ValueError("out of range")

    return Kind(allowed="a number above 0", check=check, from_text=_number_from_text)


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


def yes_or_no() -> Kind:
    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError("neither true nor false")
        return value

    return Kind(allowed="`true` or `false`", check=check, from_text=lambda said: _WORDS.get(said, said))


_WORDS: Mapping[str, bool] = {"true": True, "false": False}


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
    return replace(kind, allowed=f"a list, or a text with commas, of {listed}", from_text=lambda said: said.split(","))


def optional(kind: Kind) -> Kind:
    """A value of a kind, or None."""
    return Kind(allowed=kind.allowed, check=lambda value: None if value is None else kind.check(value))


def thing(allowed: str, *, with_attribute: str) -> Kind:
    """An object of the CDK or of ours, known by an attribute: what implements an interface has no common class."""

    def check(value: object) -> object:
        if not hasattr(value, with_attribute):
            raise ValueError("something else")
        return value

    return Kind(allowed=allowed, check=check)


def photo_formats() -> Kind:
    """Names of formats, kept as a text in our order, each once."""

    def check(value: object) -> str:
        named = value.split(",") if isinstance(value, str) else value
        if not isinstance(named, list | tuple) or not named or not set(named) <= set(PHOTO_FORMATS):
            raise ValueError("not a list of formats that are known")
        return ",".join(name for name in PHOTO_FORMATS if name in named)

    return Kind(allowed="some of these, with commas between them", check=check)


def renditions() -> Kind:
    """Renditions, checked by the code that makes them; none when the full-size cut-out is all."""

    def check(value: object) -> tuple[Rendition, ...]:
        if value in ("", "[]", [], ()):
            return ()
        try:
            return read_renditions(_described(value))
        except RenditionError as error:
            raise ValueError(str(error).rstrip(".")) from error

    allowed = "a JSON list of names of ready-made renditions, descriptions, or both (docs/renditions.md)"
    return Kind(allowed=allowed, check=check)


def _described(value: object) -> object:
    """With each rendition that is a value already as what describes it."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    return [json.loads(renditions_to_json([each]))[0] if isinstance(each, Rendition) else each for each in value]


def _range(lowest: float, highest: float | None) -> str:
    return f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"


def _check_range(value: float, lowest: float, highest: float | None) -> None:
    if value < lowest or (highest is not None and value > highest):
        raise ValueError("out of range")


def _whole_from_text(said: str) -> object:
    return int(said) if re.fullmatch(r"-?[0-9]+", said) else said


def _number_from_text(said: str) -> object:
    return float(said) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", said) else said
