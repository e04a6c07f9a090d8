"""The settings that a command works with: `SETTINGS="name=value name=value"` of `make`, over those in `cdk.json`."""

import io
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.problem import USAGE, Problem
from infra.settings import Settings, SettingsError, belongs_to_cdk

CDK_JSON = REPOSITORY / "cdk.json"
_BEGINS_WITH_JSON = re.compile(r"\w+=(?=[\[{])")
_NOT_BETWEEN_DOUBLE_QUOTES = re.compile(r'["$`\\!]')


def settings_of_deployment() -> dict[str, str]:
    """The settings of the deployment that a person means: those that stay, in `cdk.json`, and SETTINGS over them.

    Every command reads them here, so that what one deploys is what another removes. As in a synth, an unknown name is
    kept, to be refused: `stag` must not mean `prod`.

    Raises:
        Problem: SETTINGS or cdk.json cannot be read.
    """
    return {**_settings_that_stay(), **_settings_of_this_run()}


def refuse_wrong(settings: Mapping[str, str]) -> None:
    """Say at once what the synth would refuse some seconds later.

    Raises:
        Problem: a setting is unknown or its value is not allowed.
    """
    try:
        Settings.from_context(settings)
    except SettingsError as wrong:
        raise Problem(str(wrong), USAGE) from wrong


def settings_on_this_machine() -> dict[str, str]:
    """The same for a system on this machine, where only SETTINGS names another API than the stand-in.

    The API in `cdk.json` is the deployment's: a demo must not spend its credits unasked.
    """
    stay = _settings_that_stay()
    stay.pop("api_base_url", None)
    return {**stay, **_settings_of_this_run()}


def where_it_is_set(name: str) -> str:
    """Where the value of a setting comes from, for a person who may have meant another."""
    if name in _settings_of_this_run():
        return "from SETTINGS"
    return "from cdk.json" if name in _settings_that_stay() else "the default"


def make_command(target: str, *variables: str) -> str:
    """A command that can be copied and means the same deployment as this run: with its SETTINGS, if there are any.

    `variables` are more of its arguments, such as `FORCE=yes`.
    """
    line = os.environ.get("SETTINGS", "").strip()
    return " ".join(["make", target, *([f"SETTINGS={quoted_for_make(line)}"] if line else []), *variables])


def quoted_for_make(value: str) -> str:
    """A variable's value as it is typed after `make`: a shell takes the quotes off, and then make reads `$$` as `$`."""
    value = value.replace("$", "$$")
    if _NOT_BETWEEN_DOUBLE_QUOTES.search(value):
        return "'" + value.replace("'", "'\\''") + "'"
    return f'"{value}"'


def _settings_of_this_run() -> dict[str, str]:
    return parse_settings(os.environ.get("SETTINGS", ""))


def _settings_that_stay() -> dict[str, str]:
    """Those among the context in `cdk.json`, as they would be written in SETTINGS."""
    try:
        context = json.loads(CDK_JSON.read_text(encoding="utf-8")).get("context", {})
        settings = {name: value for name, value in context.items() if not belongs_to_cdk(name)}
    except (OSError, ValueError, AttributeError) as broken:
        raise Problem(
            f"The settings in {CDK_JSON} cannot be read: {broken}\n"
            'It must be a JSON object whose "context" is one too; `git diff cdk.json` shows what was changed.',
            USAGE,
        ) from broken
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in settings.items()}


def parse_settings(line: str) -> dict[str, str]:
    """Split the line into names and values.

    A value that begins with `[` or `{` is JSON and ends where its JSON does, whatever spaces and quotes are in it. Any
    other value with spaces is quoted as in a shell. The CDK app judges names and values: it says so, with the list,
    when the stacks are made.

    Raises:
        Problem: a part is not `name=value`, its JSON cannot be read, or a name comes twice.
    """
    settings: dict[str, str] = {}
    for part in _parts(line):
        name, equals, value = part.partition("=")
        if not equals or not name.isidentifier():
            raise Problem(
                f'SETTINGS holds {part!r}; write SETTINGS="name=value name=value", for example output_format=webp.',
                USAGE,
            )
        if name in settings:
            raise Problem(f"SETTINGS gives {name} twice: {settings[name]!r} and {value!r}. Leave one out.", USAGE)
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
        raise Problem(_not_json(text, str(broken)), USAGE) from broken
    if text[end : end + 1].strip():
        raise Problem(_not_json(text, f"{text[end]!r} follows its end"), USAGE)
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
        raise Problem(f"SETTINGS cannot be read ({unbalanced}): {text}", USAGE) from unbalanced
