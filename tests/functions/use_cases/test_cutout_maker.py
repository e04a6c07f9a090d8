"""What goes wrong with a photo costs its full size, and never the cut-out that was paid for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from dropcut.adapters.imaging_process import ImagingFailedError
from dropcut.adapters.object_store import ObjectGoneError
from dropcut.core import picture_refusals
from dropcut.core.messages import PaidAnswer, Upload
from dropcut.core.rendition import MadeCutouts
from dropcut.message_batch import FIRST_RETRY_SECONDS
from dropcut.use_cases.cutout_maker import TRIES_AT_FULL_SIZE, TRIES_TO_READ, Cutouts, MadeFrom

from tests.functions.cloud import INPUT, Cloud
from tests.functions.use_cases.delivery import ANSWER, DAMAGED, SET, UPLOAD, Delivery

SURELY_VISIBLE = 15 * 60
"""Seconds after which S3 finds every version, by its guide."""
NAMES = ["full", "amazon_main", "small"]


class Workshop:
    """Fetches and makes one photo's cut-outs in a folder."""

    def __init__(self, delivery: Delivery, folder: Path) -> None:
        self.delivery, self._folder = delivery, folder

    def fetch(self, upload: Upload, *, answer: PaidAnswer = ANSWER, receives: int = 1) -> MadeFrom:
        return self.delivery.maker.fetch(upload, answer, self._folder, receive_count=receives)

    def make(self, upload: Upload, *, answer: PaidAnswer = ANSWER, receives: int = 1) -> Cutouts:
        made_from = self.fetch(upload, answer=answer, receives=receives)
        return self.delivery.maker.make(upload, answer, made_from, self._folder, receive_count=receives)


@pytest.fixture
def delivery(cloud: Cloud) -> Delivery:
    return Delivery(cloud, SET)


@pytest.fixture
def workshop(delivery: Delivery, tmp_path: Path) -> Workshop:
    return Workshop(delivery, tmp_path)


def names(cutouts: Cutouts) -> list[str]:
    return [made.rendition for made in cutouts.made]


def test_the_renditions_are_made_of_the_photo_itself(workshop: Workshop, delivery: Delivery) -> None:
    cutouts = workshop.make(delivery.seen())
    assert (names(cutouts), cutouts.note, cutouts.full_size) == (NAMES, "", True)
    assert delivery.imaging.sources == [b"photo"]


@pytest.mark.parametrize(("tags", "has_tags"), [("team=shop", True), ("", False)])
def test_reading_the_photo_shows_whether_it_has_tags(
    workshop: Workshop, delivery: Delivery, tags: str, has_tags: bool
) -> None:
    delivery.upload(tags=tags)
    assert workshop.fetch(delivery.seen()).has_tags is has_tags


@pytest.mark.parametrize(
    ("happens", "sources", "said"),
    [
        (Delivery.vanishes, [None], "was gone"),
        (Delivery.is_replaced, [None], "was replaced"),
        (Delivery.crashes, [b"photo", None], "It crashed its decoder."),
    ],
)
def test_without_the_photo_the_renditions_are_made_of_the_answer_with_a_note(
    workshop: Workshop,
    delivery: Delivery,
    happens: Callable[[Delivery], None],
    sources: list[bytes | None],
    said: str,
) -> None:
    upload = delivery.seen()
    happens(delivery)
    cutouts = workshop.make(upload)
    assert delivery.imaging.sources == sources
    assert (names(cutouts), cutouts.full_size) == (NAMES, False)
    assert said in cutouts.note


def test_a_photo_that_was_replaced_is_not_one_that_is_gone(workshop: Workshop, delivery: Delivery) -> None:
    upload = delivery.seen()
    delivery.is_replaced()
    assert workshop.fetch(upload).is_another
    delivery.vanishes()
    assert not workshop.fetch(upload).is_another


def test_an_answer_that_nothing_can_be_made_of_is_kept_as_it_came(workshop: Workshop, delivery: Delivery) -> None:
    delivery.imaging.failures = [DAMAGED, DAMAGED]
    cutouts = workshop.make(delivery.seen())
    (made,) = cutouts.made
    assert (made.rendition, made.format, Path(made.path).read_bytes()) == ("full", "png", b"cut-out")
    assert (made.width, made.height, made.size_bytes) == (80, 64, 7)
    assert "as the API gave it" in cutouts.note


