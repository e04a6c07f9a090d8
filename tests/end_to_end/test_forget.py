"""What is kept of a photo of a deployed system, and that `make forget` leaves nothing of it but what others share."""

import io
import os

import pytest
from PIL import Image

from dropcut_cli.program import run
from tests.end_to_end.dropcut_in_use import DropcutInUse, until


def noise() -> bytes:
    """A new JPEG of 140 KB, too large to travel inside its message."""
    encoded = io.BytesIO()
    Image.frombytes("RGB", (400, 300), os.urandom(3 * 400 * 300)).save(encoded, "jpeg", quality=95)
    return encoded.getvalue()


def kept(dropcut: DropcutInUse, *keys: str) -> set[str]:
    """Objects and records of these photos and of their picture."""
    s3, bucket = dropcut.client("s3"), dropcut.outputs["WorkBucketName"]
    work = {each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}
    cutouts = {name for key in keys for name in dropcut.outputs_under(key.rpartition(".")[0])}
    return work | cutouts | {key for key in keys if dropcut.record(key)}


def without_prepared(names: set[str]) -> set[str]:
    """None of the names while there is one of a prepared picture."""
    return set() if any(name.startswith("prepared/") for name in names) else names


def forgets(dropcut: DropcutInUse, monkeypatch: pytest.MonkeyPatch, key: str, *flags: str) -> None:
    for name, value in dropcut.system.account.variables().items():
        monkeypatch.setenv(name, value)
    assert run(["forget", key, "--yes", *flags]) == 0


def test_nothing_is_left_of_a_forgotten_photo_but_what_another_shares(
    dropcut: DropcutInUse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = noise()
    first, copy = (dropcut.unused(name) for name in ("a ü.jpg", "b.jpg"))
    before = kept(dropcut, first, copy)
    for key in (first, copy):
        dropcut.drop(picture, key)
        assert dropcut.outcome(key).kind == "delivered"
        dropcut.ended_record(key)
    new = until(lambda: without_prepared(kept(dropcut, first, copy) - before), "nothing left of what was prepared")
    answers = {name for name in new if name.startswith("paid/")}
    assert len(answers) == 1
    forgets(dropcut, monkeypatch, first)
    assert "it is shared by 1 other photo of the same picture" in capsys.readouterr().out
    assert kept(dropcut, first) - before == answers
    assert dropcut.cutout(copy.replace(".jpg", ".png")).image.size == (400, 300)
    forgets(dropcut, monkeypatch, copy, "--photo")
    assert kept(dropcut, first, copy) - before == set()
    names = [each["Key"] for each in dropcut.client("s3").list_objects_v2(Bucket=dropcut.input_bucket)["Contents"]]
    assert first in names
    assert copy not in names
