"""Which calls stand one after the other before a photo's output is there."""

import pytest

from bench.latencies import in_a_row
from bench.slow_aws import Call

PUT = "PUT /out/photo.png"
CASES = {
    "one after the other": ("deliver read 0 2, deliver other 2 3, deliver PUT 4 6, deliver tag 7 8", "PUT other read"),
    "side by side": ("deliver read 0 2, deliver other 0 3, deliver PUT 4 6", "PUT other"),
    "what the stage before still does when its message is sent": (
        "cut keep 0 1, cut SendMessage 1 2, cut record 2 3, deliver read 4 5, deliver PUT 6 7",
        "PUT read SendMessage keep",
    ),
    "a stage that is woken before the answer to its message is there": (
        "cut SendMessage 1 3, deliver read 2 4, deliver PUT 5 6",
        "PUT read SendMessage",
    ),
    "two outputs": ("deliver PUT 0 3, deliver PUT 3 6", "PUT"),
}


@pytest.mark.parametrize(("calls", "row"), CASES.values(), ids=CASES)
def test_calls_in_a_row_are(calls: str, row: str) -> None:
    found = in_a_row([_call(*call.split()) for call in calls.split(", ")], put_into="out")
    assert " ".join("PUT" if call.operation == PUT else call.operation for call in found) == row


def _call(function: str, operation: str, began: str, ended: str) -> Call:
    return Call(function, "", PUT if operation == "PUT" else operation, float(began), float(ended))
