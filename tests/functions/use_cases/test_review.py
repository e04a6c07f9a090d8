"""Doubtful cut-outs: held for a person, then delivered, rejected or replaced, once, whatever breaks off where."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from botocore.client import BaseClient
from dropcut.adapters.held_records import HeldRecords
from dropcut.core.message_result import DeadLetter, Done, Message
from dropcut.core.messages import Ended, MalformedMessageError, OutcomeMessage, Upload
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.core.quality import quality_of
from dropcut.core.review import Review
from dropcut.observability import metrics
from dropcut.use_cases.review import NotYetHeldError

from tests.functions.cloud import INPUT, OUTPUT, Cloud
from tests.functions.use_cases.delivery import (
    DOUBTFUL,
    FINE,
    HELD_DAYS,
    KEYS,
    MOST_MIB,
    NEWER,
    NEWER_ANSWER,
    NOW,
    SET,
    STAGE_ROLE,
    UPLOAD,
    Delivery,
)

DAY = 86_400.0
MINE = "held/of-mine/a.png"
"""Key of a reviewer's own cut-out."""


@pytest.fixture
def delivery(cloud: Cloud) -> Delivery:
    """One photo, whose cut-out is doubtful; such are held."""
    delivery = Delivery(cloud, SET, holds=True)
    delivery.imaging.measures = DOUBTFUL
    return delivery


@pytest.fixture
def held(delivery: Delivery) -> Delivery:
    """The photo is held."""
    delivery.end(upload=delivery.seen())
    return delivery


def held_keys(delivery: Delivery) -> list[str]:
    return [key for key in delivery.cloud.keys(OUTPUT) if key.startswith("held/")]


def put_mine(delivery: Delivery, content: bytes = b"my own") -> None:
    delivery.cloud.put(MINE, content, bucket=OUTPUT)


# ---- the verdict, and what is held


def test_the_verdict_stands_in_the_event_the_metadata_and_the_record(cloud: Cloud) -> None:
    delivery = Delivery(cloud)
    delivery.imaging.measures = DOUBTFUL
    delivery.end(upload=delivery.seen())
    quality = quality_of(DOUBTFUL)
    ((detail_type, detail),) = delivery.events.published
    assert (detail_type, detail["quality"]) == ("Cutout Delivered", quality.to_fields())
    assert cloud.metadata("shop/a.png")["dropcut-quality"] == f"{quality.score:g} pieces,holes"
    assert json.loads(delivery.record()["quality"]) == quality.to_fields()


def test_without_the_photo_nothing_is_said_of_the_quality(delivery: Delivery) -> None:
    upload = delivery.seen()
    delivery.vanishes()
    delivery.end(upload=upload)
    ((detail_type, detail),) = delivery.events.published
    assert (detail_type, "quality" in detail) == ("Cutout Delivered", False)
    assert "quality" not in delivery.record()
    assert "dropcut-quality" not in delivery.cloud.metadata("shop/a.png")


def test_a_good_cut_out_is_delivered_also_where_doubtful_ones_are_held(delivery: Delivery) -> None:
    delivery.imaging.measures = FINE
    delivery.end(upload=delivery.seen())
    assert sorted(delivery.cloud.keys(OUTPUT)) == KEYS
    assert delivery.events.details[0]["quality"] == {"score": 1.0, "doubts": []}


def test_a_doubtful_cut_out_is_held_tagged_announced_and_recorded(held: Delivery) -> None:
    assert sorted(held.cloud.keys(OUTPUT)) == [f"held/{key}" for key in KEYS]
    assert held.cloud.tags(UPLOAD.key) == {"dropcut": "held"}
    ((detail_type, detail),) = held.events.published
    assert (detail_type, detail["output_key"], detail["credits"]) == ("Cutout Held", "held/shop/a.png", 2.0)
    assert [doubt["code"] for doubt in detail["quality"]["doubts"]] == ["pieces", "holes"]
    assert (held.record()["status"], held.record()["held_at"]) == ("held", NOW)


