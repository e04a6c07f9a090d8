"""Tables of settings in the documents, from the dataclasses that hold them: `python -m tools.settings_table`."""

import ast
import inspect
import sys
from collections.abc import Iterable, Mapping
from dataclasses import Field, fields
from itertools import pairwise
from typing import Any

from dropcut_cdk.input import Input
from dropcut_cdk.props import DropcutProps
from dropcut_cdk.settings import Settings as SettingsOfDropcut
from dropcut_cli.clone.places import REPOSITORY
from infra.settings import Settings

CLASSES = (SettingsOfDropcut, DropcutProps, Input, Settings)
TABLES: Mapping[str, Mapping[str, Iterable[Field[Any]]]] = {
    "docs/settings.md": {
        "settings": sorted(fields(Settings), key=lambda each: each in fields(SettingsOfDropcut)),  # ours first
    },
    "docs/construct.md": {
        "arguments": [each for each in fields(DropcutProps) if each not in fields(Settings)],
        "inputs": fields(Input),
    },
}
"""By document, the tables between its markers `<!-- name -->` and `<!-- /name -->`."""


class MarkersMissingError(ValueError):
    """A document has no place for a table; the message says which."""


def main() -> None:
    """Write each table anew."""
    for name in TABLES:
        path = REPOSITORY / name
        try:
            path.write_text(with_tables(path.read_text(encoding="utf-8"), TABLES[name]), encoding="utf-8")
        except (OSError, MarkersMissingError) as problem:
            sys.exit(f"{path} was left as it is: {problem}")


def with_tables(document: str, tables: Mapping[str, Iterable[Field[Any]]]) -> str:
    """The document with what stands between each table's markers replaced.

    Raises:
        MarkersMissingError: the markers are missing or turned round.
    """
    for name, settings in tables.items():
        document = with_content(document, name, table(settings))
    return document


def with_content(document: str, name: str, content: str) -> str:
    """The document with the content between the markers of that name.

    Raises:
        MarkersMissingError: the markers are missing or turned round.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = document.partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise MarkersMissingError(f"The document needs a line {begin.strip()} and, after it, a line {end}.")
    return before + begin + content + end + after


def table(settings: Iterable[Field[Any]]) -> str:
    """Settings as a Markdown table, ending in a newline."""
    purposes = {field: purpose for each in CLASSES for field, purpose in _purposes(each).items()}
    lines = ["| setting | default | allowed | what it is for |", "|---|---|---|---|"]
    for each in settings:
        kind, *shown = each.type.__metadata__  # type: ignore[union-attr] # it is `Annotated`
        default = shown[0] if shown else _as_text(each.default)
        lines.append(f"| `{each.name}` | {default} | {kind.allowed} | {purposes[each]} |")
    return "\n".join(lines) + "\n"


def _purposes(settings: type[Any]) -> dict[Field[Any], str]:
    """What each setting of a class is for: the text below it."""
    (of_class,) = ast.parse(inspect.getsource(settings)).body
    known = {each.name: each for each in fields(settings)}
    found = {}
    for field, text in pairwise(of_class.body if isinstance(of_class, ast.ClassDef) else ()):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(purpose))):
                found[known[name]] = " ".join(purpose.split())
    return found


def _as_text(default: object) -> str:
    if default in (None, "", ()):
        return "none"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


if __name__ == "__main__":
    main()
