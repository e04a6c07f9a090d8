"""The settings of each function; and a chain of times, in which each must be long enough for the next."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import dropcut
import pytest
from botocore.retries.standard import ExponentialBackoff, RetryContext
from dropcut.core.blame import Evidence, Verdict, judge
from dropcut.core.decision import Failure
from dropcut.core.pace import HORIZON_SECONDS
from dropcut.environment import (
    AWS_CALL_SECONDS,
    AWS_CONNECT_SECONDS,
    AWS_READ_SECONDS,
    AWS_TRIES,
    CONNECT_SECONDS,
    SECONDS_TO_BEGIN,
    SECONDS_TO_STORE,
    SEND_SECONDS,
    CutEnvironment,
    DeliverEnvironment,
    Environment,
    EnvironmentIncompleteError,
    FeederEnvironment,
    GatekeeperEnvironment,
    NotifyEnvironment,
    PrepareEnvironment,
    cut_function_seconds,
    longest_call_seconds,
)
from dropcut.use_cases.review import SECONDS_TO_END_OLD

FUNCTIONS = [
    PrepareEnvironment,
    CutEnvironment,
    DeliverEnvironment,
    GatekeeperEnvironment,
    FeederEnvironment,
    NotifyEnvironment,
]
DROPCUT = Path(dropcut.__file__).parent
MAY_BE_EMPTY = {"client_id", "client_version"}


def complete(function: type[Environment], number: str = "7") -> dict[str, str]:
    """A variable for every field: numbers where numbers belong, 1 for true."""
    as_text = {str: "text", bool: "1"}
    return {field.name.upper(): as_text.get(field.type, number) for field in fields(function)}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_field_is_read_from_the_variable_of_its_name(function: type[Environment]) -> None:
    environment = function.read(complete(function))
    for field in fields(function):
        value = getattr(environment, field.name)
        assert (type(value), value) == (field.type, {str: "text", bool: True}.get(field.type, 7))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_field_is_used_by_an_entry(function: type[Environment]) -> None:
    """By itself, or in a value that is derived from it. A setting that nobody reads would change nothing."""
    name = function.__name__.removesuffix("Environment").lower()
    sources = [DROPCUT / "entries" / f"{name}.py", DROPCUT / "environment.py", DROPCUT / "imaging_stage.py"]
    used = set(re.findall(r"\b(?:environment|self)\.(\w+)", "".join(path.read_text("utf-8") for path in sources)))
    assert {field.name for field in fields(function)} - used == set()


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("number", [0.0, 7.0, 0.1, 1234.5678, 1e-7, 3.0e9])
@pytest.mark.parametrize("text", ["text", "", 'ü "{}" \n='])
def test_what_the_stacks_build_is_what_the_function_reads(
    function: type[Environment], number: float, text: str
) -> None:
    values: dict[str, Any] = {}
    for field in fields(function):
        as_number = {int: int, bool: bool}.get(field.type, float)(number)
        as_text = text if text or field.name in MAY_BE_EMPTY else "text"
        values[field.name] = as_text if field.type is str else as_number
    built = function(**values)
    assert function.read(built.to_variables()) == built


@pytest.mark.parametrize("function", FUNCTIONS)
def test_all_that_is_missing_or_wrong_is_named_at_once(function: type[Environment]) -> None:
    with pytest.raises(EnvironmentIncompleteError) as raised:
        function.read({})
    for field in fields(function):
        assert (f"{field.name.upper()} is missing" in str(raised.value)) is (field.name not in MAY_BE_EMPTY)


@pytest.mark.parametrize("text", ["", "many", "1,5", "0x10"])
@pytest.mark.parametrize("name", ["RATE_LIMIT_REQUESTS", "API_TIMEOUT_SECONDS"])
def test_a_number_that_is_none_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(EnvironmentIncompleteError, match=f"{name} is"):
        CutEnvironment.read(complete(CutEnvironment) | {name: text})


# ---- the chain of times: shorten one below what the next needs, and a test fails


def cut(api_timeout_seconds: float) -> CutEnvironment:
    """As the stacks build it, as far as its times go."""
    return replace(
        CutEnvironment.read(complete(CutEnvironment)),
        api_timeout_seconds=api_timeout_seconds,
        function_seconds=cut_function_seconds(api_timeout_seconds),
    )


def longest_aws_call() -> float:
    """Each try waits for its connection and its answer to the end; between them botocore waits as long as it can."""
    backoff = ExponentialBackoff(random=lambda: 1.0)
    waits = [backoff.delay_amount(RetryContext(attempt_number=number)) for number in range(1, AWS_TRIES)]
    return AWS_TRIES * (AWS_CONNECT_SECONDS + AWS_READ_SECONDS) + sum(waits)


TIMEOUTS = pytest.mark.parametrize("api_timeout_seconds", [0.5, 1.0, 60.0, 120.0])


def test_what_is_kept_for_a_call_of_aws_is_enough_for_its_longest() -> None:
    assert longest_aws_call() <= AWS_CALL_SECONDS
    assert longest_aws_call() <= SECONDS_TO_STORE


@TIMEOUTS
def test_the_longest_call_has_time_to_connect_to_send_and_to_read_twice(api_timeout_seconds: float) -> None:
    """The last read of an answer that drips may begin just before the time is up."""
    needs = CONNECT_SECONDS + SEND_SECONDS + 2 * api_timeout_seconds
    assert longest_call_seconds(api_timeout_seconds) >= needs


@TIMEOUTS
def test_a_call_is_begun_with_time_to_store_its_answer_and_to_record_it(api_timeout_seconds: float) -> None:
    needs = longest_call_seconds(api_timeout_seconds) + 2 * longest_aws_call()
    assert cut(api_timeout_seconds).call_needs_seconds >= needs


@TIMEOUTS
def test_a_picture_is_begun_with_time_to_wait_for_its_slot(api_timeout_seconds: float) -> None:
    of_cut = cut(api_timeout_seconds)
    assert of_cut.needed_seconds >= HORIZON_SECONDS + of_cut.call_needs_seconds


@TIMEOUTS
def test_the_function_lives_long_enough_to_learn_how_things_are_and_then_to_buy(api_timeout_seconds: float) -> None:
    """It fetches the key and reads the state of gate, health and jobs; then a picture still has to be begun."""
    of_cut = cut(api_timeout_seconds)
    assert 2 * longest_aws_call() <= SECONDS_TO_BEGIN
    assert of_cut.function_seconds >= 2 * longest_aws_call() + of_cut.needed_seconds


@TIMEOUTS
def test_a_lease_outlives_the_function_whatever_the_clocks_show(api_timeout_seconds: float) -> None:
    """Else another worker would buy the picture while the first one still can."""
    clocks_apart = 1.0  # a function's clock is kept to the millisecond; a second is a thousand times that
    of_cut = cut(api_timeout_seconds)
    assert of_cut.lease_seconds > of_cut.function_seconds + 2 * clocks_apart


@TIMEOUTS
def test_the_gatekeeper_waits_longer_than_the_cut_function_can_run(api_timeout_seconds: float) -> None:
    """Else its client would give up on a probe that goes on, and the picture would be received again."""
    gatekeeper = replace(
        GatekeeperEnvironment.read(complete(GatekeeperEnvironment)),
        cut_timeout_seconds=cut_function_seconds(api_timeout_seconds),
    )
    assert gatekeeper.invoke_seconds > cut_function_seconds(api_timeout_seconds) + AWS_CONNECT_SECONDS


@pytest.mark.parametrize(
    ("function", "processes"), [(PrepareEnvironment, 1), (DeliverEnvironment, 2)], ids=["prepare", "deliver"]
)
@pytest.mark.parametrize("imaging_seconds", [5.0, 40.0, 60.0])
def test_a_photo_is_begun_with_time_for_each_process_that_may_try_it(
    function: type[PrepareEnvironment] | type[DeliverEnvironment], processes: int, imaging_seconds: float
) -> None:
    """Deliver makes its renditions with the photo, then without it."""
    environment = replace(function.read(complete(function)), imaging_seconds=imaging_seconds)
    assert environment.needed_seconds > processes * imaging_seconds + 10


def test_deliver_has_time_to_end_old_held_photos_whenever_it_begins() -> None:
    quickest = replace(DeliverEnvironment.read(complete(DeliverEnvironment)), imaging_seconds=5.0)  # the least allowed
    assert quickest.needed_seconds > SECONDS_TO_END_OLD


@pytest.mark.parametrize(("setting", "attempts"), [("1", 2), ("2", 2), ("5", 5)])
def test_a_picture_has_two_calls_at_least_before_it_can_be_at_fault(setting: str, attempts: int) -> None:
    """With one, a lone photo failed at its first 500, although nobody knew whether other calls went well."""
    rules = CutEnvironment.read(complete(CutEnvironment) | {"MAX_ATTEMPTS": setting}).blame
    assert rules.max_attempts == attempts
    first = Evidence(attempts=1, others_went_well=True)  # which it says when nobody knows
    assert judge(Failure(code="http_500", reason="r", possibly_paid=False), first, rules) == Verdict("tries again")