@pytest.mark.parametrize(("decision", "ends_as"), [("accept", "delivered"), ("reject", "rejected")])
def test_the_event_says_what_to_send_to_decide(held: Delivery, decision: str, ends_as: str) -> None:
    asked = held.events.details[0]["decide"]
    assert asked["queue_url"] == "deliver"
    assert asked["replace"]["review"]["picture"].startswith("held/")
    assert held.handle(json.dumps(asked[decision])) == Done()
    assert held.record()["status"] == ends_as


def test_the_outcome_of_a_held_photo_that_comes_again_changes_nothing(held: Delivery) -> None:
    before = held.record()
    held.end(upload=held.seen())
    held.end(Ended(kind="failed", code="waited_too_long", reason="A double waited."), held.seen())
    message = Message(body=OutcomeMessage(upload=UPLOAD, outcome=NEWER_ANSWER).to_json(), receive_count=12,
                      sent_at_seconds=NOW)  # fmt: skip
    held.deliver.announce_failure(message, "Failed 12 times.")
    assert (held.record(), held.events.types) == (before, ["Cutout Held"])


def test_each_verdict_counts_so_that_the_average_is_the_share_of_doubtful_ones(delivery: Delivery) -> None:
    metrics.metric_set.clear()
    for number, measures in enumerate([FINE, FINE, DOUBTFUL, None]):
        upload = replace(UPLOAD, key=f"shop/{number}.jpg")
        delivery.upload(upload)
        delivery.imaging.measures = measures
        delivery.end(upload=delivery.seen(upload))
    assert metrics.metric_set["CutoutsDoubtful"]["Value"] == [0, 0, 1]
    assert metrics.metric_set["CutoutsHeld"]["Value"] == [1]


# ---- decisions


def test_an_accepted_cut_out_is_delivered_as_it_was_looked_at(held: Delivery) -> None:
    calls = len(held.imaging.sources)
    assert held.review("accept") == Done()
    assert sorted(held.cloud.keys(OUTPUT)) == KEYS
    assert held.cloud.read(OUTPUT, "shop/a.png") == b"cut-out"
    assert len(held.imaging.sources) == calls  # nothing is made anew
    assert held.events.types == ["Cutout Held", "Cutout Delivered"]
    detail = held.events.details[1]
    assert (detail["decision"], detail["credits"], detail["output_key"]) == ("accept", 0.0, "shop/a.png")
    assert [each["key"] for each in detail["renditions"]] == ["shop/a.png", "shop/a-amazon_main.jpg",
                                                              "small/shop/a.jpg.png"]  # fmt: skip
    assert detail["quality"] == held.events.details[0]["quality"]
    assert held.cloud.tags(UPLOAD.key) == {"dropcut": "delivered"}
    assert held.record()["status"] == "delivered"
    assert {"held", "held_at", "held_index"}.isdisjoint(held.record())


def test_what_is_accepted_has_the_renditions_of_when_it_was_held(held: Delivery) -> None:
    held.use(*SET[:1])
    assert held.review("accept") == Done()
    assert sorted(held.cloud.keys(OUTPUT)) == KEYS


def test_an_accepted_cut_out_can_be_made_anew(held: Delivery) -> None:
    held.review("accept")
    assert held.remake() == Done()
    assert held.events.types == ["Cutout Held", "Cutout Delivered", "Cutout Delivered"]


def test_a_rejected_cut_out_is_gone_and_its_photo_ends_rejected(held: Delivery) -> None:
    assert held.review("reject") == Done()
    assert held.cloud.keys(OUTPUT) == []
    assert held.events.types == ["Cutout Held", "Cutout Rejected"]
    assert held.events.details[1]["code"] == "rejected_by_reviewer"
    assert held.cloud.tags(UPLOAD.key) == {"dropcut": "rejected"}
    assert (held.record()["status"], held.record()["code"]) == ("rejected", "rejected_by_reviewer")


