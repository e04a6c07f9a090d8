"""The process that decodes, taken over: what it says is not what it did, or is no answer at all."""

import json
import os
import signal
import time
from pathlib import Path

from tests.functions.adapters import misbehaving_child
from tests.functions.adapters.misbehaving_child import Order

CONNECTION = 3


def say(order: Order) -> None:
    os.write(CONNECTION, order["text"].encode() * order.get("times", 1))
    signal.pause()


def say_without_end(_: Order) -> None:
    while True:
        os.write(CONNECTION, b"x" * 65536)


def say_little_by_little(_: Order) -> None:
    while True:
        os.write(CONNECTION, b"x")
        time.sleep(0.02)


def fall_silent(_: Order) -> None:
    os.close(CONNECTION)
    signal.pause()


def lend_a_link(order: Order) -> None:
    """In place of the picture, as if it were one."""
    Path("made/sendable").symlink_to(order["path"])
    stated = {"format": "jpeg", "width": 80, "height": 64, "note": ""}
    os.write(CONNECTION, json.dumps({"done": stated}).encode() + b"\n")
    signal.pause()


ORDERS = {order.__name__: order for order in (say, say_without_end, say_little_by_little, fall_silent, lend_a_link)}

if __name__ == "__main__":
    misbehaving_child.main(ORDERS, layers=())
