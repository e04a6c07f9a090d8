"""`SETTINGS="name=value name=value"`, as written on the command line of `make`."""

import io
import json
import re
import shlex
from collections.abc import Iterator, Mapping

from local.problem import Problem

_BEGINS_WITH_JSON = re.compile(r"\w+=(?=[\[{])")


def parse_settings(line: str) -> dict[str, str]:
    """Split the line into names and values.

    A value that begins with `[` or `{` is JSON and ends where its JSON does, whatever spaces and quotes are in it; any
    other with spaces is quoted as in a shell. Which names and values exist is the CDK app's to judge: it says so, with
    the list, when the stacks are made.

    Raises:
        Problem: a part is not `name=value`, its JSON cannot be read, or a name comes twice.
    """
    settings: dict[str, str] = {}
    for part in _parts(line):
        name, equals, value = part.partition("=")
        if not equals or not name.isidentifier():
            raise Problem(
                f'SETTINGS holds {part!r}; write SETTINGS="name=value name=value", for example output_format=webp.'
            )
        if name in settings:
            raise Problem(f"SETTINGS gives {name} twice: {settings[name]!r} and {value!r}. Leave one out.")
        settings[name] = value
    return settings


def as_context(settings: Mapping[str, str]) -> list[str]:
    """The same as arguments of the CDK command line."""
    return [argument for name, value in settings.items() for argument in ("--context", f"{name}={value}")]


def _parts(line: str) -> Iterator[str]:
    rest = line.strip()
    while rest:
        end = _end_of_json(rest) if _BEGINS_WITH_JSON.match(rest) else None
        if end is None:
            word, end = _first_word(rest)
            yield word
        else:
            yield rest[:end]
        rest = rest[end:].lstrip()


def _end_of_json(text: str) -> int:
    """Where the part that `text` begins with, a name and JSON, ends. A shell's rules would eat the JSON's quotes."""
    start = text.index("=") + 1
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError as broken:
        raise Problem(_not_json(text, str(broken))) from broken
    if text[end : end + 1].strip():
        raise Problem(_not_json(text, f"{text[end]!r} follows its end"))
    return end


def _not_json(text: str, why: str) -> str:
    return (
        f"SETTINGS cannot be read: what begins with [ or {{ must be JSON ({why}): {text}\n"
        'In a shell write SETTINGS=\'renditions=["full","web"]\', in single quotes.'
    )


def _first_word(text: str) -> tuple[str, int]:
    """The first word by a shell's rules, its quotes taken off, and where it ends in `text`."""
    characters = io.StringIO(text)
    words = shlex.shlex(characters, posix=True)
    words.whitespace_split, words.commenters = True, ""
    try:
        return words.get_token() or "", characters.tell()
    except ValueError as unbalanced:
        raise Problem(f"SETTINGS cannot be read ({unbalanced}): {text}") from unbalanced