def test_a_replaced_cut_out_is_made_of_the_reviewers_picture_alone(held: Delivery) -> None:
    put_mine(held)
    assert held.review("replace", picture=MINE) == Done()
    assert sorted(held.cloud.keys(OUTPUT)) == [MINE, *KEYS]
    assert held.cloud.read(OUTPUT, "shop/a.png") == b"my own"
    assert "dropcut-quality" not in held.cloud.metadata("shop/a.png")  # the verdict was on another picture
    detail = held.events.details[1]
    assert (detail["decision"], detail["credits"], "quality" in detail) == ("replace", 0.0, False)
    assert held.record()["status"] == "delivered"


def test_what_a_reviewer_replaced_is_never_made_anew_from_the_doubtful_answer(held: Delivery) -> None:
    put_mine(held)
    held.review("replace", picture=MINE)
    result = held.remake()
    assert isinstance(result, DeadLetter)
    assert result.details == {"code": "not_delivered"}
    assert held.cloud.read(OUTPUT, "shop/a.png") == b"my own"


@pytest.mark.parametrize(("sender", "decides"), [(f"{STAGE_ROLE}:prepare", False), ("AIDAREVIEWER", True)])
def test_people_decide_and_no_function_of_ours(held: Delivery, sender: str, decides: bool) -> None:
    """One of them decodes strangers' files, and may write to the same queue."""
    decision = Review(bucket=INPUT, key=UPLOAD.key, decision="accept")
    sent = Message(body=json.dumps(decision.to_fields()), receive_count=1, sent_at_seconds=NOW, sender=sender)
    if decides:
        assert held.deliver(sent) == Done()
    else:
        with pytest.raises(MalformedMessageError, match="only people do"):
            held.deliver(sent)
    assert held.events.types == ["Cutout Held", *["Cutout Delivered"] * decides]


def nothing(_: Delivery) -> None:
    pass


def is_delivered(delivery: Delivery) -> None:
    assert delivery.review("accept") == Done()


def loses_a_file(delivery: Delivery) -> None:
    delivery.cloud.clients.s3.delete_object(Bucket=OUTPUT, Key="held/shop/a-amazon_main.jpg")


def has_a_file_changed(delivery: Delivery) -> None:
    delivery.cloud.put("held/shop/a.png", b"cut-out", bucket=OUTPUT)


def has_a_picture_that_crashes(delivery: Delivery) -> None:
    put_mine(delivery)
    delivery.imaging.failures = [PictureRefusedError("no_alpha", "It has no transparency.")]


def has_a_huge_picture(delivery: Delivery) -> None:
    put_mine(delivery, b"\0" * (MOST_MIB * 1024 * 1024 + 1))


REPLACE = {"decision": "replace", "picture": MINE}


@pytest.mark.parametrize(
    ("happens", "asked", "code"),
    [
        (nothing, {"key": "shop/unknown.jpg"}, "not_held"),
        (nothing, {"job_id": "another"}, "another_job"),
        (lambda delivery: delivery.upload(NEWER), {}, "not_held"),
        (is_delivered, {"decision": "reject"}, "already_decided"),
        (is_delivered, REPLACE, "already_decided"),
        (loses_a_file, {}, "held_files_changed"),
        (has_a_file_changed, {}, "held_files_changed"),
        (nothing, REPLACE, "picture_missing"),
        (nothing, {"decision": "replace", "picture": "shop/a.png"}, "not_under_held"),
        (has_a_picture_that_crashes, REPLACE, "picture_not_usable"),
        (has_a_huge_picture, REPLACE, "picture_not_usable"),
    ],
)
def test_a_wrong_decision_is_dead_lettered_and_changes_nothing(
    held: Delivery, happens: Callable[[Delivery], None], asked: dict[str, str], code: str
) -> None:
    happens(held)
    before = held.record(), held.cloud.keys(OUTPUT), held.events.types
    result = held.review(**({"decision": "accept"} | asked))
    assert isinstance(result, DeadLetter)
    assert (result.details, result.announce) == ({"code": code}, False)
    assert result.reason.startswith("Nothing was decided. ")
    assert (held.record(), held.cloud.keys(OUTPUT), held.events.types) == before


