"""Texts whose length AWS limits: measured as AWS measures them, and what is unknown at synth at its longest."""

from contextlib import nullcontext

import pytest

from infra.settings import SettingsError

BUCKET = "${Token[TOKEN.12]}"
"""As the CDK writes a name that is known at deployment only."""


@pytest.mark.parametrize(
    ("value", "taken"),
    [("x" * 4085, True), ("x" * 4086, False), ('"' * 2042, True), ('"' * 2043, False), ("\u00e9" * 2043, False)],
)
def test_an_environment_is_measured_as_lambda_does_it_as_one_json_object(value: str, taken: bool) -> None:
    """`{"NAME":"..."}` adds eleven bytes, and a quote within a value is two."""
    from dropcut_cdk.limits import check_environment

    with nullcontext() if taken else pytest.raises(SettingsError, match="Allowed: 4,096"):
        check_environment("cut", {"NAME": value})


@pytest.mark.parametrize(
    ("prefix", "taken"),
    [("x" * 2036, True), ("x" * 2037, False), (BUCKET + "x" * 1973, True), (BUCKET + "x" * 1974, False)],
)
def test_a_pattern_is_measured_with_the_longest_name_that_a_bucket_can_have(prefix: str, taken: bool) -> None:
    """`{"key":["..."]}` adds twelve characters, and that name has 63."""
    from dropcut_cdk.limits import check_pattern

    with nullcontext() if taken else pytest.raises(SettingsError, match="Allowed: 2,048, EventBridge's limit, by less"):
        check_pattern("it", {"key": [prefix]}, shorter="less")
