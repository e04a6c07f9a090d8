"""The operation that is bought: its payment key decides what is paid for once, so old keys have to stay."""

from dataclasses import replace

import pytest
from dropcut.core.api_limits import MAX_PIXELS
from dropcut.core.operation import OPERATIONS, REMOVE_BACKGROUND, Expected, Operation

SHA = "ab" * 32
UPSCALE = Operation(
    name="upscale",
    path="/v2beta/stable-image/upscale/conservative",
    fields={"output_format": "webp"},
    answer_format="webp",
    answer_has_alpha=False,
    credits={"stability": 40.0},
    key_prefix="upscale-",
)
"""An operation that the code does not know: what it needs is all in its value."""


def test_the_payment_keys_of_before_stay_valid() -> None:
    assert REMOVE_BACKGROUND.payment_key(SHA) == f"{SHA}.png"


def test_another_operation_picture_or_format_is_another_payment() -> None:
    asked = [
        REMOVE_BACKGROUND.payment_key(SHA),
        REMOVE_BACKGROUND.payment_key("cd" * 32),
        UPSCALE.payment_key(SHA),
        replace(UPSCALE, answer_format="png").payment_key(SHA),
        replace(UPSCALE, key_prefix="outpaint-").payment_key(SHA),
    ]
    assert len(set(asked)) == len(asked)


def test_a_payment_key_ends_in_the_answers_format() -> None:
    assert UPSCALE.payment_key(SHA) == f"upscale-{SHA}.webp"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (REMOVE_BACKGROUND, Expected(width=80, height=64, format="png", has_alpha=True)),
        (UPSCALE, Expected(width=80, height=64, format="webp", has_alpha=False)),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_what_the_answer_has_to_be_follows_from_the_operation(operation: Operation, expected: Expected) -> None:
    assert operation.expected(width=80, height=64) == expected


def test_each_operation_is_found_by_its_own_name_and_keeps_its_payments_apart() -> None:
    assert {name: operation.name for name, operation in OPERATIONS.items()} == {name: name for name in OPERATIONS}
    assert len({operation.payment_key(SHA) for operation in OPERATIONS.values()}) == len(OPERATIONS)


def test_removing_a_background_has_the_prices_of_the_providers() -> None:
    assert REMOVE_BACKGROUND.credits == {"ezlink": 2.0, "stability": 5.0}


def test_the_largest_answer_fits_uncompressed_and_in_base64() -> None:
    assert REMOVE_BACKGROUND.longest_body_bytes > 4 / 3 * 4 * MAX_PIXELS