def test_a_photo_that_was_never_doubtful_is_not_decided_on(delivery: Delivery) -> None:
    delivery.imaging.measures = FINE
    delivery.end(upload=delivery.seen())
    result = delivery.review("reject")
    assert isinstance(result, DeadLetter)
    assert result.details == {"code": "not_held"}


def test_a_decision_that_comes_before_the_record_of_what_is_held_is_tried_again(delivery: Delivery) -> None:
    """The event that asks for it is published first."""
    with pytest.raises(NotYetHeldError):
        delivery.review(job_id=UPLOAD.job_id)
    delivery.end(upload=delivery.seen())
    assert delivery.review(job_id=UPLOAD.job_id) == Done()
    assert delivery.record()["status"] == "delivered"


def test_a_wrong_decision_leaves_room_for_the_right_one(held: Delivery) -> None:
    assert isinstance(held.review(**REPLACE), DeadLetter)
    assert held.review("accept") == Done()


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_the_same_decision_twice_is_carried_out_once(held: Delivery, decision: str) -> None:
    assert held.review(decision) == held.review(decision) == Done()
    assert len(held.events.types) == 2


def test_a_dead_lettered_decision_publishes_nothing(held: Delivery) -> None:
    body = json.dumps(held.events.details[0]["decide"]["accept"])
    held.deliver.announce_failure(Message(body=body, receive_count=12, sent_at_seconds=NOW), "Failed 12 times.")
    assert held.events.types == ["Cutout Held"]
    assert held.record()["status"] == "held"


def test_a_decision_that_nobody_carried_out_makes_room_for_another_after_a_day(held: Delivery) -> None:
    assert held.held.decide(UPLOAD, "replace held/x.png", now=NOW)
    held.now = NOW + DAY - 1
    assert isinstance(held.review("reject"), DeadLetter)
    held.now = NOW + DAY + 1
    assert held.review("reject") == Done()


# ---- newer uploads


@pytest.mark.parametrize("measures", [FINE, DOUBTFUL])
def test_a_newer_upload_takes_the_place_of_a_held_one(held: Delivery, measures: Any) -> None:
    held.imaging.measures = measures
    held.upload(NEWER)
    held.use(*SET[:2])  # one name of before is not written again
    held.end(NEWER_ANSWER, held.seen(NEWER))
    skipped = [detail for detail in held.events.details if detail.get("code") == "superseded"]
    assert [detail["job_id"] for detail in skipped] == [UPLOAD.job_id]
    place = "" if measures is FINE else "held/"
    assert sorted(held.cloud.keys(OUTPUT)) == [f"{place}{key}" for key in KEYS[:2]]
    assert held.cloud.read(OUTPUT, f"{place}shop/a.png") == b"new cut-out"
    assert held.cloud.metadata(f"{place}shop/a.png")["dropcut-job-id"] == NEWER.job_id


@pytest.mark.parametrize(
    ("decide", "ends_as"),
    [
        (lambda held: held.review("accept"), "Cutout Delivered"),
        (lambda held: held.review("reject"), "Cutout Rejected"),
        (lambda held: held.an_hour_passes(), "Cutout Failed"),
    ],
    ids=["accept", "reject", "too long"],
)
def test_a_newer_upload_that_comes_amid_a_decision_does_not_end_the_photo_again(
    held: Delivery, monkeypatch: pytest.MonkeyPatch, decide: Callable[[Delivery], object], ends_as: str
) -> None:
    publish, newer = held.events.publish, iter([NEWER])

    def newer_comes_first(*arguments: Any, **more: Any) -> None:
        for upload in newer:
            held.upload(upload)
        publish(*arguments, **more)

    monkeypatch.setattr(held.events, "publish", newer_comes_first)
    held.now = NOW + 15 * DAY
    decide(held)
    held.end(NEWER_ANSWER, NEWER)
    assert events_of(held, UPLOAD) == ["Cutout Held", ends_as]
    assert held_keys(held) == []


