"""What a person sends to decide on a held photo, and what is kept of such a photo."""

from dataclasses import replace

from dropcut.core.messages import OutcomeMessage, Upload
from dropcut.core.quality import Doubt, Quality
from dropcut.core.rendition import RenditionFile
from dropcut.core.review import Held, Review

from tests.functions.records import ANSWER

ACCEPT = Review(bucket="in", key="a.jpg", decision="accept")
REPLACE = Review(bucket="in", key="a.jpg", decision="replace", picture="held/mine.png", job_id="j")


def test_a_written_decision_says_only_what_is_given() -> None:
    assert ACCEPT.to_fields() == {"review": {"bucket": "in", "key": "a.jpg", "decision": "accept"}}


def test_decisions_differ_by_word_and_picture_alone() -> None:
    assert (ACCEPT.text, REPLACE.text) == ("accept", "replace held/mine.png")
    assert replace(ACCEPT, job_id="j").text == ACCEPT.text


def test_what_is_kept_of_a_held_photo_is_read_as_it_was_and_written_the_same_again() -> None:
    held = Held(
        outcome=OutcomeMessage(upload=Upload(bucket="in", key="ü.jpg", sequencer="01"), outcome=ANSWER),
        files=[RenditionFile(rendition="full", path="held/ü.png", format="png", width=8, height=6, size_bytes=9)],
        renditions='["full"]',
        note="It is small.",
        quality=Quality(0.123, (Doubt("holes", "There are two."),)),
    )
    read = Held.from_json(held.to_json())
    assert read == held
    assert read.to_json() == held.to_json()  # by this text it finds what to forget, and keeps what came later
    assert (read.answer, read.upload.key, read.keys) == (ANSWER, "ü.jpg", ["held/ü.png"])
