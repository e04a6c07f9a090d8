"""The terminal as a page: what `make demo` and the command `dropcut` really say, run on the embedded AWS."""

import html
import re
import subprocess
from collections.abc import Sequence

from dropcut_cli.clone.places import PYTHON, REPOSITORY
from dropcut_cli.clone.surroundings import clean

_TYPED = (
    "./dropcut put samples/ --to shop/ --wait --local",
    "./dropcut status shop/cup.png --local",
    "./dropcut status --local",
)


def demo_page() -> str:
    """`make demo` of the samples."""
    return _page([("make demo", _said([PYTHON, "-m", "local", "demo"]))])


def command_page() -> str:
    """The command on a system that is up for as long as it takes."""
    _said([PYTHON, "-m", "local", "up"])
    try:
        return _page([(typed, _said(typed.split())) for typed in _TYPED])
    finally:
        _said([PYTHON, "-m", "local", "down"])


def _said(command: Sequence[str]) -> str:
    """All that a program says, both ways, in its order.

    Raises:
        CalledProcessError: it failed.
    """
    done = subprocess.run(
        command, cwd=REPOSITORY, env=clean(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    return done.stdout.replace(f"{REPOSITORY}/", "")


def _page(runs: Sequence[tuple[str, str]]) -> str:
    shown = "\n".join(f"<b><i>$</i> {html.escape(typed)}</b>\n{_coloured(said)}" for typed, said in runs)
    return _PAGE.replace("SHOWN", shown)


def _coloured(said: str) -> str:
    """As on a terminal: without the lines that a log gets every few seconds, and with the colours of a step."""
    lines = [html.escape(line) for line in said.rstrip().splitlines() if not re.match(r"  .* so far", line)]
    text = "\n".join(lines) + "\n"
    text = re.sub(r"^✓ (.*) ([\d.]+ s)$", r"<em>✓</em> \1 <u>\2</u>", text, flags=re.MULTILINE)
    return re.sub(r"^(delivered) ", r"<em>\1</em> ", text, flags=re.MULTILINE)


_PAGE = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #fff; }
main { width: 1000px; margin: 12px; background: #1e1f29; border-radius: 8px; overflow: hidden; }
header { background: #33343f; padding: 9px 14px; height: 12px; }
header i { display: inline-block; width: 12px; height: 12px; border-radius: 6px; margin-right: 8px; }
pre { margin: 0; padding: 14px 18px 18px; font: 14.5px/1.42 "DejaVu Sans Mono", monospace; color: #e6e6e6;
  white-space: pre-wrap; }
b { color: #fff; } b i, em { color: #7bd88f; font-style: normal; } u { color: #8d8f9d; text-decoration: none; }
</style><main><header><i style="background:#ff5f57"></i><i style="background:#febc2e"></i><i style="background:#28c840">
</i></header><pre>SHOWN</pre></main>"""
