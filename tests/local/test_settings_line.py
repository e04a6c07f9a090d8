"""The line `SETTINGS="..."` of the make commands."""

import re
import shlex

import pytest

from infra.settings import Settings
from local.places import REPOSITORY
from local.problem import Problem
from local.settings_line import as_context, parse_settings


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


@pytest.mark.parametrize(
    ("document", "made"),
    [("README.md", ["full", "amazon_main", "web"]), ("docs/renditions.md", ["full", "amazon_main"])],
)
def test_the_line_that_a_document_gives_for_renditions_works(document: str, made: list[str]) -> None:
    """As a shell hands it to make, and make to the command."""
    (line,) = re.findall(r"^make deploy SETTINGS='renditions.*$", (REPOSITORY / document).read_text(), re.MULTILINE)
    _make, _deploy, written = shlex.split(line)
    settings = Settings.from_context(parse_settings(written.removeprefix("SETTINGS=")))
    assert [each.name for each in settings.renditions_made] == made


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
