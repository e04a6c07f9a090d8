"""A picture that crashes its decoder, eats memory or time is refused for it; the next one is none the worse."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dropcut.adapters.imaging_process import ImagingFailedError, ImagingProcess
from dropcut.adapters.scratch import remove_leftovers
from dropcut.core.picture_limits import DecodeLimits, PictureRefusedError
from dropcut.core.rendition import MadeCutouts
from dropcut.core.rendition_setting import FULL
from PIL import Image

from tests.functions.pictures import picture

LIMITS = DecodeLimits(max_pixels=50_000_000, max_frames=10)
MISBEHAVING = "tests.functions.adapters.misbehaving_child"
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of everything here."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture
def imaging(temporary: Path) -> Iterator[ImagingProcess]:
    with contextlib.closing(ImagingProcess(seconds=20, memory_mib=400, module=MISBEHAVING)) as process:
        yield process


@pytest.fixture
def hurried(temporary: Path) -> Iterator[ImagingProcess]:
    with contextlib.closing(ImagingProcess(seconds=0.5, memory_mib=400, module=MISBEHAVING)) as process:
        yield process


def fits(imaging: ImagingProcess, folder: Path) -> bool:
    """Whether an ordinary picture is made ready."""
    (folder / "photo").write_bytes(picture("jpeg"))
    return imaging.fit(folder / "photo", folder / "sendable", LIMITS).sent_as_it_was


def test_a_photo_is_fitted(imaging: ImagingProcess, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(picture("tiff", width=90))
    found = imaging.fit(tmp_path / "photo", tmp_path / "sendable", LIMITS)
    assert (found.format, found.width, found.height, found.sent_as_it_was) == ("png", 90, 64, False)
    assert (tmp_path / "sendable").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A photo of a dark square on grey, and its cut-out."""
    photo, answer = tmp_path / "photo", tmp_path / "answer"
    square = (60, 40, 180, 140)
    grey = Image.new("RGB", (240, 180), (200, 200, 200))
    grey.paste((20, 30, 90), square)
    grey.save(photo, "png")
    alpha = Image.new("L", grey.size)
    alpha.paste(255, square)
    grey.putalpha(alpha)
    grey.save(answer, "png")
    return photo, answer


