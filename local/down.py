"""`make down`: ends everything that `make up` started, also what a crash left behind."""

from dropcut_cli.clone.steps import Steps
from local.one_at_a_time import alone
from local.up import AT_WORK, lock_file, put_away


def main() -> int:
    """End it; when nothing runs, say so and be content."""
    with alone(lock_file(), AT_WORK):
        stopped = put_away()
    logs = " Their logs stay in .local/up until the next `make up`."
    Steps().say(f"Ended: {', '.join(stopped)}.{logs}" if stopped else "Nothing was running.")
    return 0
