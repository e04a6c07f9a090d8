"""A lock that keeps two runs of a command from working in the same checkout at the same time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dropcut_cli.clone.places import private_folder
from dropcut_cli.clone.problem import Problem, writing_to


@contextmanager
def alone(lock: Path, at_work: str) -> Iterator[None]:
    """Hold the lock file while the body runs; the system lets go of it when this process ends, however it does.

    Raises:
        Problem: another process holds it, which `at_work` says in a sentence; or it cannot be written.
    """
    with writing_to(lock.parent, "The state and logs of what runs here"):
        private_folder(lock.parent)
        opened = lock.open("w")
    with opened as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            raise Problem(f"{at_work} Wait until it is done, or stop it.") from taken
        yield
