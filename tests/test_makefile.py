"""The Makefile: every command is listed with its line, and help is what `make` alone does."""

import os
import re
import subprocess

import pytest

from dropcut_cli.account.__main__ import COMMANDS as OF_ACCOUNT
from dropcut_cli.clone.places import REPOSITORY
from local.__main__ import COMMANDS as OF_LOCAL
from tools.__main__ import COMMANDS as OF_TOOLS

MAKEFILE = (REPOSITORY / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)
FIXED = {"demo", "test", "check", "quick", "up", "down", "bench", "deploy", "destroy", "help"}


def make(*arguments: str) -> str:
    """What `make` prints."""
    return subprocess.run(["make", *arguments], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout


def test_help_lists_every_command_with_a_line_about_it() -> None:
    """Generated from the Makefile, so that it cannot be out of date."""
    listed = dict(re.findall(r"^  make (\w+)\s+(\S.*)$", make("help"), re.MULTILINE))
    assert set(listed) == set(TARGETS) - {"ready"}
    assert set(listed) >= FIXED
    assert all(len(line) < 110 for line in listed.values())


def test_make_alone_is_help() -> None:
    """Nothing is built or started by accident."""
    assert make() == make("help")


def test_every_command_builds_what_it_needs_first() -> None:
    """On a fresh clone any of them can be the first."""
    without = {target for target in TARGETS if not re.search(rf"^{target}: ready", MAKEFILE, re.MULTILINE)}
    assert without == {"help", "ready"}


@pytest.mark.parametrize("target", sorted(set(TARGETS) - {"help", "ready"}))
def test_a_persons_access_reaches_only_the_commands_that_use_it(target: str) -> None:
    theirs = {"AWS_SECRET_ACCESS_KEY": "a", "AWS_PROFILE": "a", "DROPCUT_API_KEY": "a", "AWS_PORT": "4566"}
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "-n", target], cwd=REPOSITORY, env=ours | theirs, capture_output=True, text=True, check=True
    )
    taken_away = set(re.findall(r"-u (\w+)", done.stdout.splitlines()[-1]))
    expected = set(theirs) - {"AWS_PORT"}
    if target in ("demo", "up"):
        expected -= {"DROPCUT_API_KEY"}
    assert taken_away & set(theirs) == (set() if target in ("deploy", "destroy", "redrive", "forget") else expected)


@pytest.mark.parametrize(
    ("start", "commands"), [(r"-m local", OF_LOCAL), (r"-m tools", OF_TOOLS), (r"\$\(ACCOUNT\)", OF_ACCOUNT)]
)
def test_each_package_has_the_commands_that_the_makefile_starts(start: str, commands: dict[str, str]) -> None:
    """Each has its words for a person who stops it."""
    assert set(re.findall(rf"{start} (\w+)", MAKEFILE)) == set(commands)
