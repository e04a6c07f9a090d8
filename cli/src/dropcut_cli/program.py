"""The command line itself: finds the verb, runs it, and turns whatever happens into one sentence and an exit code."""

import importlib
import os
import signal
from collections.abc import Sequence
from types import FrameType

import click
from dropcut import RELEASE
from dropcut.core.plain_text import shown

from dropcut_cli.exits import CommandError, Exit, explained
from dropcut_cli.output import say

VERBS = {
    "put": ("put", "Upload photos, and wait for their cut-outs."),
    "status": ("status", "Say where a photo is, or how the deployment is."),
    "watch": ("watch", "Show each photo that ends, live."),
    "failures": ("failures", "List what ended without a cut-out, by reason."),
    "redrive": ("failures", "Send failed or rejected photos through again."),
    "remake": ("decide", "Make renditions anew, without paying."),
    "review": ("review", "Show the held cut-outs on a page, to decide on them."),
    "accept": ("decide", "Deliver a held cut-out."),
    "reject": ("decide", "End a held cut-out."),
    "replace": ("decide", "Deliver a picture of your own instead of a held cut-out."),
    "estimate": ("estimate", "Say what photos will cost, and how long they take."),
    "backfill": ("backfill", "Feed photos that are there already."),
    "pause": ("gate", "Stop the spending by hand."),
    "resume": ("gate", "Let the spending go on."),
    "set-key": ("key", "Put the API key into its secret."),
    "doctor": ("doctor", "Look for what is wrong with the deployment."),
    "test-alarm": ("look", "Send a test through the alarm topic."),
    "logs": ("look", "Show the log lines of one photo, from all stages."),
    "events": ("watch", "Show what is published, live."),
    "forget": ("forget", "Remove what is kept of one photo."),
    "sandbox-probe": ("look", "Ask what holds the processes that decode photos."),
    "deploy": ("deploy", "Deploy from this clone, as `make deploy` does."),
    "destroy": ("deploy", "Remove the deployment, as `make destroy` does."),
}
"""Each verb's module, and its line in the list. A module is imported when its verb is run: the list needs none."""


class Verbs(click.Group):
    """The verbs of the table."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module = importlib.import_module(f"dropcut_cli.{VERBS[name][0]}")
        command: click.Command = getattr(module, name.replace("-", "_"))
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, line) for name, (_module, line) in VERBS.items()])


@click.version_option(RELEASE, prog_name="dropcut", message="%(prog)s %(version)s")
@click.group(cls=Verbs, epilog="`dropcut VERB --help` has examples. docs/command.md has the exit codes.")
def cli() -> None:
    """What became of the photos in a Dropcut deployment, and what to do about it."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # `nohup` ignores the second
            signal.signal(number, _stop)
    try:
        return int(cli.main(arguments, prog_name="dropcut", standalone_mode=False) or Exit.DONE)
    except SystemExit:  # click's own, such as --help, when nobody reads what it writes
        return Exit.DONE
    except click.Abort:
        say("Stopped. Run the same command to go on.", err=True)
        return Exit.STOPPED
    except click.ClickException as wrong:
        say(_usage(wrong), err=True)
        return Exit.USAGE
    except Exception as error:
        said = explained(error)
        if said is None and os.environ.get("DROPCUT_TRACEBACK"):
            raise
        said = said or CommandError(
            f"This was not expected: {type(error).__name__}: {error}. DROPCUT_TRACEBACK=1 shows where it happened."
        )
        say(shown(str(said)), err=True)
        return said.exit_code


def _usage(wrong: click.ClickException) -> str:
    """One sentence, and where to read more."""
    context = getattr(wrong, "ctx", None)
    if isinstance(wrong, click.exceptions.NoArgsIsHelpError):
        return wrong.format_message()
    path = context.command_path if context else "dropcut"
    return f"{shown(wrong.format_message())} See `{path} --help`."


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
