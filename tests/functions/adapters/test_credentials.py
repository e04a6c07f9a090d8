"""The function's credentials are hidden from other processes of its user: in its environment, and in its memory."""

import subprocess
import sys
from pathlib import Path

import pytest
from dropcut.adapters.credentials import _clear_environment_block

REPOSITORY = Path(__file__).parents[3]

_LOOKS_AT_ITS_ENVIRONMENT = """
import ctypes, os
from pathlib import Path

import pytest
from dropcut.adapters.credentials import _clear_environment_block
from dropcut.adapters.credentials import _clear_environment_block
import boto3

getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p

def shown():
    return Path("/proc/self/environ").read_bytes().count(b"/very-secret/")

before = shown()
_clear_environment_block()
known = [boto3.Session().get_credentials().get_frozen_credentials()]
print(before, shown(), b"OTHER=stays" in Path("/proc/self/environ").read_bytes())
print(known[0].secret_key, known[0].token, getenv(b"AWS_SESSION_TOKEN").decode(), os.environ["OTHER"])
child = os.popen("echo $AWS_SECRET_ACCESS_KEY").read().strip()
print(child)
"""


def test_the_environment_block_shows_no_secret_while_boto3_still_knows_it() -> None:
    output = _run(
        _LOOKS_AT_ITS_ENVIRONMENT,
        AWS_ACCESS_KEY_ID="A/very-secret/",
        AWS_SECRET_ACCESS_KEY="B/very-secret/",
        AWS_SESSION_TOKEN="C/very-secret/=x",
        OTHER="stays",
    )
    assert output == [
        ["3", "0", "True"],
        ["B/very-secret/", "C/very-secret/=x", "C/very-secret/=x", "stays"],
        ["B/very-secret/"],
    ]


_READS_ITS_PARENT = """
import ctypes, os
from pathlib import Path

import pytest
from dropcut.adapters.credentials import _clear_environment_block
from dropcut.adapters.credentials import are_hidden, hide_credentials

def a_child_can_read_us():
    parent, child = os.getpid(), os.fork()
    if child == 0:
        try:
            os._exit(b"OTHER=" in Path(f"/proc/{parent}/environ").read_bytes())
        except PermissionError:
            os._exit(0)
    return bool(os.waitpid(child, 0)[1])

if os.geteuid() == 0:  # who may read everything: become somebody else, who may be looked into again
    os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
before = a_child_can_read_us(), are_hidden()
hide_credentials()
print(*before, a_child_can_read_us(), are_hidden())
"""


def test_another_process_of_the_same_user_cannot_look_into_the_function() -> None:
    assert _run(_READS_ITS_PARENT, OTHER="x") == [["True", "False", "False", "True"]]


def _run(program: str, **variables: str) -> list[list[str]]:
    """The words of each line that it prints."""
    output = subprocess.run(
        [sys.executable, "-c", program],
        env={**variables, "PYTHONPATH": str(REPOSITORY / "functions")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert output.returncode == 0, output.stderr
    return [line.split() for line in output.stdout.splitlines()]


@pytest.mark.parametrize("stat", ["1 (python) S 1 1", "1 (python) S " + "0 " * 50], ids=["cut short", "nothing said"])
def test_a_system_that_does_not_say_where_the_environment_is_stops_nothing(
    stat: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As under an emulated processor."""
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_more: stat)
    _clear_environment_block()
    assert "was not overwritten" in caplog.text