def test_a_newer_upload_that_is_rejected_ends_the_held_one_too(held: Delivery) -> None:
    held.upload(NEWER)
    held.end(Ended(kind="rejected", code="too_small", reason="Too small."), NEWER)
    assert held.cloud.keys(OUTPUT) == []
    assert held.events.types == ["Cutout Held", "Cutout Rejected", "Cutout Skipped"]


def test_a_doubtful_photo_whose_record_is_gone_is_held_all_the_same(delivery: Delivery) -> None:
    """The record of one that failed was forgotten (cli/forget.py), then its dead letter was sent back."""
    delivery.cloud.put("shop/forgotten.jpg", b"photo")
    upload = delivery.seen(replace(UPLOAD, key="shop/forgotten.jpg"))
    delivery.end(upload=upload)
    assert delivery.record(upload.key)["status"] == "held"
    assert delivery.jobs.begin(upload, now=NOW) == "already_under_way"
    assert delivery.jobs.begin(replace(upload, sequencer="01"), now=NOW) == "superseded"
    assert delivery.review("accept", key=upload.key) == Done()
    assert delivery.events.types == ["Cutout Held", "Cutout Delivered"]


def test_what_is_held_after_a_newer_upload_came_is_taken_back(delivery: Delivery) -> None:
    upload = delivery.seen()
    delivery.imaging.meanwhile = [lambda: delivery.upload(NEWER)]
    delivery.end(upload=upload)
    assert delivery.cloud.keys(OUTPUT) == []
    assert delivery.events.types == ["Cutout Held", "Cutout Skipped"]
    assert (delivery.record()["status"], delivery.record()["job_id"]) == ("preparing", NEWER.job_id)


# ---- too long


@pytest.mark.parametrize(("days", "ended"), [(HELD_DAYS - 0.01, False), (HELD_DAYS + 0.01, True)])
def test_what_nobody_decided_on_in_time_ends_as_failed(held: Delivery, days: float, ended: bool) -> None:
    held.now = NOW + days * DAY
    held.an_hour_passes()
    held.an_hour_passes()
    assert held.events.types == ["Cutout Held", *["Cutout Failed"] * ended]
    assert (held_keys(held) == []) is ended
    if ended:
        detail = held.events.details[1]
        assert (detail["code"], "14 days" in detail["reason"]) == ("held_too_long", True)
        assert (held.record()["status"], held.cloud.tags(UPLOAD.key)) == ("failed", {"dropcut": "failed"})
        late = held.review("accept")
        assert isinstance(late, DeadLetter)
        assert late.reason.endswith("The first decision counts: held too long.")


def test_a_photo_that_was_held_too_long_is_held_again_when_it_comes_again(held: Delivery) -> None:
    held.now = NOW + 15 * DAY
    held.an_hour_passes()
    held.end(upload=held.seen())
    assert (held.record()["status"], held.events.types[2:]) == ("held", ["Cutout Held"])
    assert held.review("accept") == Done()


