"""One upload, one result; one picture, one payment; the newest upload wins; nothing is overwritten silently."""

from urllib.parse import unquote

from tests.end_to_end.dropcut_in_use import DropcutInUse, notification, until
from tests.end_to_end.photos import photo


def test_the_same_picture_under_two_names_is_paid_for_once_and_delivered_twice(dropcut: DropcutInUse) -> None:
    picture = photo()
    keys = [dropcut.drop(picture, dropcut.unused(name)) for name in ("one.jpg", "other.jpg")]
    outcomes = [dropcut.outcome(key) for key in keys]
    assert [outcome.kind for outcome in outcomes] == ["delivered", "delivered"]
    assert sorted(outcome.detail["credits"] for outcome in outcomes) == [0, 2]
    (copy,) = [outcome.detail for outcome in outcomes if outcome.detail["credits"] == 0]
    assert copy["request_id"] is None  # it would be that of somebody else's call
    assert dropcut.paid_calls(picture) == len(dropcut.calls(picture)) == 1
    for key in keys:
        assert dropcut.cutout(key.replace(".jpg", ".png")).alpha_varies


def test_photos_that_differ_in_their_extension_only_get_a_cutout_each(dropcut: DropcutInUse) -> None:
    folder = dropcut.unused("")
    keys = [folder + name for name in ("a.jpg", "a.png", "a.webp")]
    for key, kind in zip(keys, ("JPEG", "PNG", "WEBP"), strict=True):
        dropcut.drop(photo(kind), key)
    details = [dropcut.outcome(key).detail for key in keys]
    written = {detail["output_key"] for detail in details}
    assert len(written) == 3
    assert folder + "a.png" in written
    assert set(dropcut.outputs_under(folder)) == written
    for key, detail in zip(keys, details, strict=True):
        metadata = dropcut.cutout(detail["output_key"]).metadata
        assert unquote(metadata["dropcut-source"]) == key
        assert metadata["dropcut-picture-sha256"] == detail["picture_sha256"]


def test_the_newest_upload_of_a_key_wins(dropcut: DropcutInUse) -> None:
    key = dropcut.unused("again.jpg")
    uploads = [photo(width=100 + number, height=100) for number in range(4)]
    for upload in uploads:
        dropcut.drop(upload, key)
    outcomes = [dropcut.outcome(key, number=number) for number in range(1, 5)]
    assert {outcome.kind for outcome in outcomes} <= {"delivered", "skipped"}
    assert {outcome.detail["code"] for outcome in outcomes if outcome.kind == "skipped"} <= {"superseded"}
    cutout = dropcut.cutout(key.replace(".jpg", ".png"))
    assert cutout.image.size == (103, 100)
    assert dropcut.ended_record(key)["job_id"] == cutout.metadata["dropcut-job-id"]
    dropcut.wait_for_tags(key, {"dropcut": "delivered"})


def test_an_event_about_an_older_upload_that_comes_late_changes_nothing(dropcut: DropcutInUse) -> None:
    picture = photo()
    key = dropcut.drop(picture, dropcut.unused("late.jpg"))
    delivered = dropcut.outcome(key)
    record = dropcut.ended_record(key)
    dropcut.announce(key, sequencer="00000001")
    late = dropcut.outcome(key, number=2)
    assert (late.kind, late.detail["code"]) == ("skipped", "superseded")
    assert dropcut.record(key) == record
    assert dropcut.cutout(delivered.detail["output_key"]).metadata["dropcut-job-id"] == delivered.detail["job_id"]
    assert len(dropcut.calls(picture)) == 1


def test_an_event_that_comes_twice_is_one_upload(dropcut: DropcutInUse) -> None:
    picture = photo()
    key = dropcut.drop(picture, dropcut.unused("twice.jpg"))
    delivered = dropcut.outcome(key)
    sequencer = dropcut.ended_record(key)["sequencer"].rstrip("0")
    for _ in range(3):
        dropcut.send("Intake", notification(dropcut.input_bucket, key, sequencer=sequencer))
    until(lambda: dropcut.is_empty("Intake"), "an empty intake queue")
    later = dropcut.drop(photo(), dropcut.unused("later.jpg"))
    dropcut.outcome(later)
    assert dropcut.outcomes(key) == [delivered]
    assert len(dropcut.calls(picture)) == 1


def test_a_photo_tagged_skip_is_left_alone(dropcut: DropcutInUse) -> None:
    picture = photo()
    tags = {"dropcut": "skip", "owner": "me"}
    key = dropcut.drop(picture, dropcut.unused("mine.jpg"), tags=tags)
    outcome = dropcut.outcome(key)
    assert (outcome.kind, outcome.detail["code"]) == ("skipped", "left_alone")
    assert dropcut.tags(key) == tags
    assert dropcut.outputs_under(key.removesuffix("jpg")) == []
    assert dropcut.calls(picture) == []


def test_tags_of_the_customer_stay_beside_ours(dropcut: DropcutInUse) -> None:
    key = dropcut.drop(photo(), dropcut.unused("tagged.jpg"), tags={"owner": "me", "shop": "ü & co"})
    assert dropcut.outcome(key).kind == "delivered"
    dropcut.wait_for_tags(key, {"owner": "me", "shop": "ü & co", "dropcut": "delivered"})
