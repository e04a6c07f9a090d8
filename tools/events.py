"""`python -m tools events`: writes docs/events/, a JSON Schema and an example of each event, from the functions' types.

The schemas keep to what draft 4 and draft 2020-12 have in common. Fields are only ever added: what would break a
subscriber is refused here, and `make check` says when the files are stale.
"""

import json
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from dropcut import RELEASE
from dropcut.core.events import PARTS, VERSION, Envelope, Event, event_id, fields_of

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.steps import Steps
from tools.event_examples import EXAMPLES

FOLDER = REPOSITORY / "docs" / "events"
_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean"}
Schema = dict[str, Any]


def main() -> int:
    """Write what has changed.

    Raises:
        Problem: a subscriber that relies on a schema of before would break.
    """
    for path, text in _files().items():
        old = json.loads(path.read_text(encoding="utf-8")) if path.match("*.schema.json") and path.exists() else {}
        if broken := list(breaks(old, json.loads(text))):
            raise Problem(f"{path.name} would break its subscribers: {'; '.join(broken)}. Only add fields.")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    Steps().say(f"Written: {FOLDER.relative_to(REPOSITORY)}")
    return 0


def stale_files() -> list[str]:
    """Files of docs/events that are not what the types say."""
    files = _files()
    wrong = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    return [str(path.relative_to(REPOSITORY)) for path in [*wrong, *(set(FOLDER.glob("*")) - files.keys())]]


def name_of_files(detail_type: str) -> str:
    """`Cutout Delivered` is described by `cutout-delivered.schema.json`."""
    return detail_type.lower().replace(" ", "-")


def schema_of(event: type[Event]) -> Schema:
    """Of an event's `detail`."""
    described = {"title": event.NAME, "description": event.__doc__}
    return described | _object([Envelope, event])


def example_of(event: Event) -> Mapping[str, Any]:
    """An event's `detail`."""
    service = "dropcut-prod"
    envelope = Envelope(
        version=VERSION,
        event_id=event_id(service, event, ""),
        service=service,
        time="2026-11-26T09:15:02.120Z",
        release=RELEASE,
    )
    return {**asdict(envelope), **fields_of(event)}


def breaks(old: Schema, new: Schema, at: str = "") -> Iterator[str]:
    """What somebody who relies on the old schema would miss in the new one, and what would be new to them.

    A new field is no such thing, and a new value of a field is.
    """
    if not old:
        return
    more = set(_kinds(new)) - set(_kinds(old))
    if "enum" in old:
        more |= set(new.get("enum", ["any text"])) - set(old["enum"])
    if more:
        yield f"{at} may be {' or '.join(sorted(more))}"
    for name, was in old.get("properties", {}).items():
        place, now = f"{at}.{name}" if at else name, new.get("properties", {}).get(name)
        if now is None:
            yield f"{place} is gone"
            continue
        if name in old.get("required", []) and name not in new.get("required", []):
            yield f"{place} may be left out"
        yield from breaks(was, now, place)
    if "items" in new:
        yield from breaks(old.get("items", {}), new["items"], f"{at}[]")


def _files() -> Mapping[Path, str]:
    texts = {}
    for event in EXAMPLES:
        name = name_of_files(event.NAME)
        for kind, content in (("schema", schema_of(type(event))), ("example", example_of(event))):
            texts[FOLDER / f"{name}.{kind}.json"] = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return texts


def _kinds(schema: Schema) -> Sequence[str]:
    kinds = schema["type"]
    return kinds if isinstance(kinds, list) else [kinds]


def _object(of: Sequence[type]) -> Schema:
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for each in of:
        hints = get_type_hints(each, include_extras=True)
        for field in fields(each):
            if field.name in PARTS:
                (part,) = (kind for kind in get_args(hints[field.name]) or [hints[field.name]] if is_dataclass(kind))
                inner = _object([part])  # type: ignore[list-item] # a class
                properties |= inner["properties"]
                required += inner["required"] if field.default is MISSING else []
                continue
            properties[field.name] = _schema(hints[field.name], nullable=field.default is MISSING)
            required += [field.name] if field.default is MISSING else []
    return {"type": "object", "required": required, "properties": properties}


def _schema(hint: Any, *, nullable: bool = True) -> Schema:
    """Of a type; the only union there is, is that with None."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _schema(arguments[0], nullable=nullable) | {"description": arguments[1]}
    if origin in (Union, types.UnionType):
        schema = _schema(arguments[0])
        return schema | ({"type": [schema["type"], "null"]} if nullable else {})
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if is_dataclass(hint):
        return _object([hint])  # type: ignore[list-item] # a class
    if origin is not None:
        return {"type": "object"} if issubclass(origin, Mapping) else {"type": "array", "items": _schema(arguments[0])}
    return {"type": _SIMPLE[hint]}
