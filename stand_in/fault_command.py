"""`python -m stand_in fault`: lets a stand-in that runs fail on purpose, through its control plane."""

import argparse
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

USUAL_PORT = 8770
STACK_FILE = Path(".local", "stack.json")
"""What `make up` of Dropcut leaves in its clone, seen from there."""
_EXAMPLES = """examples:
  python -m stand_in fault                             list the faults, and those that are on
  python -m stand_in fault internal_error              the next call fails
  python -m stand_in fault edge_504 --times 5          the next five calls fail
  python -m stand_in fault payment_required --lasting  all calls fail, until --off
  python -m stand_in fault --off                       all faults off"""


def main(arguments: list[str]) -> int:
    """Switch a fault on, or all off, or list them. Returns the exit code."""
    options = _parser().parse_args(arguments)
    url = options.url or _url_of_up() or f"http://127.0.0.1:{USUAL_PORT}"
    try:
        if options.off:
            _ask(url, "DELETE")
        elif options.fault:
            _ask(url, "POST", {"fault": options.fault, "times": None if options.lasting else options.times})
        faults = _ask(url, "GET")
    except HTTPError as refusal:
        print(json.load(refusal).get("error", str(refusal)), file=sys.stderr)
        return 1
    except (OSError, ValueError):
        print(f"No stand-in answers at {url}. Start one with `make up`, or give another --url.", file=sys.stderr)
        return 1
    _show(faults, with_all=not (options.off or options.fault))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stand_in fault",
        description="Lets a running stand-in fail on purpose: that of `make up`, or the one at --url.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("fault", nargs="?", help="its name; without one, all of them are listed")
    what.add_argument("--off", action="store_true", help="switch all faults off")
    how_long = parser.add_mutually_exclusive_group()
    how_long.add_argument("--times", type=int, default=1, help="how many calls meet it (default: 1)")
    how_long.add_argument("--lasting", action="store_true", help="every call meets it, until --off")
    parser.add_argument("--url", help="where the stand-in listens")
    return parser


def _url_of_up() -> str:
    """Where the stand-in of `make up` listens; empty when nothing is up."""
    try:
        return str(json.loads(STACK_FILE.read_text())["api_base_url"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _ask(url: str, method: str, order: dict[str, Any] | None = None) -> dict[str, Any]:
    """The control plane's answer."""
    body = None if order is None else json.dumps(order).encode()
    request = urllib.request.Request(f"{url}/_stand_in/faults", body, method=method)  # noqa: S310 - http, as ours
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        content: dict[str, Any] = json.load(answer)
    return content


def _show(faults: dict[str, Any], *, with_all: bool) -> None:
    if with_all:
        for fault in faults["known"]:
            charged = ", and charges" if fault["charges"] else ""
            print(f"{fault['name']:<28} a client should conclude: {fault['expected']}{charged}")
    on = [f"{each['fault']} ({_how_often(each['times'])})" for each in faults["switched_on"]]
    print(f"Switched on: {', '.join(on) or 'none'}.")


def _how_often(times: int | None) -> str:
    if times is None:
        return "every call"
    return "the next call" if times == 1 else f"the next {times} calls"
