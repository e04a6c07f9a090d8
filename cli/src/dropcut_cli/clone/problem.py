"""How a command ends: with a sentence for a person, never with a traceback."""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from dropcut.core.plain_text import shown

from dropcut_cli.clone.places import LOCAL, pasted, private_folder


class Problem(Exception):
    """Something that a person can put right: its text says what, where, why and what to do."""


class Interrupted(BaseException):
    """A signal stopped the command; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def writing_to(folder: Path, what: str) -> Iterator[None]:
    """Say in a sentence that the body could not write to the folder; `what` goes there.

    Raises:
        Problem: the folder is read-only, another's, a link to nowhere, on a full disk ...
    """
    try:
        yield
    except OSError as error:
        raise Problem(
            f"{pasted(folder)} cannot be written to: {_why(error, folder)}. {what} go there. Make it a folder "
            "that you may write to, with space left, or move what is there away; then run the command again."
        ) from error


def _why(error: OSError, folder: Path) -> str:
    """Of a link to nowhere the system says only that a file exists."""
    if folder.is_symlink() and not folder.exists():
        return f"it is a link to {pasted(folder.readlink())}, which is not there"
    if folder.exists() and not folder.is_dir():
        return "it is a file"
    inside = f" ({error.filename})" if error.filename and folder in Path(error.filename).parents else ""
    return f"{error.strerror or error}{inside}"


def run_command(main: Callable[[], int], *, when_stopped: str) -> NoReturn:
    """Run a command's main function and leave with its exit code, whatever happens in it.

    `when_stopped` is what a person who stopped it should know.

    Ctrl-C, SIGTERM and SIGHUP unwind the stack, so that every `with` on the way puts its things away.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        sys.exit(main())
    except Interrupted as interruption:
        said, code = f"Stopped; {when_stopped}.", 128 + interruption.number
    except Exception as error:
        said, code = _sentence(error), 1
    print(f"\n{said}", file=sys.stderr)
    sys.exit(code)


def _sentence(error: Exception) -> str:
    """For a person; of text that drives no terminal, which may name files or quote logs."""
    if isinstance(error, Problem):
        return "\n".join(shown(line) for line in str(error).split("\n"))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = pasted(Path(str(error.filename))) if error.filename else f"a file in {pasted(LOCAL)} or beside it"
        return f"The disk is full: {shown(place)} could not be written. Make room, then run the command again."
    return _keep_traceback(error)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """Unwind once; what puts things away afterwards is not to be interrupted again."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def _keep_traceback(defect: Exception) -> str:
    """Write the traceback to a file and return the sentence that says where it is."""
    details = "".join(traceback.format_exception(defect))
    first_line = (str(defect).splitlines() or ["no text"])[0]
    said = f"This was not expected: {type(defect).__name__}: {first_line}\n"
    log = LOCAL / "last-error.log"
    try:
        private_folder(LOCAL)
        log.write_text(details)
    except OSError as error:
        return f"{said}The details cannot be written to {pasted(log)} ({error.strerror}), so here they are:\n{details}"
    return f"{said}The details are in {pasted(Path(os.path.relpath(log)))}."