def test_photo_and_answer_are_made_into_renditions_and_measured(
    imaging: ImagingProcess, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    photo, answer = pair
    made = imaging.make_cutouts(photo, answer, [FULL], tmp_path, limits=LIMITS, colour="keep")
    assert [(file.rendition, file.width, file.height) for file in made.files] == [("full", 240, 180)]
    assert made.measures
    assert made.measures.kept == pytest.approx(120 * 100 / (240 * 180), abs=0.01)
    assert (made.measures.pieces, made.measures.loose_outline) == (1, 0)
    assert imaging.make_cutouts(None, answer, [FULL], tmp_path, limits=LIMITS, colour="keep").measures is None


@pytest.mark.parametrize("said", [None, {}, {"kept": 1}, "fine", [0.5]], ids=str)
def test_measures_that_cannot_be_believed_cost_no_cut_out(
    imaging: ImagingProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: object
) -> None:
    monkeypatch.setattr(imaging, "ask", lambda _do, **_more: {"made": [], "measures": said})
    assert imaging.make_cutouts(None, tmp_path, [], tmp_path, limits=LIMITS, colour="keep") == MadeCutouts([], None)


def test_a_persons_cut_out_is_made_or_refused_in_the_process(
    imaging: ImagingProcess, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    photo, answer = pair
    (made,) = imaging.make_replacement(answer, (120, 90), [FULL], tmp_path, limits=LIMITS)
    assert (made.width, made.height) == (240, 180)
    with pytest.raises(PictureRefusedError) as refusal:
        imaging.make_replacement(photo, (120, 90), [FULL], tmp_path, limits=LIMITS)
    assert refusal.value.code == "no_alpha"


def test_a_refusal_comes_through_with_its_code_and_sentence(imaging: ImagingProcess, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"Dear Sir or Madam")
    with pytest.raises(PictureRefusedError, match="The file is text") as refusal:
        imaging.fit(tmp_path / "photo", tmp_path / "sendable", LIMITS)
    assert (refusal.value.code, refusal.value.reason) == ("not_a_picture", str(refusal.value))


@pytest.mark.parametrize(
    ("attack", "code", "said"),
    [
        ("read_nowhere", "decoder_crashed", "SIGSEGV"),
        ("abort", "decoder_crashed", "SIGABRT"),
        ("leave", "decoder_crashed", "exit status 3"),
        ("take_memory_in_python", "too_much_memory", "more memory"),
        ("take_memory_in_libvips", "too_much_memory", "more memory"),
        ("take_memory_in_glib", "too_much_memory", "more memory"),
        ("use_up_processor_time", "too_slow", "within 20 s"),
        ("refuse", "too_small", "1 x 2"),
    ],
)
def test_each_attack_is_refused_for_what_it_is_and_the_next_picture_is_fitted(
    imaging: ImagingProcess, tmp_path: Path, attack: str, code: str, said: str
) -> None:
    for _first_in_a_fresh_process_then_in_a_warm_one in range(2):
        with pytest.raises(PictureRefusedError, match=said) as refusal:
            imaging.ask(attack)
        assert refusal.value.code == code
        assert refusal.value.reason.endswith(".")
        assert fits(imaging, tmp_path)


def test_an_ended_process_leaves_nothing_behind(imaging: ImagingProcess, tmp_path: Path, temporary: Path) -> None:
    assert fits(imaging, tmp_path)
    with pytest.raises(PictureRefusedError):
        imaging.ask("abort")
    assert list(temporary.iterdir()) == []
    assert fits(imaging, tmp_path)
    imaging.close()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("attack", ["loop", "sleep"])
def test_a_picture_that_takes_too_long_is_refused_and_its_process_ended(
    hurried: ImagingProcess, tmp_path: Path, temporary: Path, attack: str
) -> None:
    assert fits(hurried, tmp_path)
    pid = hurried.ask("tell")["pid"]
    begun = time.monotonic()
    with pytest.raises(PictureRefusedError, match=r"within 0\.5 s") as refusal:
        hurried.ask(attack, mark=str(tmp_path / "mark"))
    assert refusal.value.code == "too_slow"
    assert time.monotonic() - begun < 5
    assert not Path(f"/proc/{pid}").exists()
    assert list(temporary.iterdir()) == []
    assert fits(hurried, tmp_path)


def test_a_real_photo_over_the_memory_limit_is_refused(temporary: Path, tmp_path: Path) -> None:
    """A progressive JPEG is held in memory as a whole: here 20 megapixels with 6 bytes each."""
    Image.new("RGB", (5000, 4000), "red").save(tmp_path / "photo", "jpeg", progressive=True, subsampling=0)
    with contextlib.closing(ImagingProcess(seconds=20, memory_mib=170)) as imaging:
        with pytest.raises(PictureRefusedError) as refusal:
            imaging.fit(tmp_path / "photo", tmp_path / "sendable", LIMITS)
        assert refusal.value.code == "too_much_memory", refusal.value.reason
        assert fits(imaging, tmp_path)


def test_a_process_ended_from_outside_is_not_the_pictures_fault(imaging: ImagingProcess, tmp_path: Path) -> None:
    with pytest.raises(ImagingFailedError, match="SIGKILL"):
        imaging.ask("kill")
    assert fits(imaging, tmp_path)


def test_a_full_disc_is_not_the_pictures_fault(imaging: ImagingProcess, tmp_path: Path) -> None:
    with pytest.raises(ImagingFailedError, match="File too large"):
        imaging.ask("fill_the_disc", target=str(tmp_path / "large"))
    assert fits(imaging, tmp_path)


def test_a_photo_that_cannot_be_read_is_not_at_fault(imaging: ImagingProcess, tmp_path: Path) -> None:
    with pytest.raises(ImagingFailedError, match="FileNotFoundError"):
        imaging.fit(tmp_path / "nothing", tmp_path / "sendable", LIMITS)


def test_a_process_that_cannot_be_started_is_not_the_pictures_fault(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imaging = ImagingProcess(seconds=5, memory_mib=400)
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/no/such/python")
        with pytest.raises(ImagingFailedError, match="could not be started"):
            fits(imaging, tmp_path)
    with pytest.raises(ImagingFailedError, match=r"did not come up.*No module named"):
        fits(ImagingProcess(seconds=5, memory_mib=400, module="dropcut.imaging.nothing"), tmp_path)
    assert list(temporary.iterdir()) == []
    assert fits(imaging, tmp_path)
    imaging.close()


def test_a_warm_process_that_died_meanwhile_is_replaced(imaging: ImagingProcess, tmp_path: Path) -> None:
    pid = imaging.ask("tell")["pid"]
    os.kill(pid, signal.SIGKILL)
    assert fits(imaging, tmp_path)
    assert imaging.ask("tell")["pid"] != pid


@pytest.mark.parametrize("harm", ["crash_the_second_time", "lack_memory_the_second_time"])
def test_what_an_earlier_picture_did_is_not_blamed_on_the_next(imaging: ImagingProcess, harm: str) -> None:
    first = imaging.ask(harm)["pid"]
    assert imaging.ask(harm)["pid"] != first


def test_a_process_stays_warm(imaging: ImagingProcess, tmp_path: Path) -> None:
    pids = {imaging.ask("tell")["pid"] for _ in range(3) if fits(imaging, tmp_path)}
    assert len(pids) == 1


def test_requests_at_once_have_a_process_each(imaging: ImagingProcess, tmp_path: Path) -> None:
    both_there = threading.Barrier(2)

    def fit_often(name: str) -> bool:
        folder = tmp_path / name
        folder.mkdir()
        both_there.wait()
        return all(fits(imaging, folder) for _ in range(20))

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(fit_often, "ab"))


def test_what_a_library_prints_is_no_answer(imaging: ImagingProcess) -> None:
    assert imaging.ask("print_much") == {"this": "one"}


def test_the_process_knows_no_secret_and_nothing_of_aws(
    imaging: ImagingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "DROPCUT_API_KEY", "API_KEY_SECRET"):
        monkeypatch.setenv(name, "secret")
    told = imaging.ask("tell")
    assert not [name for name in told["environment"] if name.startswith("AWS_") or "KEY" in name]
    assert "secret" not in told["environment"].values()
    assert told["loaded"] == []
    assert told["environment"]["TMPDIR"] == told["folder"]


def test_the_process_ends_with_its_parent_and_the_next_one_removes_what_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = f"""
import sys, threading
sys.path[:0] = {[str(REPOSITORY), str(REPOSITORY / "functions")]!r}
from pathlib import Path
from dropcut.adapters.imaging_process import ImagingProcess
imaging = ImagingProcess(seconds=600, memory_mib=400, module={MISBEHAVING!r})
print(imaging.ask("tell")["pid"], flush=True)
imaging.ask("sleep", mark={str(tmp_path / "mark")!r})
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        until((tmp_path / "mark").exists)
        parent.kill()
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert list(tmp_path.glob("dropcut-imaging-*"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    remove_leftovers()
    assert not list(tmp_path.glob("dropcut-imaging-*"))


def until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


_READS_ITS_PARENT = """
import ctypes, os, sys
from pathlib import Path
from dropcut.adapters.imaging_process import hide_from_children

def a_child_can_read_us():
    parent, child = os.getpid(), os.fork()
    if child == 0:
        try:
            os._exit(b"SECRET=" in Path(f"/proc/{parent}/environ").read_bytes())
        except PermissionError:
            os._exit(0)
    return bool(os.waitpid(child, 0)[1])

if os.geteuid() == 0:  # who may read everything: become somebody else, who may be looked into again
    os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
before = a_child_can_read_us()
hide_from_children()
print(before, a_child_can_read_us())
"""


def test_a_child_cannot_read_the_functions_credentials() -> None:
    surroundings = {"SECRET": "x", "PYTHONPATH": str(REPOSITORY / "functions")}
    told = subprocess.run(
        [sys.executable, "-c", _READS_ITS_PARENT], env=surroundings, capture_output=True, text=True, check=False
    )
    assert told.stdout.split() == ["True", "False"], told.stderr
