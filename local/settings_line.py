"""`SETTINGS="name=value name=value"`, as written on the command line of `make`."""

import shlex
from collections.abc import Mapping

from local.problem import Problem


def parse_settings(line: str) -> dict[str, str]:
    """Split the line into names and values; a value with spaces is quoted as in a shell.

    Which names and values exist is the CDK app's to judge: it says so, with the list, when the stacks are made.

    Raises:
        Problem: a part is not `name=value`, or a name comes twice.
    """
    try:
        parts = shlex.split(line)
    except ValueError as unbalanced:
        raise Problem(f"SETTINGS cannot be read ({unbalanced}): {line}") from unbalanced
    settings: dict[str, str] = {}
    for part in parts:
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
