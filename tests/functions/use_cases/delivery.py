"""The deliver stage with everything around it: one photo uploaded, its answer paid for, imaging by script."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from dropcut.adapters.held_records import HeldRecords
from dropcut.adapters.job_records import JobRecords
from dropcut.core.message_result import Done, Message, MessageResult
from dropcut.core.messages import Ended, OutcomeMessage, PaidAnswer, Remake, Upload
from dropcut.core.photo_source import PhotoSource
from dropcut.core.picture_limits import PictureRefusedError
from dropcut.core.quality import Measures
from dropcut.core.rendition import MadeCutouts, Rendition, RenditionFile
from dropcut.core.rendition_setting import FULL, read_renditions
from dropcut.core.review import EndOldHeld, Review
from dropcut.use_cases.announcement import Announcer
from dropcut.use_cases.cutout_maker import CutoutMaker
from dropcut.use_cases.deliver import Deliver
from dropcut.use_cases.held_files import HeldFiles
from dropcut.use_cases.holding import Holding
from dropcut.use_cases.outputs import Outputs
from dropcut.use_cases.remake import Remaker
from dropcut.use_cases.review import Reviewer

from tests.functions.cloud import INPUT, OUTPUT, WORK, Cloud
from tests.functions.cutouts import answer_as_it_is
from tests.functions.fakes import FakeEventBus, one_after_the_other
from tests.functions.records import ANSWER as PAID


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


STAGE_ROLE = "AROASTAGE"
NOW = 1_722_000_000.0
UPLOAD = Upload(bucket=INPUT, key="shop/a.jpg", sequencer="02", arrived_at_seconds=NOW - 7)
NEWER = replace(UPLOAD, sequencer="03")
ANSWER = replace(PAID, work_key=f"paid/{sha256(b'cut out')}.png", picture_sha256=sha256(b"cut out"), request_id="r1")
NEWER_ANSWER = replace(ANSWER, work_key=f"paid/{sha256(b'newer')}.png", picture_sha256=sha256(b"newer"))
SET = read_renditions(
    ["full", "amazon_main", {"name": "small", "longest_side": 64, "key": "small/{folder}{name}.{extension}"}]
)
KEYS = ["shop/a-amazon_main.jpg", "shop/a.png", "small/shop/a.jpg.png"]
"""Of that set's renditions of the photo."""
DAMAGED = PictureRefusedError("decoder_crashed", "It crashed its decoder.")


FINE = Measures(
    kept=0.3,
    kept_of_frame=0.0,
    steepness=0.65,
    opaque=0.9,
    loose_outline=0.0,
    longest_loose=0.0,
    pieces=1,
    loose_pieces=0,
    loose_islands=0,
    loose_holes=0,
    more_of_it=0.0,
    something_else=0.0,
)
DOUBTFUL = replace(FINE, loose_holes=2, pieces=20)
HELD_DAYS = 14
MOST_MIB = 1


class FakeImaging:
    """Makes every rendition of the answer as it is; fails as often as its script says."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.sources: list[bytes | None] = []
        """What each call was given as the original."""
        self.meanwhile: list[Callable[[], None]] = []
        """Each happens once, while the cut-outs of one photo are made."""
        self.measures: Measures | None = None
        """Of every photo that is there."""

    def __call__(
        self, original: Path | None, answer: Path, renditions: Sequence[Rendition], folder: Path
    ) -> MadeCutouts:
        self.sources.append(original.read_bytes() if original else None)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if self.failures:
            raise self.failures.pop(0)
        made = answer_as_it_is(original, answer, renditions, folder)
        return replace(made, measures=self.measures if original else None)

    def replacement(
        self, picture: Path, shape: tuple[int, int], renditions: Sequence[Rendition], folder: Path
    ) -> Sequence[RenditionFile]:
        """Of a person's own cut-out."""
        assert shape == (ANSWER.width, ANSWER.height)
        return self(None, picture, renditions, folder).files


