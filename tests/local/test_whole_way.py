"""The demo and `make up`, as a person runs them, from nothing to nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dropcut_cli.clone.places import REPOSITORY
from dropcut_cli.clone.problem import Problem
from dropcut_cli.clone.programs import recorded
from local import demo, down, system, up
from local.demo import run_demo
from local.embedded_aws import Account, is_healthy
from local.places import SAMPLES

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(180)]


def processes_in(folder: Path) -> list[int]:
    """Numbers of the processes whose command names the folder or that work in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            place = str((process / "cwd").readlink())
        except OSError:
            continue
        if int(process.name) != os.getpid() and (str(folder) in command or str(folder) in place):
            found.append(int(process.name))
    return found


@pytest.fixture
def local_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A `.local` of the test's own, so that a system that is up meanwhile is none of its business."""
    folder = tmp_path / "local"
    folder.mkdir()
    for module in (system, demo):
        monkeypatch.setattr(module, "LOCAL", folder)
    monkeypatch.setattr(up, "LOCAL", folder)
    monkeypatch.setattr(up, "UP", folder / "up")
    monkeypatch.setattr(up, "STACK_FILE", folder / "stack.json")
    yield folder
    assert processes_in(folder) == []


def test_the_demo_shows_what_became_of_each_file(
    tmp_path: Path, local_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A photo in a folder is delivered to the same place; what is no photo is rejected with a reason."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    (photos / "people").mkdir(parents=True)
    (photos / "people" / "Eileen & co.jpg").write_bytes((SAMPLES / "portrait.jpg").read_bytes())
    (photos / "notes.png").write_text("These are notes.")
    (photos / "empty.jpg").touch()
    settings = {"output_format": "webp", "renditions": '["full", "amazon_main"]'}
    page = run_demo(str(photos), settings, out).read_text()
    assert (out / "people" / "Eileen & co.webp").read_bytes()[8:12] == b"WEBP"
    assert (out / "people" / "Eileen & co-amazon_main.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    assert "1 of 3 photos cut out" in page
    assert "people/Eileen%20%26%20co.webp" in page
    assert "people/Eileen%20%26%20co-amazon_main.jpg" in page
    printed = capfd.readouterr().out
    assert "delivered people/Eileen & co.jpg in" in printed
    assert "rejected  notes.png: " in printed
    assert " empty.jpg: " in printed
    assert list(local_folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_ended_demo_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    """Stopped by Ctrl-C it puts its folder away as well; killed, its programs notice by themselves."""
    code = f"""
from pathlib import Path
from local import system
from local.demo import run_demo
from dropcut_cli.clone.problem import run_command
system.LOCAL = Path({str(tmp_path)!r})
run_command(lambda: run_demo("", {{}}, Path({str(tmp_path / "out")!r})) and 0, when_stopped="all is well")
"""
    demo = subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("demo-*/cdk-bootstrap.pid")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    assert len(processes_in(tmp_path)) > 1
    demo.send_signal(number)
    said, _ = demo.communicate(timeout=20)
    deadline = time.monotonic() + 5
    while processes_in(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_in(tmp_path) == []
    if number == signal.SIGINT:
        assert demo.returncode == 130
        assert said.endswith("Stopped; all is well.\n")
        assert "Traceback" not in said
        assert list(tmp_path.glob("demo-*")) == []


def test_up_stays_until_down(
    local_folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It can be asked for twice, refuses other settings, and after `down` only its logs are left."""
    monkeypatch.setenv("SETTINGS", "stage=uptest")
    assert up.main() == 0
    try:
        stack = json.loads((local_folder / "stack.json").read_text())
        assert set(stack) == {
            "endpoint_url",
            "region",
            "access_key_id",
            "secret_access_key",
            "ca_bundle",
            "api_base_url",
            "outputs",
        }
        assert {"InputBucketName", "CutDeadLetterQueueUrl", "AlarmTopicArn", "DashboardName"} <= set(stack["outputs"])
        assert is_healthy(Account.described(stack))
        assert set(recorded(local_folder / "up")) == {"embedded AWS", "stand-in API"}
        capfd.readouterr()
        assert up.main() == 0
        assert "up already" in capfd.readouterr().out
        monkeypatch.setenv("SETTINGS", "stage=another")
        with pytest.raises(Problem, match="with other settings is up already"):
            up.main()
    finally:
        assert down.main() == 0
    assert "Ended: embedded AWS, stand-in API." in capfd.readouterr().out
    assert {path.name for path in local_folder.iterdir()} == {"up.lock", "up"}
    assert all(path.suffix == ".log" for path in (local_folder / "up").iterdir())
    assert down.main() == 0
    assert "Nothing was running." in capfd.readouterr().out
