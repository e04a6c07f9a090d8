"""How a photo leaves the stage that buys; a dead letter comes first, and what it costs is never lost with it."""

import hashlib
from dataclasses import replace

import pytest
from dropcut.core.messages import CutRequest, Ended, PreparedPicture
from dropcut.observability import metrics
from dropcut.use_cases.endings import Endings

from tests.functions.fakes import FakeQueue
from tests.functions.pictures import picture
from tests.functions.use_cases.delivery import UPLOAD

PHOTO = picture("jpeg")
SHA256 = hashlib.sha256(PHOTO).hexdigest()
REQUEST = CutRequest(
    upload=UPLOAD,
    picture=PreparedPicture(
        work_key="prepared/a.jpeg", sha256=SHA256, format="jpeg", width=80, height=64, size_bytes=len(PHOTO)
    ),
    content=PHOTO,
)
FAILED = Ended(kind="failed", code="broken_off", reason="It broke off.", attempts=3, possibly_paid=2, request_id="r-7")


@pytest.fixture
def queues() -> tuple[FakeQueue, FakeQueue]:
    """To deliver, and the dead letters."""
    return FakeQueue(), FakeQueue()


def endings(queues: tuple[FakeQueue, FakeQueue]) -> Endings:
    return Endings(deliver_queue=queues[0], dead_letters=queues[1])


@pytest.mark.parametrize("kind", ["rejected", "skipped"])
def test_what_ended_for_good_is_no_dead_letter(queues: tuple[FakeQueue, FakeQueue], kind: str) -> None:
    ended = Ended(kind=kind, code="content_filtered", reason="Filtered.")  # type: ignore[arg-type]
    endings(queues).end(REQUEST, ended)
    to_deliver, dead_letters = queues
    assert (to_deliver.outcomes(), dead_letters.dead) == ([ended], [])


@pytest.mark.parametrize("request_id", ["r-7", None])
def test_a_photo_that_failed_is_a_dead_letter_ready_to_go_again(
    queues: tuple[FakeQueue, FakeQueue], request_id: str | None
) -> None:
    ended = Ended(**vars(FAILED) | {"request_id": request_id})
    endings(queues).end(REQUEST, ended)
    to_deliver, dead_letters = queues
    ((body, attributes),) = dead_letters.dead
    assert CutRequest.from_json(body) == REQUEST
    assert attributes == {
        "stage": "cut",
        "code": "broken_off",
        "reason": "It broke off.",
        "attempts": "3",
        "possibly_paid": "2",
        "request_id": request_id or "none",
    }
    assert to_deliver.outcomes() == [ended]
    assert metrics.metric_set["DeadLettered"]["Value"] == [1.0]


def test_nothing_is_published_of_a_photo_that_cannot_be_dead_lettered(queues: tuple[FakeQueue, FakeQueue]) -> None:
    to_deliver, dead_letters = queues
    dead_letters.refuses = ConnectionError("the queue cannot be reached")
    with pytest.raises(ConnectionError):
        endings(queues).end(REQUEST, FAILED)
    assert to_deliver.sent == []


def test_the_end_of_a_redriven_photo_says_when_it_was_redriven(queues: tuple[FakeQueue, FakeQueue]) -> None:
    endings(queues).end(replace(REQUEST, redriven_at=7.5), FAILED)
    assert queues[0].outcomes() == [replace(FAILED, redriven_at=7.5)]
