"""A picture that crashes its decoder, eats memory or time is refused for it; the next one is none the worse."""

import contextlib
import json
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
from dropcut.adapters import decoder_results
from dropcut.adapters.decoder_process import DecoderEndedError, DecoderProcess, ForkServer
from dropcut.adapters.imaging_process import ImagingFailedError, ImagingProcess
from dropcut.adapters.scratch import remove_leftovers
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import FULL
from PIL import Image

from tests.functions.adapters.ordered import LIMITS, children_of, fits, ordered
from tests.functions.photos_of_all_kinds import KINDS
from tests.functions.pictures import cutout, picture

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


def test_a_photo_is_fitted(imaging: ImagingProcess, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(picture("tiff", width=90))
    found = imaging.fit(tmp_path / "photo", tmp_path / "sendable", LIMITS)
    assert (found.format, found.width, found.height) == ("png", 90, 64)
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


@pytest.mark.parametrize("said", [{}, {"kept": 1}, "fine", [0.5]], ids=str)
def test_measures_that_cannot_be_believed_cost_no_cut_out(
    imaging: ImagingProcess, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: object
) -> None:
    believed = decoder_results.done
    monkeypatch.setattr(decoder_results, "done", lambda answer: believed(answer) | {"measures": said})
    photo, answer = pair
    made = imaging.make_cutouts(photo, answer, [FULL], tmp_path, limits=LIMITS, colour="keep")
    assert ([file.rendition for file in made.files], made.measures) == (["full"], None)


def test_a_persons_cut_out_is_made_or_refused_in_the_process(
    imaging: ImagingProcess, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    photo, answer = pair
    (made,) = imaging.make_replacement(answer, (120, 90), [FULL], tmp_path, limits=LIMITS)
    assert (made.width, made.height) == (240, 180)
    with pytest.raises(PictureRefusedError) as refusal:
        imaging.make_replacement(photo, (120, 90), [FULL], tmp_path, limits=LIMITS)
    assert refusal.value.code == "no_alpha"


def test_photos_of_all_kinds_are_decoded_within_the_sandbox(imaging: ImagingProcess, tmp_path: Path) -> None:
    for kind, make in KINDS.items():
        (tmp_path / "photo").write_bytes(make())
        found = imaging.fit(tmp_path / "photo", tmp_path / "sendable", LIMITS)
        assert (found.width, found.height) == (80, 64), kind


def test_a_photo_of_a_format_that_is_turned_off_reaches_no_decoder(temporary: Path, tmp_path: Path) -> None:
    imaging = ImagingProcess(seconds=5, memory_mib=400, formats=["jpeg", "png"], module="dropcut.imaging.nothing")
    (tmp_path / "photo").write_bytes(KINDS["AVIF"]())
    with pytest.raises(PictureRefusedError) as refusal:
        imaging.fit(tmp_path / "photo", tmp_path / "sendable", LIMITS)
    assert refusal.value.code == "unsupported"
    assert refusal.value.reason.startswith(
        "The file is an AVIF picture, which this deployment does not take (`formats`: jpeg, png)."
    )


def test_every_kind_of_rendition_is_made_and_measured(imaging: ImagingProcess, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(picture("jpeg", width=300, height=200))
    (tmp_path / "answer").write_bytes(cutout("png", width=300, height=200))
    asked = [
        Rendition(name="full"),
        Rendition(name="web", format="webp"),
        Rendition(name="shop", format="jpeg", background="#ffffff", canvas="100x50"),
        Rendition(name="small", format="avif", longest_side=90),
    ]
    photo, answer = tmp_path / "photo", tmp_path / "answer"
    made = imaging.make_cutouts(photo, answer, asked, tmp_path, limits=LIMITS, colour="keep").files
    assert [(one.rendition, one.format, one.width, one.height) for one in made] == [
        ("full", "png", 300, 200),
        ("web", "webp", 300, 200),
        ("shop", "jpeg", 100, 50),
        ("small", "avif", 90, 60),
    ]
    assert [Path(one.path).parent for one in made] == [tmp_path] * 4
    assert [Path(one.path).stat().st_size for one in made] == [one.size_bytes for one in made]


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
    with pytest.raises(PictureRefusedError, match=said) as refusal:
        ordered(imaging, tmp_path, attack)
    assert refusal.value.code == code
    assert refusal.value.reason.endswith(".")
    assert fits(imaging, tmp_path)


def test_each_photo_has_a_process_of_its_own_which_leaves_nothing(
    imaging: ImagingProcess, tmp_path: Path, temporary: Path
) -> None:
    pids = {ordered(imaging, tmp_path, "tell")["pid"] for _ in range(3)}
    assert len(pids) == 3
    with pytest.raises(PictureRefusedError):
        ordered(imaging, tmp_path, "abort")
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("attack", ["loop", "sleep"])
def test_a_picture_that_takes_too_long_is_refused_and_its_process_ended(
    hurried: ImagingProcess, tmp_path: Path, temporary: Path, attack: str
) -> None:
    assert fits(hurried, tmp_path)
    begun = time.monotonic()
    with pytest.raises(PictureRefusedError, match=r"within 0\.5 s") as refusal:
        ordered(hurried, tmp_path, attack)
    assert refusal.value.code == "too_slow"
    assert time.monotonic() - begun < 5
    assert list(temporary.iterdir()) == []
    assert fits(hurried, tmp_path)


@pytest.mark.parametrize(("attack", "ended_by"), [("loop", "SIGXCPU"), ("loop_whatever_is_asked", "SIGKILL")])
def test_processor_time_ends_where_no_clock_is_looked_at(tmp_path: Path, attack: str, ended_by: str) -> None:
    for folder in ("given", "made"):
        (tmp_path / folder).mkdir()
    (tmp_path / "given/photo").write_text(json.dumps({"do": attack}))
    server = ForkServer(MISBEHAVING, 400)
    try:
        process = DecoderProcess(server, tmp_path)
        with pytest.raises(DecoderEndedError, match=ended_by):
            process.ask({"do": "fit", "seconds": 0, "arguments": {}}, seconds=100)
    finally:
        server.end()


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
        ordered(imaging, tmp_path, "kill")
    assert fits(imaging, tmp_path)


def test_a_full_disk_is_not_the_pictures_fault(imaging: ImagingProcess, tmp_path: Path) -> None:
    with pytest.raises(ImagingFailedError, match="File too large"):
        ordered(imaging, tmp_path, "fill_the_disk")
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


def test_a_fork_server_that_died_meanwhile_is_replaced(imaging: ImagingProcess, tmp_path: Path) -> None:
    before = children_of(os.getpid())
    assert fits(imaging, tmp_path)
    [server] = children_of(os.getpid()) - before
    os.kill(server, signal.SIGKILL)
    until(lambda: ") Z " in Path(f"/proc/{server}/stat").read_text())
    assert fits(imaging, tmp_path)
    [another] = children_of(os.getpid()) - before
    assert another != server


def test_a_fork_server_that_dies_amid_two_photos_is_the_fault_of_neither(
    imaging: ImagingProcess, tmp_path: Path, temporary: Path
) -> None:
    before = children_of(os.getpid())
    assert fits(imaging, tmp_path)
    [server] = children_of(os.getpid()) - before

    def sleep_in(name: str) -> None:
        (tmp_path / name).mkdir()
        with pytest.raises(ImagingFailedError, match="is gone"):
            ordered(imaging, tmp_path / name, "sleep")

    with ThreadPoolExecutor(2) as pool:
        both = pool.map(sleep_in, "ab")
        until(lambda: len(list(temporary.glob("*/made/begun"))) == 2)
        sleeping = children_of(server)
        os.kill(server, signal.SIGKILL)
        assert list(both) == [None, None]
    until(lambda: not [pid for pid in sleeping if Path(f"/proc/{pid}").exists()])
    assert fits(imaging, tmp_path)


def test_ends_are_seen_also_where_the_system_was_set_not_to_report_them(
    imaging: ImagingProcess, tmp_path: Path
) -> None:
    """That SIGCHLD is ignored goes on to a program that is started."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert fits(imaging, tmp_path)
        with pytest.raises(PictureRefusedError, match="SIGABRT"):
            ordered(imaging, tmp_path, "abort")
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_requests_at_once_have_a_process_each(imaging: ImagingProcess, tmp_path: Path) -> None:
    both_there = threading.Barrier(2)

    def fit_often(name: str) -> bool:
        folder = tmp_path / name
        folder.mkdir()
        both_there.wait()
        return all(fits(imaging, folder) for _ in range(20))

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(fit_often, "ab"))


def test_what_a_library_prints_is_no_answer(imaging: ImagingProcess, tmp_path: Path) -> None:
    assert ordered(imaging, tmp_path, "print_much") == {"this": "one"}


def test_the_process_knows_no_secret_and_nothing_of_aws(
    imaging: ImagingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "DROPCUT_API_KEY", "API_KEY_SECRET"):
        monkeypatch.setenv(name, "secret")
    report = ordered(imaging, tmp_path, "tell")
    assert not [name for name in report["environment"] if name.startswith("AWS_") or "KEY" in name]
    assert "secret" not in report["environment"].values()
    assert report["loaded"] == []
    assert report["descriptors"] == [0, 1, 2, 3]
    assert report["environment"]["TMPDIR"] == report["folder"] + "/made"


def test_the_process_ends_with_its_parent_and_the_next_one_removes_what_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = f"""
import sys, threading
sys.path[:0] = {[str(REPOSITORY), str(REPOSITORY / "functions")]!r}
from pathlib import Path
from dropcut.adapters.imaging_process import ImagingProcess
from tests.functions.adapters.ordered import ordered
imaging = ImagingProcess(seconds=600, memory_mib=400, module={MISBEHAVING!r})
ordered(imaging, Path({str(tmp_path)!r}), "sleep")
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as parent:
        until(lambda: list(tmp_path.glob("dropcut-imaging-*/made/begun")))
        [server] = children_of(parent.pid)
        [process] = children_of(server)
        parent.kill()
    until(lambda: not Path(f"/proc/{process}").exists() and not Path(f"/proc/{server}").exists())
    assert list(tmp_path.glob("dropcut-imaging-*"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    remove_leftovers()
    assert not list(tmp_path.glob("dropcut-imaging-*"))


def until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
