"""Held photos: which ones are listed, in which order, and which of their pictures a person is shown."""

from collections.abc import Mapping

import pytest
from dropcut.adapters.held_records import HeldRecords

from dropcut_cli import held as held_module
from dropcut_cli import uploads
from dropcut_cli.deployment import Deployment
from dropcut_cli.held import held_photos
from tests.cli.held_photos import NOW, hold
from tests.functions.cloud import OUTPUT, WORK


def keys(deployment: Deployment) -> list[str]:
    return [each.fields["key"] for each in held_photos(deployment)]


def test_the_worst_come_first_and_those_that_were_decided_on_lately_not_at_all(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, score in (("b.jpg", 0.2), ("a.jpg", 0.4), ("c.jpg", 0.001), ("decided.jpg", 0.3)):
        upload = hold(deployment, key, score=score)
    assert HeldRecords(table=deployment.table).decide(upload, "accept", now=NOW)
    monkeypatch.setattr(held_module.time, "time", lambda: NOW + 3600)
    assert keys(deployment) == ["c.jpg", "b.jpg", "a.jpg"]
    monkeypatch.setattr(held_module.time, "time", lambda: NOW + 2 * 86_400)
    assert keys(deployment) == ["c.jpg", "b.jpg", "decided.jpg", "a.jpg"]


def test_more_are_found_than_one_question_to_the_table_may_name(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "RECORDS_AT_ONCE", 2)
    names = [f"{number}.jpg" for number in range(5)]
    for number, key in enumerate(names):
        hold(deployment, key, score=number / 1000)
    assert keys(deployment) == names


@pytest.mark.parametrize(
    ("renditions", "shown"),
    [
        ({"amazon_main": "held/a.jpg", "full": "held/full.png"}, "held/full.png"),
        ({"preview": "held/a.jpg", "mask": "held/b.png", "web": "held/web.png"}, "held/web.png"),
        ({"amazon_main": "held/a.jpg"}, "held/a.jpg"),
    ],
)
def test_the_rendition_that_shows_most_is_shown(
    deployment: Deployment, renditions: Mapping[str, str], shown: str
) -> None:
    hold(deployment, "a.jpg", renditions=renditions)
    deployment.client("s3").put_object(Bucket=OUTPUT, Key=shown, Body=b"this one")
    assert held_photos(deployment)[0].picture("after") == b"this one"


def test_of_a_photo_that_browsers_do_not_show_what_was_sent_to_the_api_is_shown(deployment: Deployment) -> None:
    hold(deployment, "a.heic", pictures=(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"cut-out"))
    deployment.client("s3").put_object(Bucket=WORK, Key="prepared/x.jpeg", Body=b"sent")
    assert held_photos(deployment)[0].picture("before") == b"sent"
