"""Starts the stand-in alone: `python -m stand_in --help`."""

import argparse
import signal
import sys
import threading
from importlib.util import find_spec

from stand_in import fault_command
from stand_in.profiles import PROFILE_NAMES
from stand_in.service import REMOVE_BACKGROUND
from stand_in.stand_in import USUAL_KEY, StandIn

ABOUT = (
    "Stands in for the remove-background API, for tests and demonstrations. It is not the real one: "
    "its cut-outs are made on this machine and nothing is charged to anybody."
)


def main(arguments: list[str] | None = None) -> int:
    """Runs until a signal stops it. Returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["fault"]:
        return fault_command.main(arguments[1:])
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        stand_in = _stand_in(options)
    except (OSError, OverflowError) as cause:
        print(
            f"Cannot listen on {options.host}:{options.port}: {cause}. Choose another --port.",
            file=sys.stderr,
        )
        return 1
    with stand_in:
        _introduce(stand_in, options)
        stop.wait()
    print("The stand-in has ended.", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stand_in",
        description=ABOUT,
        epilog="While it runs, `python -m stand_in fault NAME [--times N]` lets it fail on purpose; without a name it "
        "lists the faults, and `fault --help` says more. Calls and keys: docs/stand-in.md.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=_port, default=fault_command.USUAL_PORT, help="port to listen on; 0 for a free one")
    add("--profile", choices=PROFILE_NAMES, default="ezlink", help="the gateway, or the API at its maker")
    add("--key", action="append", type=_key, metavar="KEY[=CREDITS]", dest="keys", default=argparse.SUPPRESS,
        help=f"a key and its credits (none: without end); repeatable (default: {USUAL_KEY})")  # fmt: skip
    add("--latency-seconds", type=_from_zero, default=0.0, help="the least time a success takes")
    add("--window-requests", type=_from_one, default=150, help="requests allowed in one window, per key")
    add("--window-seconds", type=_from_zero, default=10.0, help="length of the window")
    add("--lockout-seconds", type=_from_zero, default=60.0, help="how long a key is locked out that sent more")
    add(
        "--credits-per-image",
        type=_from_zero,
        default=None,
        help="price of a success; None: the profile's usual price",
    )
    add("--segmentation", action=argparse.BooleanOptionalAction, default=find_spec("cv2") is not None,
        help="find the subject of the picture, with OpenCV; without, cut out an ellipse, which is fast")  # fmt: skip
    add("--access-log", action="store_true", help="print a line for each call")
    return parser


def _stand_in(options: argparse.Namespace) -> StandIn:
    return StandIn(
        options.profile,
        keys=dict(getattr(options, "keys", [])),
        host=options.host,
        port=options.port,
        latency_seconds=options.latency_seconds,
        window_requests=options.window_requests,
        window_seconds=options.window_seconds,
        lockout_seconds=options.lockout_seconds,
        credits_per_image=options.credits_per_image,
        segmentation=options.segmentation,
        access_log=options.access_log,
    )


def _introduce(stand_in: StandIn, options: argparse.Namespace) -> None:
    keys = dict(getattr(options, "keys", [])) or {USUAL_KEY: None}
    print(ABOUT)
    print(f"Profile {options.profile}: POST {stand_in.base_url}{REMOVE_BACKGROUND}")
    for key, credits in keys.items():
        print(f"Key {key}: {'credits without end' if credits is None else f'{credits:g} credits'}")
    print("To let it fail: python -m stand_in fault --help. End it with Ctrl-C.", flush=True)


def _key(text: str) -> tuple[str, float | None]:
    """`name`, `name=12.5`; a key that holds `=` itself is given with its credits."""
    key, equals, credits = text.rpartition("=")
    if not equals:
        return text, None
    if not key:
        raise argparse.ArgumentTypeError(f"{text!r}: the key is missing in front of '='")
    return key, _from_zero(credits)


def _from_zero(text: str) -> float:
    return _checked(text, float(text) if _is_number(text) else -1.0, least=0)


def _from_one(text: str) -> int:
    return int(_checked(text, int(text) if text.isdecimal() else -1, least=1))


def _port(text: str) -> int:
    number = int(_checked(text, int(text) if text.isdecimal() else -1, least=0))
    if number > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is over 65535")
    return number


def _checked(text: str, number: float, *, least: int) -> float:
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of {least} or more")
    return number


def _is_number(text: str) -> bool:
    try:
        return float(text) < float("inf")
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
