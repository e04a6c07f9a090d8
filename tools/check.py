"""`make check`: style, types, plain sentences, and whether the locks or the events' schemas are stale.

All checks run, also after one has failed.
"""

import subprocess
import sys
from collections.abc import Sequence

from dropcut_cli.clone.places import PYTHON, REPOSITORY
from dropcut_cli.clone.steps import Steps
from tools.events import stale_files
from tools.lock import stale_locks

CHECKS: dict[str, Sequence[str]] = {
    "ruff check": ("ruff", "check", "."),
    "ruff format --check": ("ruff", "format", "--check", "."),
    "mypy --strict": ("mypy",),
    "plain sentences": ("tools.sentences",),
}


def main() -> int:
    """Run every check at once; print what the failing ones said."""
    steps = Steps()
    running = {
        name: subprocess.Popen(
            [PYTHON, "-m", *command], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name, command in CHECKS.items()
    }
    failed = []
    for name, check in running.items():
        said, _ = check.communicate()
        steps.say(f"[green]✓[/green] {name}" if check.returncode == 0 else f"[red]✗[/red] {name}")
        if check.returncode:
            failed.append(name)
            print(said, file=sys.stderr)
    stale = stale_locks()
    steps.say("[red]✗[/red] locks" if stale else "[green]✓[/green] locks")
    for lock in stale:
        failed.append(lock)
        print(f"{lock} is stale: what it was made from has changed. Run `make lock`.", file=sys.stderr)
    described = stale_files()
    steps.say("[red]✗[/red] docs/events" if described else "[green]✓[/green] docs/events")
    for file in described:
        failed.append(file)
        print(f"{file} is not what core/events.py says. Run `.venv/bin/python -m tools events`.", file=sys.stderr)
    return 1 if failed else 0
