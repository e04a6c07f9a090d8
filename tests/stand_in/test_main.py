"""`python -m stand_in`: how it starts, what it says, and how it ends."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from stand_in.service import REMOVE_BACKGROUND
from tests.stand_in.client import picture

COMMAND = [sys.executable, "-m", "stand_in"]
REPOSITORY = Path(__file__).parents[2]


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *options], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_says_what_it_is_answers_and_ends_cleanly(number: signal.Signals) -> None:
    options = ["--port", "0", "--no-segmentation", "--key", "sk-a=b=4", "--key", "sk-c", "--access-log"]
    with subprocess.Popen(
        [*COMMAND, *options], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(5)]
        base_url = re.search(r"http://127\.0\.0\.1:\d+", said[1])
        assert base_url is not None
        answer = requests.post(
            base_url[0] + REMOVE_BACKGROUND,
            files={"image": picture()},
            headers={"authorization": "sk-a=b", "accept": "image/*"},
            timeout=10,
        )
        assert process.stderr is not None
        access = process.stderr.readline()  # written after the answer: a signal before it would be in time
        process.send_signal(number)
        rest, complaints = process.communicate(timeout=10)
    assert "not the real one" in said[0]
    assert said[2:4] == ["Key sk-a=b: 4 credits\n", "Key sk-c: credits without end\n"]
    assert answer.status_code == 200
    assert process.returncode == 0
    assert rest == "The stand-in has ended.\n"
    assert re.fullmatch(r".* POST /v2beta/\S+ [0-9a-f]{16}: 200, 2 credits\n", access)
    assert complaints == ""


def test_a_taken_port_is_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("--port", str(port), "--no-segmentation")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in result.stderr
    assert "--port" in result.stderr


@pytest.mark.parametrize(
    "options, said",
    [
        (["--port", "70000"], "'70000' is over 65535"),
        (["--latency-seconds", "soon"], "'soon' is not a number of 0 or more"),
        (["--window-requests", "0"], "'0' is not a number of 1 or more"),
        (["--key", "=5"], "the key is missing"),
        (["--key", "sk-a=many"], "'many' is not a number"),
        (["--profile", "other"], "'ezlink', 'stability'"),
    ],
)
def test_a_wrong_option_is_named(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    from stand_in.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_fast_mode_starts_without_opencv() -> None:
    program = "import sys, stand_in.__main__; sys.exit('cv2' in sys.modules or 'numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True, timeout=20)
