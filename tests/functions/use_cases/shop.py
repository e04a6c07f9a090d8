"""The cut stage with everything around it: records, queues and buckets in memory, a scripted API, a clock to turn."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from dropcut.adapters.api import ApiCall
from dropcut.adapters.api_key import ApiKey, ApiKeys
from dropcut.adapters.gate_record import Closed, GateRecord, Standing
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.payment_records import PaymentRecords
from dropcut.adapters.spending_records import BudgetRecord, PaceRecord
from dropcut.core.messages import (
    CutRequest,
    Ended,
    OutcomeMessage,
    PaidAnswer,
    PreparedPicture,
    SpendingNotice,
    Upload,
    read_announcement,
)
from dropcut.core.message_result import Message, MessageResult
from dropcut.core.decision import NoReply, Reply
from dropcut.core.pace import Pace
from dropcut.use_cases.cut import Cut, CutRound
from dropcut.use_cases.spending import SpendingRules

from tests.functions.cloud import INPUT, WORK, Cloud
from tests.functions.memory import SecretsInMemory
from tests.functions.pictures import cutout, picture

NOW = 1_722_081_600.0  # 2024-07-27 12:00 UTC
TODAY = "2024-07-27"
INTERVAL_SECONDS = 0.5
FINGERPRINT = ApiKey("key-1").fingerprint
RULES = SpendingRules(
    provider="ezlink",
    output_format="png",
    credits_per_image=2.0,
    max_attempts=3,
    max_possibly_paid=2,
    retry_base_seconds=4.0,
    lockout_seconds=60.0,
    pause_seconds=30.0,
    pause_after_failures=5,
    longest_call_seconds=70.0,
    lease_seconds=100.0,
)
Scripted = Reply | NoReply | Exception


def success() -> Reply:
    fields = {"image": base64.b64encode(cutout()).decode(), "finish_reason": "SUCCESS"}
    return Reply(status=200, headers={"x-oneapi-request-id": "r1"}, body=json.dumps(fields).encode())


def error(status: int, body: bytes = b'{"error":{"message":"no"}}', **headers: str) -> Reply:
    return Reply(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, body=body)


BROKEN_OFF = NoReply(request_was_sent=True, detail="read timed out")
NOT_TAKEN = NoReply(request_was_sent=False, detail="reset")
NOT_CONNECTED = NoReply(request_was_sent=False, was_connected=False, detail="refused")


class FakeApi:
    """Answers from a list, and after its end with success; remembers who called when."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.script: list[Scripted] = []
        self.calls: list[tuple[str, float, bytes]] = []
        self._clock = clock
        self.meanwhile: Callable[[], None] = lambda: None

    def remove_background(self, call: ApiCall, key: ApiKey) -> Reply | NoReply:
        self.calls.append((key.value, self._clock(), call.picture))
        self.meanwhile()
        answer = self.script.pop(0) if self.script else success()
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Shop:
    cloud: Cloud
    daily_credit_limit: float = 0.0
    rules: SpendingRules = RULES
    now: float = NOW
    slept: list[float] = field(default_factory=list)
    told: list[OutcomeMessage | SpendingNotice] = field(default_factory=list)
    secrets: SecretsInMemory = field(default_factory=lambda: SecretsInMemory("key-1"))

    def __post_init__(self) -> None:
        self.api = FakeApi(lambda: self.now)
        self.cut = Cut(
            rules=self.rules,
            api=self.api,
            keys=ApiKeys(self.secrets, "api-key"),
            objects=self.cloud.objects,
            work_bucket=WORK,
            jobs=JobRecords(table=self.cloud.table),
            payments=PaymentRecords(table=self.cloud.table, keep_days=30),
            pace=PaceRecord(table=self.cloud.table, pace=Pace(interval_seconds=INTERVAL_SECONDS), horizon_seconds=3),
            budget=BudgetRecord(table=self.cloud.table, daily_credit_limit=self.daily_credit_limit),
            gate=GateRecord(table=self.cloud.table, pause_seconds=self.rules.pause_seconds),
            deliver_queue=self.cloud.queues["deliver"],
            clock=lambda: self.now,
            sleep=self._sleep,
            chance=lambda: 0.5,
        )

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def request(self, key: str = "a.jpg", *, photo: bytes = b"", sequencer: str = "02") -> CutRequest:
        """A picture made ready, as prepare leaves it."""
        photo = photo or picture("jpeg")
        sha256 = hashlib.sha256(photo).hexdigest()
        work_key = f"prepared/{sha256}.jpeg"
        self.cloud.put(work_key, photo, bucket=WORK)
        upload = Upload(bucket=INPUT, key=key, sequencer=sequencer)
        self.cut.jobs.begin(upload, now=self.now)
        return CutRequest(
            upload=upload,
            picture=PreparedPicture(
                work_key=work_key, sha256=sha256, format="jpeg", width=80, height=64, size_bytes=len(photo)
            ),
        )

    def handle(self, request: CutRequest, *, receives: int = 1, round_: CutRound | None = None) -> MessageResult:
        """What is to happen with the message after a round of its own, or the given one."""
        round_ = round_ or self.cut.begin_round(1)
        return round_(Message(body=request.to_json(), receive_count=receives, sent_at_seconds=self.now))

    def handed_on(self) -> list[PaidAnswer | Ended]:
        """What deliver was given so far about photos."""
        return [told.outcome for told in self._told_so_far() if isinstance(told, OutcomeMessage)]

    def notices(self) -> list[SpendingNotice]:
        """What deliver was given so far about spending."""
        return [told for told in self._told_so_far() if isinstance(told, SpendingNotice)]

    def _told_so_far(self) -> list[OutcomeMessage | SpendingNotice]:
        self.told += [read_announcement(message["Body"]) for message in self.cloud.take("deliver")]
        return self.told

    def spent(self, day: str = TODAY) -> float:
        return float((self.cloud.item(f"budget#{FINGERPRINT}#{day}") or {}).get("spent", 0))

    def spent_in_all(self) -> float:
        return float((self.cloud.item(f"budget#{FINGERPRINT}#total") or {}).get("spent", 0))

    def payment(self, request: CutRequest) -> dict[str, Any]:
        return self.cloud.item(f"payment#{request.picture.sha256}.png") or {}

    @property
    def standing(self) -> Standing:
        return self.cut.gate.standing()

    def close_gate(self, code: str = "no_credits") -> None:
        """As another worker closed it."""
        until = self.now + self.rules.pause_seconds
        assert self.cut.gate.close(Closed(until=until, code=code, reason="Buy some."), now=self.now)
        self.cut.gate.announced()

    def with_rules(self, **changed: Any) -> "Shop":
        """Another worker under other rules, with the same records."""
        return Shop(self.cloud, self.daily_credit_limit, replace(self.rules, **changed), self.now)