def test_an_old_one_that_cannot_be_ended_holds_up_no_other(held: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(UPLOAD, key="shop/b.jpg")
    held.upload(other)
    held.end(upload=held.seen(other))
    held.now = NOW + 15 * DAY
    publish, first = held.events.publish, iter([True])

    def breaks_once(*arguments: Any, **more: Any) -> None:
        if next(first, False):
            raise ConnectionError
        publish(*arguments, **more)

    monkeypatch.setattr(held.events, "publish", breaks_once)
    held.an_hour_passes()
    assert held.events.types.count("Cutout Failed") == 1
    held.an_hour_passes()
    assert held.events.types.count("Cutout Failed") == 2


def test_old_ones_that_cannot_be_ended_do_not_hold_up_later_ones(
    held: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 101 older ones none can be ended, and each takes a second to say so: once no later one was ever reached."""
    found = held.held.under_review(INPUT, UPLOAD.key)
    assert found and found.held
    for number in range(101):
        older = replace(found.held.outcome, upload=replace(UPLOAD, key=f"stuck/{number}.jpg"))
        held.held.hold(replace(found.held, outcome=older), now=NOW - 1)
    under_review = HeldRecords.under_review

    def cannot_be_read(records: HeldRecords, bucket: str, key: str) -> Any:
        if key.startswith("stuck/"):
            held.now += 1
            raise ValueError(key)
        return under_review(records, bucket, key)

    monkeypatch.setattr(HeldRecords, "under_review", cannot_be_read)
    held.now = NOW + 15 * DAY
    for _hour in range(200):  # a fifth are drawn each time
        held.an_hour_passes()
        if "Cutout Failed" in held.events.types:
            break
    assert held.events.types == ["Cutout Held", "Cutout Failed"]


def test_a_record_that_cannot_be_read_holds_up_no_other(held: Delivery) -> None:
    other = replace(UPLOAD, key="shop/b.jpg")
    held.upload(other)
    held.end(upload=held.seen(other))
    held.cloud.table.update(f"object#{INPUT}/{UPLOAD.key}", "SET held = :nonsense", {"nonsense": "{}"})
    held.now = NOW + 15 * DAY
    held.an_hour_passes()
    assert [held.record(key)["status"] for key in (UPLOAD.key, other.key)] == ["held", "failed"]


# ---- whatever breaks off


class StoppedError(BaseException):
    """As if the process were killed: nothing catches it."""


def is_stopped(delivery: Delivery, step: int, act: Callable[[], object]) -> bool:
    """Do something up to a step: before its first side effect is 1, after it 2. Whether it got that far."""
    steps = count(1)

    def watched(effect: Callable[..., Any]) -> Callable[..., Any]:
        def watched_effect(*arguments: Any, **more: Any) -> Any:
            if next(steps) == step:
                raise StoppedError
            done = effect(*arguments, **more)
            if next(steps) == step:
                raise StoppedError
            return done

        return watched_effect

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (
            (BaseClient, "_make_api_call"),
            (delivery.events, "publish"),
            (delivery.cloud.table, "update"),
        ):
            patch.setattr(owner, name, watched(getattr(owner, name)))
        try:
            act()
        except StoppedError:
            return True
    return False


def stopped_at_each_step(
    delivery: Delivery, act: Callable[[Upload], object], *, held_first: bool = False
) -> Iterator[Upload]:
    """A photo of its own for each step at which something is stopped, which is then done once more; until none is left.

    `held_first`: before that each is held.
    """
    for step in range(1, 200):
        key = f"shop/{step:03}.jpg"
        delivery.upload(replace(UPLOAD, key=key))
        upload = delivery.seen(replace(UPLOAD, key=key))
        if held_first:
            delivery.end(upload=upload)
        stopped = is_stopped(delivery, step, lambda upload=upload: act(upload))  # type: ignore[misc]
        if stopped:
            act(upload)
        yield upload
        if not stopped:
            assert step > 8, "the harness sees nothing"
            return


def names_of(upload: Upload) -> list[str]:
    stem = upload.key.removesuffix(".jpg")
    return [f"{stem}-amazon_main.jpg", f"{stem}.png"]


def events_of(delivery: Delivery, upload: Upload) -> list[str]:
    """Each once: an event may come again."""
    published = delivery.events.published
    return list(dict.fromkeys(kind for kind, detail in published if detail["job_id"] == upload.job_id))


DECISIONS: dict[str, tuple[dict[str, Any], str]] = {
    "accept": ({"decision": "accept"}, "delivered"),
    "reject": ({"decision": "reject"}, "rejected"),
    "replace": (REPLACE, "delivered"),
}


def test_holding_that_breaks_off_anywhere_ends_in_one_held_photo(delivery: Delivery) -> None:
    delivery.use(*SET[:2])
    for upload in stopped_at_each_step(delivery, lambda upload: delivery.end(upload=upload)):
        record = delivery.record(upload.key)
        assert (record["status"], events_of(delivery, upload)) == ("held", ["Cutout Held"])
        assert {f"held/{name}" for name in names_of(upload)} <= set(delivery.cloud.keys(OUTPUT))
        assert delivery.review("accept", key=upload.key) == Done()
        assert held_keys(delivery) == []


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_that_breaks_off_anywhere_ends_in_one_result(delivery: Delivery, decision: str) -> None:
    asked, ends_as = DECISIONS[decision]
    delivery.use(*SET[:2])
    put_mine(delivery)
    for upload in stopped_at_each_step(
        delivery, lambda upload: delivery.review(key=upload.key, **asked), held_first=True
    ):
        record = delivery.record(upload.key)
        assert (record["status"], "held" in record) == (ends_as, False)
        assert events_of(delivery, upload) == ["Cutout Held", f"Cutout {ends_as.capitalize()}"]
        written = set(names_of(upload)) if ends_as == "delivered" else set()
        assert set(names_of(upload)) & set(delivery.cloud.keys(OUTPUT)) == written
        assert held_keys(delivery) == [MINE]
        assert delivery.cloud.tags(upload.key) in ({"dropcut": ends_as}, {"dropcut": "held"})


def test_two_decisions_at_once_end_in_one_wherever_the_first_breaks_off(delivery: Delivery) -> None:
    """The second one finds the first begun, or comes before it: never are both carried out."""
    delivery.use(*SET[:2])

    def both(upload: Upload) -> None:
        delivery.review("accept", key=upload.key)
        delivery.review("reject", key=upload.key)

    for upload in stopped_at_each_step(delivery, both, held_first=True):
        assert events_of(delivery, upload) == ["Cutout Held", "Cutout Delivered"]
        assert delivery.record(upload.key)["status"] == "delivered"


def test_ending_old_ones_that_breaks_off_anywhere_ends_each_as_failed(delivery: Delivery) -> None:
    def two_weeks_later(_: Upload) -> None:
        delivery.now = NOW + 15 * DAY
        delivery.an_hour_passes()
        delivery.now = NOW

    delivery.use(*SET[:2])
    for upload in stopped_at_each_step(delivery, two_weeks_later, held_first=True):
        assert events_of(delivery, upload) == ["Cutout Held", "Cutout Failed"]
        assert delivery.record(upload.key)["status"] == "failed"


@pytest.mark.parametrize("status", ["delivered", "held"])
def test_a_newer_upload_that_breaks_off_anywhere_ends_the_held_one_too(delivery: Delivery, status: str) -> None:
    def newer_comes(upload: Upload) -> None:
        newer = replace(upload, sequencer="03", etag=None)
        delivery.upload(newer)
        delivery.use(*SET[:1])  # one name of before is not written again
        # Without a verdict it is not held.
        delivery.end(NEWER_ANSWER, newer if status == "delivered" else delivery.seen(newer))
        delivery.use(*SET[:2])

    delivery.use(*SET[:2])
    for upload in stopped_at_each_step(delivery, newer_comes, held_first=True):
        assert events_of(delivery, upload) == ["Cutout Held", "Cutout Skipped"]
        assert delivery.record(upload.key)["status"] == status
        if status == "held":
            assert delivery.review("accept", key=upload.key) == Done()
        assert held_keys(delivery) == []
