"""Photos are uploaded once, waited for and fetched; what is no photo is left out."""

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.job_records import JobRecords
from dropcut.core.gate import Gate
from dropcut.core.messages import Ended, OutcomeMessage, Upload
from dropcut.core.photo_source import PhotoSource, sources_to_json

from dropcut_cli import ends, put
from dropcut_cli.deployment import Deployment
from dropcut_cli.uploads import find_files
from tests.cli.conftest import SETTINGS, Dropcut
from tests.functions.cloud import INPUT, OUTPUT
from tests.functions.records import ANSWER

NOW = 1_722_081_600.0
PHOTO = b"\xff\xd8\xff" + bytes(100)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two photos, one of them in a folder below, and what is none."""
    folder = tmp_path / "my photos"
    (folder / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name in ("ä.jpg", "deep/b.jpg", ".hidden/c.jpg", ".d.jpg"):
        (folder / name).write_bytes(PHOTO + name.encode())
    (folder / "notes.txt").write_text("no photo")
    return folder


def keys(deployment: Deployment) -> list[str]:
    return [each["Key"] for each in deployment.client("s3").list_objects_v2(Bucket=INPUT).get("Contents", [])]


def end(deployment: Deployment, key: str, *outputs: str, sequencer: str = "02") -> None:
    """The pipeline's work on what lies in the input bucket; rejected where there are no outputs."""
    etag = deployment.client("s3").head_object(Bucket=INPUT, Key=key)["ETag"]
    upload = Upload(bucket=INPUT, key=key, sequencer=sequencer, etag=etag)
    jobs = JobRecords(table=deployment.table)
    jobs.begin(upload, now=NOW)
    if not outputs:
        jobs.ended(upload, Ended(kind="rejected", code="damaged", reason="It is cut off."), now=NOW)
        return
    for name in outputs:
        deployment.client("s3").put_object(Bucket=OUTPUT, Key=name, Body=b"cut-out of " + name.encode())
    jobs.delivered(OutcomeMessage(upload=upload, outcome=ANSWER), output_keys=list(outputs), now=NOW)


def test_a_folder_s_photos_keep_their_places(deployment: Deployment, dropcut: Dropcut, photos: Path) -> None:
    ran = dropcut("put", str(photos), "--to", "shop/", "--json")
    assert ran.exit_code == 0
    assert sorted(json.loads(line)["key"] for line in ran.out.splitlines()) == ["shop/deep/b.jpg", "shop/ä.jpg"]
    assert keys(deployment) == ["shop/deep/b.jpg", "shop/ä.jpg"]
    assert "notes.txt: The file is" in ran.err


