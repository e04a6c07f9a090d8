"""One of each event, as the documentation shows them."""

from collections.abc import Sequence
from dataclasses import replace

from dropcut.core.backfill import Backfill
from dropcut.core.events import (
    Calls,
    Cutout,
    Decisions,
    Delivered,
    DeliveredFile,
    End,
    Event,
    Failed,
    Held,
    Paused,
    Photo,
    Rejected,
    Resumed,
    Skipped,
    backfill_finished,
    backfill_started,
)
from dropcut.core.quality import Doubt, Quality
from dropcut.core.webhook_switch import disabled

PHOTO = Photo(
    job_id="5a4780c2e1b94f0f9d3f2f61c7b0a9d4",
    bucket="photos",
    key="shop/shoe 42.jpg",
    version_id=None,
    sequencer="006925A1B2C3D4E5F600000000000000",
    reference="order-4711",
)
CUTOUT = Cutout(
    output_bucket="cutouts",
    output_key="shop/shoe 42.png",
    width=4000,
    height=3000,
    size_bytes=5_204_113,
    credits=2.0,
    request_id="8c1f0f7e6d5b4a39",
    picture_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    renditions=[
        DeliveredFile(name="full", key="shop/shoe 42.png", format="png", width=4000, height=3000, size_bytes=5_204_113),
        DeliveredFile(
            name="web", key="shop/shoe 42-web.webp", format="webp", width=1600, height=1141, size_bytes=148_020
        ),
    ],
    quality=Quality(0.973),
)
DOUBTFUL = Quality(0.121, (Doubt("pieces", "Further large pieces end where the photo has no edge (3 in all)."),))
DECISION = {"bucket": PHOTO.bucket, "key": PHOTO.key, "job_id": PHOTO.job_id}
BACKFILL = Backfill(name="20261126-0915-7f3a", bucket="photos", prefix="2024/", total=10_250, seen=10_250, sent=10_248)
EXAMPLES: Sequence[Event] = (
    Delivered(photo=PHOTO, cutout=CUTOUT),
    Held(
        photo=PHOTO,
        cutout=replace(CUTOUT, output_key="held/shop/shoe 42.png", quality=DOUBTFUL),
        decide=Decisions(
            queue_url="https://sqs.eu-central-1.amazonaws.com/111122223333/deliver",
            accept={"review": DECISION | {"decision": "accept"}},
            reject={"review": DECISION | {"decision": "reject"}},
            replace={"review": DECISION | {"decision": "replace", "picture": "held/KEY_OF_YOUR_PICTURE"}},
        ),
    ),
    Rejected(
        photo=PHOTO,
        end=End(
            code="too_small",
            reason="The picture is 40 x 40 pixels; every side must have at least 64. Upload a larger one.",
        ),
    ),
    Failed(
        photo=PHOTO,
        end=End(
            code="http_500",
            reason="The API answered HTTP 500. It was attempt 5 of 5; 0 of the calls may have been charged.",
            calls=Calls(attempts=5, possibly_paid=0, request_id="8c1f0f7e6d5b4a39"),
        ),
    ),
    Skipped(
        photo=PHOTO,
        end=End(code="superseded", reason="A newer upload of the same key came before this one was delivered."),
    ),
    Paused(
        kind="paused",
        code="no_credits",
        reason="The account has no credits left. Buy some; the pictures wait, and go on by themselves.",
        until=1_795_000_000.0,
    ),
    Resumed(kind="resumed", code="open", reason="A call went well again.", until=None),
    disabled("shop.example"),
    backfill_started(BACKFILL),
    backfill_finished(BACKFILL),
)
