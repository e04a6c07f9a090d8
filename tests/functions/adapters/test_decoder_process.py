"""What a taken-over process says on its connection is bounded in time and length, and never believed."""

import contextlib
import json
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from dropcut.adapters.imaging_process import ImagingProcess
from dropcut.core.picture_limits import PictureRefusedError

from tests.functions.adapters.ordered import fits, ordered
from tests.functions.pictures import picture


@pytest.fixture
def imaging(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImagingProcess]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("scratch")))
    module = "tests.functions.adapters.lying_child"
    with contextlib.closing(ImagingProcess(seconds=2, memory_mib=400, module=module)) as process:
        yield process


NO_ANSWERS = {
    "not JSON": "done\n",
    "no object": "[1]\n",
    "a number that Python refuses": '{"done": ' + "9" * 5000 + "}\n",
    "100,000 brackets": "[" * 100_000 + "\n",
    "brackets within the limit": "[" * 60_000 + "\n",
    "two answers": '{"done": {}}\n{"done": {}}\n',
    "neither done nor refused": "{}\n",
    "done, but what": '{"done": []}\n',
    "an unknown reason": '{"refused": {"code": "because", "reason": "x"}}\n',
    "a reason that cannot be a key": '{"refused": {"code": [], "reason": "x"}}\n',
    "a reason without words": '{"refused": {"code": "damaged", "reason": 7}}\n',
    "a refusal that is none": '{"refused": "damaged"}\n',
}


@pytest.mark.parametrize("text", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_answer_that_is_none_is_a_crash(imaging: ImagingProcess, tmp_path: Path, text: str) -> None:
    with pytest.raises(PictureRefusedError) as refusal:
        ordered(imaging, tmp_path, "say", text=text)
    assert refusal.value.code == "decoder_crashed"
    assert fits(imaging, tmp_path)


def test_a_process_that_talks_without_end_is_ended_at_64_kib(imaging: ImagingProcess, tmp_path: Path) -> None:
    begun = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(PictureRefusedError, match="talks without end"):
            ordered(imaging, tmp_path, "say_without_end")
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert time.monotonic() - begun < 2


def test_a_process_that_talks_little_by_little_is_ended_by_the_clock(imaging: ImagingProcess, tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(PictureRefusedError) as refusal:
        ordered(imaging, tmp_path, "say_little_by_little")
    assert refusal.value.code == "too_slow"
    assert time.monotonic() - begun < 4


def test_a_process_that_falls_silent_and_stays_is_a_crash(imaging: ImagingProcess, tmp_path: Path) -> None:
    with pytest.raises(PictureRefusedError, match=r"crashed \(silence\)"):
        ordered(imaging, tmp_path, "fall_silent")


def test_a_reason_is_short_and_drives_no_terminal(imaging: ImagingProcess, tmp_path: Path) -> None:
    reason = "\x1b[2J\r\nX-Header: 1" + "y" * 5000
    answer = json.dumps({"refused": {"code": "damaged", "reason": reason}})
    with pytest.raises(PictureRefusedError) as refusal:
        ordered(imaging, tmp_path, "say", text=answer + "\n")
    assert refusal.value.code == "damaged"
    assert refusal.value.reason.isprintable()
    assert len(refusal.value.reason) <= 1000


def test_a_link_to_somebody_elses_picture_is_not_followed(imaging: ImagingProcess, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(picture("jpeg"))
    with pytest.raises(PictureRefusedError, match="cannot be used"):
        ordered(imaging, tmp_path, "lend_a_link", path=str(other))
    assert not (tmp_path / "sendable").exists()
