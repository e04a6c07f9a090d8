"""The settings of the make commands: the line `SETTINGS="..."`, over those that stay in `cdk.json`."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dropcut_cli.clone import settings_line
from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.settings_line import (
    as_context,
    make_command,
    parse_settings,
    quoted_for_make,
    settings_of_deployment,
    settings_on_this_machine,
    where_it_is_set,
)
from infra.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("", {}),
        ("   ", {}),
        ("stage=test", {"stage": "test"}),
        ("stage=test  output_format=webp", {"stage": "test", "output_format": "webp"}),
        ("api_base_url=https://a.example/x?y=z", {"api_base_url": "https://a.example/x?y=z"}),
        ("input_prefix='my photos/'", {"input_prefix": "my photos/"}),
        ("alarm_email=", {"alarm_email": ""}),
        ('renditions=["full","web"]', {"renditions": '["full","web"]'}),
        ("renditions='[\"full\"]' stage=a", {"renditions": '["full"]', "stage": "a"}),
        (
            'stage=a renditions=[ "full", {"name": "a b", "key": "x y"} ]  input_prefix="my photos/"',
            {"stage": "a", "renditions": '[ "full", {"name": "a b", "key": "x y"} ]', "input_prefix": "my photos/"},
        ),
        ("input_prefix='[new] #1/' stage=a", {"input_prefix": "[new] #1/", "stage": "a"}),
    ],
)
def test_names_and_values_are_split(line: str, settings: dict[str, str]) -> None:
    """As a shell would, so that a value may hold spaces and equals signs; but JSON keeps its quotes."""
    assert parse_settings(line) == settings


def test_the_line_that_the_page_gives_for_renditions_works() -> None:
    """As a shell hands it to make, and make to the command."""
    page = (REPOSITORY / "docs" / "renditions.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^make deploy SETTINGS='renditions.*$", page, re.MULTILINE)
    _make, _deploy, written = shlex.split(line)
    settings = Settings.from_context(parse_settings(written.removeprefix("SETTINGS=")))
    assert [each.name for each in settings.renditions_made] == ["full", "amazon_main", "web"]


@pytest.mark.parametrize(
    "line",
    [
        "stage",
        "=test",
        "a-b=1",
        "stage=a stage=b",
        "input_prefix='open",
        "renditions=[full,web]",
        'renditions=["full"',
        'renditions=["full"]x',
        "''",
    ],
)
def test_what_is_no_setting_is_refused_with_what_was_written(line: str) -> None:
    """A person sees the part that was wrong."""
    with pytest.raises(Problem, match="SETTINGS"):
        parse_settings(line)


def test_settings_become_arguments_of_the_cdk() -> None:
    """Each as an argument of its own: no shell comes between."""
    assert as_context({"stage": "x", "input_prefix": "a b/"}) == [
        "--context",
        "stage=x",
        "--context",
        "input_prefix=a b/",
    ]


Stay = Callable[[object], None]


@pytest.fixture
def stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stay:
    """Writes the context of a cdk.json; without SETTINGS until a test sets it."""
    monkeypatch.setattr(settings_line, "CDK_JSON", tmp_path / "cdk.json")
    monkeypatch.delenv("SETTINGS", raising=False)

    def write(context: object) -> None:
        (tmp_path / "cdk.json").write_text(json.dumps({"app": "python3 app.py", "context": context}))

    return write


def test_settings_that_stay_are_those_of_every_command(stay: Stay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under SETTINGS, and without what belongs to the CDK."""
    stay({"@aws-cdk/core:checkSecretUsage": True, "stage": "shop", "alarm_email": "a@example.com"})
    assert settings_of_deployment() == {"stage": "shop", "alarm_email": "a@example.com"}
    assert settings_on_this_machine() == settings_of_deployment()
    assert (where_it_is_set("stage"), where_it_is_set("provider")) == ("from cdk.json", "the default")
    monkeypatch.setenv("SETTINGS", "stage=test")
    assert settings_of_deployment() == {"stage": "test", "alarm_email": "a@example.com"}
    assert where_it_is_set("stage") == "from SETTINGS"


def test_values_in_json_mean_what_they_mean_to_the_synth(stay: Stay) -> None:
    """There they are lists and numbers; on a command line all is text."""
    context = {"renditions": ["full", "web"], "rate_limit_requests": 20, "rate_limit_seconds": 2.5}
    context["versioned_input"] = True
    stay(context)
    assert Settings.from_context(settings_of_deployment()) == Settings.from_context(context)


def test_an_unknown_name_that_stays_is_kept_to_be_refused(stay: Stay) -> None:
    """As the synth refuses it: with a slip in its name, the stage would be `prod`."""
    stay({"stag": "shop"})
    with pytest.raises(SettingsError, match="no setting stag "):
        Settings.from_context(settings_of_deployment())


def test_the_deployments_api_is_not_called_from_this_machine_unasked(
    stay: Stay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A demo would spend its credits."""
    stay({"api_base_url": "https://gateway.example", "input_prefix": "shop/"})
    assert settings_of_deployment()["api_base_url"] == "https://gateway.example"
    assert settings_on_this_machine() == {"input_prefix": "shop/"}
    monkeypatch.setenv("SETTINGS", "api_base_url=https://gateway.example")
    assert settings_on_this_machine()["api_base_url"] == "https://gateway.example"


@pytest.mark.parametrize("text", ["{", "[]", '{"context": ["stage"]}', None])
def test_a_cdk_json_that_cannot_be_read_does_not_mean_prod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    monkeypatch.setattr(settings_line, "CDK_JSON", tmp_path / "cdk.json")
    if text is not None:
        (tmp_path / "cdk.json").write_text(text)
    with pytest.raises(Problem, match=r"cdk\.json cannot be read"):
        settings_of_deployment()


def test_this_repositorys_own_cdk_json_holds_no_setting() -> None:
    """Its defaults are those of the table in docs/settings.md."""
    assert settings_line._settings_that_stay() == {}


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        ("", "make destroy FORCE=yes"),
        ("stage=test", 'make destroy SETTINGS="stage=test" FORCE=yes'),
        (
            'stage=test renditions=["full"]',
            "make destroy SETTINGS='stage=test renditions=[\"full\"]' FORCE=yes",
        ),
    ],
)
def test_a_command_to_copy_is_for_the_same_deployment(
    monkeypatch: pytest.MonkeyPatch, settings: str, command: str
) -> None:
    monkeypatch.setenv("SETTINGS", settings)
    assert make_command("destroy", "FORCE=yes") == command


@pytest.mark.parametrize("value", ["a b", "it's", 'a="b c"', "$HOME $(x) `id`", "a\\b !1", "'\"$"])
def test_what_is_copied_reaches_the_command_as_it_was(tmp_path: Path, value: str) -> None:
    """Through a shell and make."""
    (tmp_path / "Makefile").write_text("export VALUE\nshow:\n\t@printenv VALUE\n")
    command = f"make -s show VALUE={quoted_for_make(value)}"
    said = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said == value + "\n"