def test_keys_begin_with_the_deployment_s_prefix(
    deployment: Deployment, dropcut: Dropcut, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [PhotoSource(bucket="another", prefix="no/"), PhotoSource(bucket=INPUT, prefix="in/")]
    monkeypatch.setitem(SETTINGS, "INPUTS", sources_to_json(sources))
    dropcut("put", str(photos / "ä.jpg"), "--to", "shop/")
    assert keys(deployment) == ["in/shop/ä.jpg"]


def test_what_was_delivered_is_not_sent_again_unless_it_changed(
    deployment: Deployment, dropcut: Dropcut, photos: Path
) -> None:
    dropcut("put", str(photos))
    end(deployment, "ä.jpg", "ä.png")
    end(deployment, "deep/b.jpg")
    assert dropcut("put", str(photos)).out == "uploaded   deep/b.jpg\n"  # rejected: it may be wanted anew
    end(deployment, "deep/b.jpg", "b.png", sequencer="03")
    ran = dropcut("put", str(photos))
    assert (ran.exit_code, ran.out) == (9, "")
    assert "2 photos of 2 delivered already." in ran.err
    (photos / "ä.jpg").write_bytes(PHOTO + b"another")
    assert dropcut("put", str(photos)).out == "uploaded   ä.jpg\n"


def test_many_photos_are_asked_about_with_their_price(deployment: Deployment, dropcut: Dropcut, tmp_path: Path) -> None:
    for number in range(put.ASK_ABOVE + 1):
        (tmp_path / f"{number}.jpg").write_bytes(PHOTO)
    ran = dropcut("put", str(tmp_path))
    assert ran.exit_code == 2
    assert "51 photos: at most 102 credits (1.02 $), 4 s at the pace; the daily limit makes that 1.02 days" in ran.err
    assert "say it with --yes" in ran.err
    assert keys(deployment) == []
    assert dropcut("put", str(tmp_path), "--yes").exit_code == 0
    assert len(keys(deployment)) == put.ASK_ABOVE + 1


def test_ends_are_waited_for_and_cut_outs_fetched(
    deployment: Deployment, dropcut: Dropcut, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An end from before the upload is not the one that is waited for."""
    dropcut("put", str(photos))
    end(deployment, "ä.jpg", sequencer="01")
    monkeypatch.setattr(
        ends.time, "sleep", lambda _seconds: [end(deployment, "ä.jpg", "c/ä.png"), end(deployment, "deep/b.jpg")]
    )
    ran = dropcut("put", str(photos), "--fetch", str(tmp_path / "out"), "--json")
    states = {line["key"]: line["state"] for line in map(json.loads, ran.out.splitlines())}
    assert states == {"ä.jpg": "delivered", "deep/b.jpg": "rejected"}
    assert ran.exit_code == 1
    assert [path.read_bytes() for path in (tmp_path / "out").rglob("*.*")] == ["cut-out of c/ä.png".encode()]


@pytest.mark.parametrize("is_heard", [True, False])
def test_it_says_how_far_it_is_and_when_nothing_hears_of_the_uploads(
    *, deployment: Deployment, dropcut: Dropcut, photos: Path, monkeypatch: pytest.MonkeyPatch, is_heard: bool
) -> None:
    now = 0
    monkeypatch.setattr(ends.time, "monotonic", lambda: now)

    def sleep(_seconds: float) -> None:
        nonlocal now
        now += 20
        match now:
            case 20 if is_heard:
                JobRecords(table=deployment.table).begin(Upload(bucket=INPUT, key="ä.jpg", sequencer="01"), now=NOW)
            case 100:
                end(deployment, "ä.jpg", "a.png")
            case 120:
                end(deployment, "deep/b.jpg", "b.png")

    monkeypatch.setattr(ends.time, "sleep", sleep)
    ran = dropcut("put", str(photos), "--wait")
    assert ran.exit_code == 0
    assert "0 of 2 ended" in ran.err
    assert "1 of 2 ended\n" in ran.err
    assert ("none is on record yet: `dropcut doctor`" in ran.err) is not is_heard


def test_waiting_ends_when_spending_is_paused(deployment: Deployment, dropcut: Dropcut, photos: Path) -> None:
    GateRecord(table=deployment.table).close(Gate(code="no_credits", reason="Buy some.", until=NOW))
    ran = dropcut("put", str(photos), "--wait")
    assert ran.exit_code == 8
    assert "2 photos wait, since spending is paused (no_credits): Buy some." in ran.err


def test_a_cut_out_never_lands_outside_of_its_folder(
    deployment: Deployment, dropcut: Dropcut, photos: Path, tmp_path: Path
) -> None:
    dropcut("put", str(photos / "ä.jpg"))
    end(deployment, "ä.jpg", "../../out.png")
    ran = dropcut("put", str(photos / "ä.jpg"), "--fetch", str(tmp_path / "out" / "deep"))
    assert ran.exit_code == 1
    assert "would lie outside" in ran.err
    assert list(tmp_path.rglob("out.png")) == []


@pytest.mark.parametrize("fetched_to", ["my photos", "my photos/deep", ".", "link"])
def test_cut_outs_are_never_fetched_among_the_photos(
    deployment: Deployment,
    dropcut: Dropcut,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    fetched_to: str,
) -> None:
    """They could replace photos, and the next run would pay for them."""
    monkeypatch.setattr(ends, "wait_for_ends", lambda *_given: iter(()))
    (photos.parent / "link").symlink_to(photos)
    ran = dropcut("put", str(photos), "--fetch", str(photos.parent / fetched_to))
    assert (ran.exit_code, ran.out, keys(deployment)) == (2, "", [])
    assert f"{photos} overlap: fetch the cut-outs into a folder apart." in ran.err


def test_a_photo_that_a_link_names_is_not_fetched_over(
    deployment: Deployment, dropcut: Dropcut, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "wait_for_ends", lambda *_given: iter(()))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(PHOTO)
    (photos / "a.png").symlink_to(tmp_path / "out" / "a.png")
    assert dropcut("put", str(photos), "--fetch", str(tmp_path / "out")).exit_code == 2
    assert keys(deployment) == []


def test_two_files_of_one_key_are_refused_and_the_same_one_twice_is_not(
    deployment: Deployment, dropcut: Dropcut, tmp_path: Path
) -> None:
    one, other = (tmp_path / name / "x.jpg" for name in ("a", "b"))
    for file in (one, other):
        file.parent.mkdir()
        file.write_bytes(PHOTO + file.parent.name.encode())
        (file.parent / "notes.txt").write_text("no photo, so no loss")
    ran = dropcut("put", str(one.parent), str(other.parent), "--to", "shop/")
    assert (ran.exit_code, ran.out, keys(deployment)) == (2, "", [])
    assert f"{one} and {other} would both be shop/x.jpg in the bucket" in ran.err
    assert dropcut("put", str(one), str(one.parent)).out == "uploaded   x.jpg\n"


@pytest.mark.parametrize(("prefix", "exit_code"), [("../esc/", 2), ("a/../b", 2), ("..", 2), ("/a", 2), ("a../b..", 0)])
def test_a_prefix_that_leads_out_of_a_folder_is_refused(
    deployment: Deployment, dropcut: Dropcut, photos: Path, prefix: str, exit_code: int
) -> None:
    ran = dropcut("put", str(photos / "ä.jpg"), "--to", prefix)
    assert (ran.exit_code, len(keys(deployment))) == (exit_code, 0 if exit_code else 1)


def test_a_full_disk_is_a_sentence_and_leaves_no_half_file(
    deployment: Deployment, dropcut: Dropcut, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropcut("put", str(photos / "ä.jpg"))
    end(deployment, "ä.jpg", "a.png")

    def full(_task: object, fileobj: BinaryIO, data: bytes, **_more: object) -> None:
        fileobj.write(data[:4])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("s3transfer.download.IOWriteTask._main", full)
    ran = dropcut("put", str(photos / "ä.jpg"), "--fetch", str(tmp_path / "out"))
    assert ran.exit_code == 1
    assert f"{tmp_path}/out/a.png: No space left on device. Put that right" in ran.err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "exit_code", "words"), [("no.jpg", 2, "does not exist"), ("notes.txt", 1, "Left out")]
)
def test_a_named_file_that_is_no_photo_is_a_fault(
    dropcut: Dropcut, photos: Path, name: str, exit_code: int, words: str
) -> None:
    ran = dropcut("put", str(photos / name))
    assert (ran.exit_code, ran.out) == (exit_code, "")
    assert words in ran.err


def test_an_empty_folder_is_nothing_to_do(dropcut: Dropcut, tmp_path: Path) -> None:
    ran = dropcut("put", str(tmp_path))
    assert (ran.exit_code, ran.out, ran.err) == (9, "", "There is no photo to upload.\n")


@pytest.mark.parametrize(
    ("name", "size", "why"),
    [
        (os.fsdecode(b"\xff.jpg"), 10, "not UTF-8"),
        ("a.jpg", 2 * 1024 * 1024, "more than 1 MiB"),
        ("a.jpg", 1024, ""),
    ],
)
def test_files_that_cannot_be_taken_say_why(tmp_path: Path, name: str, size: int, why: str) -> None:
    (tmp_path / name).write_bytes(b"\xff\xd8\xff" + bytes(size))
    files, left_out = find_files([tmp_path], prefix="", max_mib=1)
    assert (len(files), len(left_out)) == ((0, 1) if why else (1, 0))
    assert not left_out or why in left_out[0].why


def test_what_a_folder_holds_and_is_not_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe without a writer would be waited for without end."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "deep").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "deep")
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    scandir = os.scandir

    def unreadable(folder: str) -> Any:
        if str(folder).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", unreadable)  # root may read every folder
    files, left_out = find_files([tmp_path], prefix="", max_mib=1)
    assert files == []
    assert {each.path.name: each.why for each in left_out} == {
        "pipe.jpg": "it is no file",
        "link": "it is a link to a folder",
        "nowhere.jpg": "No such file or directory",
        "deep": "Permission denied",
    }


def test_a_key_too_long_for_s3_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PHOTO)
    for length, taken in ((1018, 1), (1020, 0)):
        files, _left_out = find_files([tmp_path], prefix="x" * length, max_mib=1)
        assert len(files) == taken


def test_after_an_error_nothing_more_is_begun() -> None:
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise OSError(5, "no")
        return number

    with pytest.raises(OSError, match="no"):
        list(put.side_by_side(work, range(10_000)))
    assert len(begun) < 100
    assert sorted(put.side_by_side(lambda number: number, range(100))) == list(range(100))
