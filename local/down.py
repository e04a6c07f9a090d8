"""`make down`: ends everything that `make up` started, also what a crash left behind."""

from local.steps import Steps
from local.up import alone, put_away


def main() -> int:
    """End it; when nothing runs, say so and be content."""
    with alone():
        stopped = put_away()
    Steps().say(f"Ended: {', '.join(stopped)}." if stopped else "Nothing was running.")
    return 0
