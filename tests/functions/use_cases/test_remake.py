"""Renditions made anew: without paying, and never less than what is there."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from dropcut.core.message_result import DeadLetter, Done, Message
from dropcut.core.messages import MalformedMessageError, OutcomeMessage, Remake
from dropcut.core.rendition_setting import FULL

from tests.functions.cloud import INPUT, OUTPUT, WORK, Cloud
from tests.functions.use_cases.delivery import ANSWER, KEYS, NEWER, NEWER_ANSWER, NOW, SET, UPLOAD, Delivery


@pytest.fixture
def delivered(cloud: Cloud) -> Delivery:
    """One photo is delivered, in full size."""
    delivery = Delivery(cloud)
    delivery.end(upload=delivery.seen())
    return delivery


def test_changed_renditions_are_made_anew_without_paying(delivered: Delivery) -> None:
    delivered.use(*SET)
    assert delivered.remake() == Done()
    assert sorted(delivered.cloud.keys(OUTPUT)) == KEYS
    detail_type, detail = delivered.events.published[1]
    assert (detail_type, detail["remade"], detail["credits"]) == ("Cutout Delivered", True, 0)
    assert detail["job_id"] == UPLOAD.job_id
    assert [each["name"] for each in detail["renditions"]] == ["full", "amazon_main", "small"]
    assert delivered.cloud.metadata("shop/a.png")["dropcut-credits"] == "2"


def test_a_remake_can_be_asked_for_again_and_by_its_job(delivered: Delivery) -> None:
    assert delivered.remake() == delivered.remake(job_id=UPLOAD.job_id) == Done()
    assert delivered.events.types == ["Cutout Delivered"] * 3


def test_what_is_made_anew_never_writes_over_a_newer_one_delivered_meanwhile(delivered: Delivery) -> None:
    delivered.imaging.meanwhile = [delivered.newer_one_is_delivered]
    assert delivered.remake() == Done()
    assert delivered.cloud.read(OUTPUT, "shop/a.png") == b"new cut-out"
    assert [detail["job_id"] for detail in delivered.events.details] == [UPLOAD.job_id, NEWER.job_id]


def test_what_is_made_anew_is_not_published_after_a_newer_one_under_a_key_of_its_own(delivered: Delivery) -> None:
    delivered.use(replace(FULL, key="{folder}{stem}-{sha256}.{extension}"))
    delivered.imaging.meanwhile = [delivered.newer_one_is_delivered]
    assert delivered.remake() == Done()
    assert [detail["job_id"] for detail in delivered.events.details] == [UPLOAD.job_id, NEWER.job_id]


def never_delivered(delivery: Delivery) -> None:
    delivery.upload(NEWER)


def answer_expires(delivery: Delivery) -> None:
    delivery.cloud.clients.s3.delete_object(Bucket=WORK, Key=ANSWER.work_key)


@pytest.mark.parametrize(
    ("happens", "asked", "code"),
    [
        (never_delivered, {}, "not_delivered"),
        (lambda delivery: None, {"key": "shop/unknown.jpg"}, "not_delivered"),
        (lambda delivery: None, {"job_id": "another"}, "another_job"),
        (answer_expires, {}, "answer_expired"),
        (Delivery.vanishes, {}, "less_than_before"),
        (Delivery.crashes, {}, "less_than_before"),
    ],
)
def test_what_cannot_be_made_anew_is_dead_lettered_and_nothing_is_overwritten(
    delivered: Delivery, happens: Callable[[Delivery], None], asked: dict[str, str], code: str
) -> None:
    delivered.cloud.put("shop/a.png", b"delivered", bucket=OUTPUT, Metadata=delivered.cloud.metadata("shop/a.png"))
    happens(delivered)
    result = delivered.remake(**asked)
    assert isinstance(result, DeadLetter)
    assert (result.details, result.announce) == ({"code": code}, False)
    assert result.reason.startswith("Nothing was made anew, and nothing was paid. ")
    assert delivered.cloud.read(OUTPUT, "shop/a.png") == b"delivered"
    assert delivered.events.types == ["Cutout Delivered"]


def test_a_dead_lettered_remake_leaves_the_delivered_photo_as_it_is(delivered: Delivery) -> None:
    message = Message(body=Remake(bucket=INPUT, key=UPLOAD.key).to_json(), receive_count=12, sent_at_seconds=NOW)
    delivered.deliver.announce_failure(message, "Failed 12 times.")
    assert delivered.events.types == ["Cutout Delivered"]
    assert delivered.record()["status"] == "delivered"


def test_a_forged_record_delivers_nobody_elses_answer(delivered: Delivery) -> None:
    """Whoever holds prepare's role may write to it: it then names the answer for another's picture."""
    before = delivered.cloud.read(OUTPUT, "shop/a.png")
    forged = OutcomeMessage(upload=UPLOAD, outcome=replace(ANSWER, work_key=NEWER_ANSWER.work_key))
    delivered.jobs.delivered(forged, output_keys=["shop/a.png"], now=NOW)
    with pytest.raises(MalformedMessageError, match="not where these bytes are kept"):
        delivered.remake()
    assert delivered.cloud.read(OUTPUT, "shop/a.png") == before
    assert delivered.events.types == ["Cutout Delivered"]
