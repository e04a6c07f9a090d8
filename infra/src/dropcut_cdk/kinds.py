"""What a setting may be: its type, its range, and the words for both.

A class of settings is a frozen dataclass, and each setting is said in one place. The field's `Annotated` type has its
`Kind`, and how documents show its default, where not as it is. The text below the field says what it is for.
"""

import difflib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import wraps
from inspect import signature
from typing import Any, TypeVar

from dropcut.core.formats.photo_format import PHOTO_FORMATS
from dropcut.core.rendition import Rendition, RenditionError
from dropcut.core.rendition_setting import read_renditions, renditions_to_json

Class = TypeVar("Class")


class SettingsError(ValueError):
    """A setting is unknown, malformed or contradicts another; the message says which, and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What values a setting may have. None is one of them where it is the default."""

    allowed: str
    """The end of a sentence that begins with "Allowed:"."""
    check: Callable[[Any], Any]
    """The value as it is kept. Raises ValueError: it is not allowed."""
    from_text: Callable[[str], object] = str
    """What a text on a command line means."""

    def read(self, given: object) -> Any:
        """The value of a text or of JSON. Raises ValueError: it is not allowed."""
        return self.check(self.from_text(given) if isinstance(given, str) else given)


def checked(of: str = "") -> Callable[[type[Class]], type[Class]]:
    """Let a dataclass of settings take what their kinds allow, and raise SettingsError for anything else.

    Args:
        of: whose arguments the settings are, such as `an Input`; nothing for those of a deployment.
    """

    def decorate(settings: Any) -> Any:
        make = settings.__init__

        @wraps(make)
        def init(self: object, *first: object, **named: object) -> None:
            placed = signature(make).bind_partial(self, *first).arguments
            placed.pop("self")
            make(self, **checked_values(settings, dict(**placed, **named), of=of))

        settings.__init__ = init
        return settings

    return decorate


def checked_values(
    settings: type[Any], given: Mapping[str, object], *, of: str = "", as_text: bool = False
) -> dict[str, Any]:
    """The values of settings, each as its kind keeps it.

    Args:
        as_text: whether a text is what somebody wrote on a command line.

    Raises:
        SettingsError: the first that is unknown or not allowed.
    """
    known = {each.name: each for each in fields(settings)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            called = f"{name} of {of}" if of else f"setting {name}"
            raise SettingsError(f"There is no {called} (given as {value!r}). {hint}Allowed: {', '.join(known)}.")
        if value is None and known[name].default is None:
            values[name] = None
        else:
            kind: Kind = known[name].type.__metadata__[0]  # type: ignore[union-attr] # it is `Annotated`
            called = f"{name} of {of}" if of else f"Setting {name}"
            values[name] = _checked(called, kind, _counted(name, value), kind.read if as_text else kind.check)
    return values


def _counted(name: str, value: object) -> object:
    """A `Duration` of the CDK as the number that its setting counts, by the end of the name."""
    count = hasattr(value, "to_milliseconds") and getattr(value, f"to_{name.rpartition('_')[2]}", None)
    return count(integral=False) if count else value


def _checked(called: str, kind: Kind, value: object, read: Callable[[Any], Any]) -> object:
    try:
        return read(value)
    except ValueError as cause:
        said = f"{called} is {value!r}: {cause}."
        if "Allowed: " not in said:  # renditions say it of the one option that is wrong
            said += f" Allowed: {kind.allowed.replace('`', '')}."
        raise SettingsError(said) from cause


def _from_json(said: str) -> object:
    try:
        return json.loads(said) if said == said.strip() else said
    except ValueError:
        return said


def number(lowest: float, highest: float = sys.float_info.max, *, of: type[float] = float, allowed: str = "") -> Kind:
    """A finite number in a range, kept as a float, or as an `int` if it has to be whole."""
    called = "a whole number" if of is int else "a number"

    def check(value: object) -> float:
        if not isinstance(value, int | of) or isinstance(value, bool):
            raise ValueError(f"not {called}")
        if not lowest <= value <= highest:
            raise ValueError("out of range")
        return of(value)

    within = f"of at least {lowest}" if highest == sys.float_info.max else f"from {lowest} to {highest}"
    return Kind(allowed=allowed or f"{called} {within}", check=check, from_text=_from_json)


def whole(lowest: int, highest: float = sys.float_info.max, *, allowed: str = "") -> Kind:
    return number(lowest, highest, of=int, allowed=allowed)


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


def thing(allowed: str, with_attribute: str) -> Kind:
    """An object of the CDK or of ours, known by an attribute: what implements an interface has no common class."""

    def check(value: object) -> object:
        if not hasattr(value, with_attribute):
            raise ValueError("of another type")
        if hasattr(getattr(value, "encryption_key", value), "alias_name"):
            # An alias has all that `IKey` asks for, and its ARN allows nobody the use of the key.
            raise ValueError(
                "its KMS key is an alias, and policies name keys alone (Key.from_key_arn, Key.from_lookup)"
            )
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