class Delivery:
    def __init__(self, cloud: Cloud, renditions: Sequence[Rendition] = (FULL,), *, holds: bool = False) -> None:
        self.holds = holds
        self.cloud, self.now = cloud, NOW
        self.events, self.imaging = FakeEventBus(), FakeImaging()
        self.jobs, self.held = JobRecords(table=cloud.table), HeldRecords(table=cloud.table)
        self.use(*renditions)
        cloud.put(ANSWER.work_key, b"cut-out", bucket=WORK)
        cloud.put(NEWER_ANSWER.work_key, b"new cut-out", bucket=WORK)
        self.upload()

    def use(self, *renditions: Rendition) -> None:
        """Deploy the stage again, with other renditions."""
        self.maker = CutoutMaker(
            objects=self.cloud.objects,
            make_cutouts=self.imaging,
            renditions=renditions,
            work_bucket=WORK,
            together=one_after_the_other,
            clock=lambda: self.now,
        )
        objects, bus, clock = self.cloud.objects, cast(Any, self.events), lambda: self.now
        self.outputs = Outputs(
            objects=objects,
            bucket=OUTPUT,
            renditions=renditions,
            first_input=INPUT,
            is_superseded=self.jobs.is_superseded,
        )
        self.remaker = Remaker(jobs=self.jobs, events=bus, maker=self.maker, outputs=self.outputs, clock=clock)
        announcer = Announcer(
            objects=objects,
            jobs=self.jobs,
            events=bus,
            held_files=HeldFiles(objects=objects, records=self.held, bucket=OUTPUT),
            together=one_after_the_other,
            clock=clock,
        )
        self.deliver = Deliver(
            jobs=self.jobs,
            events=bus,
            maker=self.maker,
            outputs=self.outputs,
            announcer=announcer,
            holding=Holding(
                is_on=self.holds,
                queue_url="deliver",
                renditions=renditions,
                records=self.held,
                announcer=announcer,
                clock=clock,
            ),
            sources=[PhotoSource(bucket=INPUT)],
            stage_roles={STAGE_ROLE},
            remake=self.remaker,
            review=Reviewer(
                records=self.held,
                objects=objects,
                outputs=self.outputs,
                make_replacement=self.imaging.replacement,
                announcer=announcer,
                held_days=HELD_DAYS,
                max_photo_mib=MOST_MIB,
                clock=clock,
            ),
            together=one_after_the_other,
            clock=clock,
        )

    def upload(self, upload: Upload = UPLOAD, *, tags: str = "", photo: bytes = b"photo") -> None:
        self.cloud.put(upload.key, photo, tags=tags)
        self.jobs.begin(upload, now=self.now)

    def end(self, outcome: PaidAnswer | Ended = ANSWER, upload: Upload = UPLOAD) -> None:
        assert self.handle(OutcomeMessage(upload=upload, outcome=outcome).to_json()) == Done()

    def newer_one_is_delivered(self) -> None:
        self.upload(NEWER)
        self.end(NEWER_ANSWER, NEWER)

    def handle(self, body: str, *, receives: int = 1) -> MessageResult:
        return self.deliver(Message(body=body, receive_count=receives, sent_at_seconds=NOW))

    def remake(self, **given: Any) -> MessageResult:
        return self.handle(Remake(**({"bucket": INPUT, "key": UPLOAD.key} | given)).to_json())

    def review(self, decision: Any = "accept", **given: Any) -> MessageResult:
        review = Review(**({"bucket": INPUT, "key": UPLOAD.key, "decision": decision} | given))
        return self.handle(json.dumps(review.to_fields()))

    def an_hour_passes(self) -> None:
        """The stage is asked to end what is held for too long."""
        assert self.deliver.review(EndOldHeld()) == Done()

    def seen(self, upload: Upload = UPLOAD) -> Upload:
        """The upload with the ETag of the object that is there now, as prepare hands it on."""
        return replace(upload, etag=self.cloud.objects.open(INPUT, upload.key, upload.version_id).etag)

    def vanishes(self) -> None:
        self.cloud.clients.s3.delete_object(Bucket=INPUT, Key=UPLOAD.key)

    def is_replaced(self) -> None:
        self.cloud.put(UPLOAD.key, b"another photo, whose event has not come yet")

    def crashes(self) -> None:
        self.imaging.failures = [DAMAGED]

    def record(self, key: str = UPLOAD.key) -> dict[str, Any]:
        return dict(self.cloud.item(f"object#{INPUT}/{key}") or {})
