"""Log lines: whole JSON, names in their own letters, nothing that drives a terminal."""

import io
import json
import subprocess
import sys
from pathlib import Path

import dropcut
import pytest
from dropcut.core.messages import Upload
from dropcut.observability import log_about, log_line, logger


def test_a_line_of_the_log_holds_no_control_character_and_still_names_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", written)
    key = "日本 é\x1b]0;owned\x07\x9b31m\u202egpj.exe\n"
    log_about(Upload(bucket="photos", key=key, sequencer="0A"))
    logger.warning("It says %s", key, reason=key)
    logger.thread_safe_clear_keys()
    line = written.getvalue().removesuffix("\n")
    assert line.isprintable()
    assert "日本 é" in line
    said = json.loads(line)
    assert said["key"] == said["reason"] == key


def test_half_of_a_surrogate_pair_does_not_keep_a_line_from_being_written() -> None:
    assert log_line({"key": "a\ud83d"}) == r'{"key":"a\ud83d"}'


def test_what_json_does_not_know_is_logged_as_text() -> None:
    assert json.loads(log_line({"error": ValueError("no")})) == {"error": "no"}


def test_an_invocation_without_metrics_writes_nothing_that_is_no_json() -> None:
    words = "from dropcut.observability import metrics; metrics.log_metrics(lambda _event, _context: None)({}, None)"
    place = {"PYTHONPATH": str(Path(dropcut.__file__).parents[1]), "POWERTOOLS_METRICS_NAMESPACE": "n"}
    place["POWERTOOLS_SERVICE_NAME"] = "s"
    ran = subprocess.run([sys.executable, "-c", words], env=place, capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
