import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dropcut.core import event_names
from dropcut.core.events import Event
from jsonschema import ValidationError

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.problem import Problem
from tests.published import check_published
from tools import events
from tools.event_examples import EXAMPLES
from tools.events import FOLDER, breaks, example_of, main, name_of_files, schema_of, stale_files

PUBLISHED = [
    name
    for constant, name in vars(event_names).items()
    if constant.isupper() and constant not in ("SOURCE", "REQUESTED")
]


def schemas_of_before() -> Iterator[tuple[str, dict[str, Any]]]:
    """As they stand in the folder, and in the last commits that changed them, as far as there is a history."""
    for path in FOLDER.glob("*.schema.json"):
        yield path.name, json.loads(path.read_text(encoding="utf-8"))
    folder = FOLDER.relative_to(REPOSITORY)
    commits = git("rev-list", "--max-count=3", "HEAD", "--", str(folder)).split()
    for commit in commits:
        for name in git("ls-tree", "-r", "--name-only", commit, str(folder)).splitlines():
            if name.endswith(".schema.json"):
                yield f"{commit[:8]} {Path(name).name}", json.loads(git("show", f"{commit}:{name}"))


def git(*arguments: str) -> str:
    """What git says; nothing where there is no history."""
    run = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return run.stdout if run.returncode == 0 else ""


def test_there_is_an_example_and_a_schema_of_every_event() -> None:
    assert sorted(event.NAME for event in EXAMPLES) == sorted(PUBLISHED)
    assert stale_files() == []


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.NAME)
def test_an_example_keeps_to_its_schema_in_both_drafts(event: Event) -> None:
    check_published(event.NAME, json.loads(json.dumps(example_of(event))))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.NAME)
def test_an_event_without_what_is_always_there_does_not_keep_to_its_schema(event: Event) -> None:
    for name in schema_of(type(event))["required"]:
        detail = json.loads(json.dumps(example_of(event)))
        del detail[name]
        with pytest.raises(ValidationError, match=name):
            check_published(event.NAME, detail)


@pytest.mark.parametrize(("name", "old"), [pytest.param(name, old, id=name) for name, old in schemas_of_before()])
def test_fields_are_only_ever_added(name: str, old: dict[str, Any]) -> None:
    (new,) = (schema_of(type(event)) for event in EXAMPLES if name.endswith(f"{name_of_files(event.NAME)}.schema.json"))
    assert list(breaks(old, new)) == []


OLD = {
    "type": "object",
    "required": ["key"],
    "properties": {
        "key": {"type": "string"},
        "note": {"type": "string"},
        "by": {"type": "string", "enum": ["person", "program"]},
        "names": {"type": "array", "items": {"type": "string"}},
        "files": {
            "type": "array",
            "items": {"type": "object", "required": [], "properties": {"a": {"type": "number"}}},
        },
        "of": {"type": "object", "required": [], "properties": {"b": {"type": ["string", "null"]}}},
    },
}


def changed(**properties: Any) -> dict[str, Any]:
    every = {**OLD["properties"], **properties}  # type: ignore[dict-item]
    return OLD | {"properties": {name: value for name, value in every.items() if value}}


@pytest.mark.parametrize(
    ("new", "broken"),
    [
        (changed(), []),
        (changed(more={"type": "string"}) | {"required": ["key", "more", "note"]}, []),
        (changed(of={"type": "object", "properties": {"b": {"type": "string"}}}), []),
        (changed(by={"type": "string", "enum": ["person"]}), []),
        (changed(note=None), ["note is gone"]),
        (changed() | {"required": []}, ["key may be left out"]),
        (changed(key={"type": ["string", "null"]}), ["key may be null"]),
        (changed(key={"type": "integer"}), ["key may be integer"]),
        (changed(by={"type": "string", "enum": ["1", "2", "person"]}), ["by may be 1 or 2"]),
        (changed(by={"type": "string"}), ["by may be any text"]),
        (changed(of={"type": "object", "properties": {}}), ["of.b is gone"]),
        (changed(files={"type": "array", "items": {"type": "object"}}), ["files[].a is gone"]),
        (changed(names={"type": "array", "items": {"type": "integer"}}), ["names[] may be integer"]),
    ],
)
def test_what_a_subscriber_would_miss_is_named(new: dict[str, Any], broken: list[str]) -> None:
    assert list(breaks(OLD, new)) == broken


def test_the_command_writes_what_changed_and_refuses_what_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "REPOSITORY", tmp_path)
    monkeypatch.setattr(events, "FOLDER", tmp_path / "events")
    assert len(stale_files()) == 2 * len(EXAMPLES)
    assert main() == 0
    assert stale_files() == []
    path = tmp_path / "events" / "cutout-skipped.schema.json"
    schema = json.loads(path.read_text())
    path.write_text(json.dumps(schema | {"properties": schema["properties"] | {"colour": {"type": "string"}}}))
    assert stale_files() == ["events/cutout-skipped.schema.json"]
    with pytest.raises(Problem, match="colour is gone"):
        main()
    (tmp_path / "events" / "old.json").write_text("{}")
    assert "events/old.json" in stale_files()
