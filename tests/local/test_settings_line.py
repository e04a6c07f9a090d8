"""The line `SETTINGS="..."` of the make commands."""

import pytest

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
    ],
)
def test_names_and_values_are_split(line: str, settings: dict[str, str]) -> None:
    """As a shell would, so that a value may hold spaces and equals signs."""
    assert parse_settings(line) == settings


@pytest.mark.parametrize("line", ["stage", "=test", "a-b=1", "stage=a stage=b", "input_prefix='open"])
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