def test_a_message_older_than_full_size_cutouts_needs_its_answer_alone(workshop: Workshop, delivery: Delivery) -> None:
    """The photo that is there now may be another one; what was sent then was the photo itself."""
    cutouts = workshop.make(UPLOAD)
    assert (delivery.imaging.sources, cutouts.note) == ([None], "")


@pytest.mark.parametrize("error", [ImagingFailedError("No space left on device."), picture_refusals.too_slow(40)])
def test_what_may_not_be_the_pictures_fault_is_waited_out_before_less_is_made(
    workshop: Workshop, delivery: Delivery, error: Exception
) -> None:
    upload = delivery.seen()
    for receives in range(1, TRIES_AT_FULL_SIZE):
        delivery.imaging.failures = [error]
        with pytest.raises(ImagingFailedError):
            workshop.make(upload, receives=receives)
    delivery.imaging.failures = [error]
    assert str(error) in workshop.make(upload, receives=TRIES_AT_FULL_SIZE).note


@pytest.mark.parametrize("code", ["AccessDenied", "KMS.DisabledException", "InvalidObjectState", "InternalError"])
def test_a_photo_that_cannot_be_read_counts_as_gone_after_a_quarter_of_an_hour(
    workshop: Workshop, delivery: Delivery, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """A role, a policy or `input_prefix` may have changed while the paid photo waited."""
    upload, get = delivery.seen(), delivery.cloud.clients.s3.get_object

    def get_or_refuse(*, Bucket: str, **more: Any) -> Any:
        if Bucket == INPUT:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetObject")
        return get(Bucket=Bucket, **more)

    monkeypatch.setattr(delivery.cloud.clients.s3, "get_object", get_or_refuse)
    for receives in range(1, TRIES_TO_READ):
        with pytest.raises((ClientError, PermissionError)):
            workshop.make(upload, receives=receives)
    assert sum(FIRST_RETRY_SECONDS * 2**tries for tries in range(TRIES_TO_READ - 1)) >= 15 * 60
    cutouts = workshop.make(upload, receives=TRIES_TO_READ)
    assert (names(cutouts), cutouts.full_size) == (NAMES, False)
    assert "could not be read" in cutouts.note


@pytest.mark.parametrize(("age", "is_gone"), [(SURELY_VISIBLE - 1, False), (SURELY_VISIBLE, True)])
def test_a_young_version_that_s3_does_not_find_yet_is_tried_again(
    workshop: Workshop, delivery: Delivery, age: float, is_gone: bool
) -> None:
    delivery.cloud.clients.s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Enabled"})
    put = delivery.cloud.clients.s3.put_object(Bucket=INPUT, Key=UPLOAD.key, Body=b"photo")
    upload = delivery.seen(replace(UPLOAD, version_id=put["VersionId"]))
    delivery.cloud.clients.s3.delete_object(Bucket=INPUT, Key=UPLOAD.key, VersionId=put["VersionId"])
    delivery.now = UPLOAD.arrived_at_seconds + age
    if is_gone:
        assert "was gone" in workshop.make(upload, receives=TRIES_AT_FULL_SIZE).note
    else:
        with pytest.raises(ObjectGoneError):
            workshop.make(upload, receives=TRIES_AT_FULL_SIZE)


def test_a_paid_answer_that_is_not_there_is_an_error_to_be_tried_again(workshop: Workshop) -> None:
    with pytest.raises(ObjectGoneError, match="paid/none"):
        workshop.make(UPLOAD, answer=replace(ANSWER, work_key="paid/none"))


def test_the_note_of_the_answer_stands_before_those_of_photo_and_renditions(
    workshop: Workshop, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noting(*arguments: Any) -> MadeCutouts:
        files = delivery.imaging(*arguments).files[:2]
        return MadeCutouts([replace(made, note=f"{made.rendition} is small.") for made in files])

    upload = delivery.seen()
    delivery.vanishes()
    maker = replace(delivery.maker, make_cutouts=noting)
    monkeypatch.setattr(delivery, "maker", maker)
    note = workshop.make(upload, answer=replace(ANSWER, note="The API called it 'STOP'.")).note
    assert note.startswith("The API called it 'STOP'. The photo was gone")
    assert note.endswith("full: full is small. amazon_main: amazon_main is small.")
