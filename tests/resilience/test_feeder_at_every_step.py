"""The feeder is stopped at every boundary between two side effects; its next turn makes up for it.

Whatever happens where: every photo is sent, each is delivered, each picture is paid for once.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest
from dropcut.adapters.backfill_records import BackfillRecords
from dropcut.adapters.state_table import StateTable
from dropcut.core.backfill import Backfill
from dropcut.core.event_names import BACKFILL_FINISHED, BACKFILL_STARTED

from tests.resilience.deployment import INPUT, TABLE, Deployment, photo
from tests.resilience.kills import NEVER
from tests.resilience.sandbox import MOMENTS, Effect, Stop

pytestmark = pytest.mark.timeout(240)

KNOWN = {
    "DynamoDB GetItem",
    "DynamoDB BatchGetItem",
    "DynamoDB UpdateItem",
    "SQS GetQueueAttributes",
    "SQS SendMessageBatch",
    "S3 ListObjectsV2",
    "Secrets Manager GetSecretValue",
    "EventBridge PutEvents",
}
"""Side effects that the feeder is known to have: if the harness does not see these, it sees nothing."""
_numbers = count(1)
_PHOTOS = 2
_SETTLED_SECONDS = 60
"""By then prepare waits no more for the events of the uploads."""


@dataclass(frozen=True)
class Shop:
    """A back-fill of photos that nobody has heard of."""

    deployment: Deployment
    name: str
    pictures: dict[str, bytes]

    @classmethod
    def new(cls, deployment: Deployment) -> "Shop":
        name = f"fed-{next(_numbers):04d}"
        pictures = {
            f"{name}/{number}.png": photo(5_000_000 + _PHOTOS * next(_numbers) + number) for number in range(_PHOTOS)
        }
        for key, picture in pictures.items():
            deployment.clients["s3"].put_object(Bucket=INPUT, Key=key, Body=picture)
        shop = cls(deployment, name, pictures)
        shop.records.start(Backfill(name=name, bucket=INPUT, prefix=f"{name}/", total=_PHOTOS))
        deployment.clock.move_on(_SETTLED_SECONDS)
        return shop

    @property
    def records(self) -> BackfillRecords:
        return BackfillRecords(table=StateTable(self.deployment.clients["dynamodb"], TABLE))

    @property
    def status(self) -> str:
        return next(each.status for each in self.records.all() if each.name == self.name)

    def wrong(self) -> Iterator[str]:
        """Let the next turns and the stages come to the end; what is wrong then, in sentences."""
        for _turn in range(3):
            self.deployment.clock.move_on(_SETTLED_SECONDS)
            if self.status != "finished" and (turn := self.deployment.feed()).said:
                yield f"the next turn failed: {turn.said}"
        if self.status != "finished":
            yield f"it is {self.status}"
        if not self.deployment.run_to_the_end() or self.deployment.left_over():
            yield f"messages remain: {self.deployment.left_over()}"
            self.deployment.start_anew()
        charged = [call["picture_sha256"] for call in self.deployment.api.calls() if call["charged"]]
        for key, picture in self.pictures.items():
            if (status := self.deployment.job(key).get("status")) != "delivered":
                yield f"{key} is {status}"
            if (times := charged.count(hashlib.sha256(picture).hexdigest())) != 1:
                yield f"{key} was paid for {times} times"


def recorded(deployment: Deployment) -> list[Effect]:
    """The side effects of a turn when nothing goes wrong."""
    shop = Shop.new(deployment)
    turn = deployment.feed(NEVER)
    assert not turn.said
    assert list(shop.wrong()) == []
    return sorted(turn.effects.values(), key=lambda effect: effect.number)


def test_every_photo_is_fed_wherever_the_feeder_is_killed(deployment: Deployment) -> None:
    """Between two side effects nothing leaves it, so "after" one is "before" the next."""
    effects = recorded(deployment)
    assert {effect.name for effect in effects} >= KNOWN
    wrong = []
    for effect in effects:
        for moment in MOMENTS if effect is effects[-1] else MOMENTS[:1]:
            shop = Shop.new(deployment)
            stopped = deployment.feed(Stop(number=effect.number, moment=moment, way="killed"))
            assert stopped.stopped, f"{effect.name} ({effect.number} of {len(effects)}) was not reached"
            wrong += [f"killed {moment} {effect.name} ({effect.number}): {what}" for what in shop.wrong()]
    assert not wrong, "\n".join(wrong)
    assert not deployment.strays, "the feeder reaches the network past the harness"
    events = deployment.hear_events()
    for kind in (BACKFILL_STARTED, BACKFILL_FINISHED):
        assert events[kind, ""] >= len(effects)


def test_the_feeder_turns_itself_off_when_nothing_runs(deployment: Deployment) -> None:
    deployment.clients["events"].enable_rule(Name="feeder")
    assert not deployment.feed().said
    assert deployment.clients["events"].describe_rule(Name="feeder")["State"] == "DISABLED"
