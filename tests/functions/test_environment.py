from dataclasses import fields

import pytest
from dropcut.environment import (
    CutEnvironment,
    DeliverEnvironment,
    Environment,
    EnvironmentIncompleteError,
    GatekeeperEnvironment,
    PrepareEnvironment,
)

FUNCTIONS = [PrepareEnvironment, CutEnvironment, DeliverEnvironment, GatekeeperEnvironment]


def complete(function: type[Environment]) -> dict[str, str]:
    """A variable for every field: numbers where numbers belong."""
    return {field.name.upper(): "text" if field.type is str else "7" for field in fields(function)}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_field_is_read_from_the_variable_of_its_name(function: type[Environment]) -> None:
    environment = function.read(complete(function))
    for field in fields(function):
        value = getattr(environment, field.name)
        assert (type(value), value) == (field.type, "text" if field.type is str else 7)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_all_that_is_missing_or_wrong_is_named_at_once(function: type[Environment]) -> None:
    with pytest.raises(EnvironmentIncompleteError) as raised:
        function.read({})
    for field in fields(function):
        assert (f"{field.name.upper()} is missing" in str(raised.value)) is (field.name != "input_prefix")


@pytest.mark.parametrize("text", ["", "many", "1,5", "0x10"])
@pytest.mark.parametrize("name", ["RATE_LIMIT_REQUESTS", "API_TIMEOUT_SECONDS"])
def test_a_number_that_is_none_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(EnvironmentIncompleteError, match=f"{name} is"):
        CutEnvironment.read(complete(CutEnvironment) | {name: text})


def test_only_the_prefix_may_be_empty() -> None:
    assert PrepareEnvironment.read(complete(PrepareEnvironment) | {"INPUT_PREFIX": ""}).input_prefix == ""
    with pytest.raises(EnvironmentIncompleteError, match="WORK_BUCKET is missing"):
        PrepareEnvironment.read(complete(PrepareEnvironment) | {"WORK_BUCKET": ""})
