"""The cut stage with everything around it: records, queues and buckets in memory, a scripted API, a clock to turn."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dropcut.adapters.api import ApiCall
from dropcut.adapters.api_key import ApiKey, ApiKeys
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.object_store import ObjectStore
from dropcut.adapters.snapshot import Snapshot
from dropcut.adapters.state_table import StateTable
from dropcut.core.blame import BlameRules, Health
from dropcut.core.decision import NoReply, Reply
from dropcut.core.gate import Gate
from dropcut.core.message_result import Message, MessageResult
from dropcut.core.messages import CutRequest, Ended, PaidAnswer, PreparedPicture, Upload
from dropcut.core.pace import Pace
from dropcut.core.payment import Payment
from dropcut.core.photo_source import PhotoSource
from dropcut.use_cases.account import AccountRules, Accounts
from dropcut.use_cases.claim import Claims
from dropcut.use_cases.cut import Cut
from dropcut.use_cases.endings import Endings
from dropcut.use_cases.purchase import Purchases

from tests.functions.fakes import (
    FakeBudget,
    FakeGate,
    FakeHealth,
    FakePace,
    FakePayments,
    FakeQueue,
    one_after_the_other,
)
from tests.functions.memory import SecretsInMemory
from tests.functions.pictures import cutout, picture
from tests.model.dynamodb import DynamoDb
from tests.model.services import S3

INPUT, WORK = "photos-in", "photos-work"
NOW = 1_722_081_600.0  # 2024-07-27 12:00 UTC
INTERVAL_SECONDS = 0.5
HORIZON_SECONDS = 3.0
KEY = ApiKey("key-1")
BLAME = BlameRules(max_attempts=3, max_possibly_paid=2, pause_after_failures=5, pause_after_possibly_paid=8)
RULES = AccountRules(
    credits_per_image=2.0,
    lockout_seconds=60.0,
    pause_seconds=30.0,
    call_needs_seconds=100.0,
    probe_seconds=200.0,
    blame=BLAME,
)
PAUSE = 27.0
"""Of 30 s; a tenth of it is taken off, so that a look once a minute is not too early."""
FUNCTION_SECONDS, LEASE, STORE_SECONDS = 200.0, 205.0, 20.0
KEEP_SECONDS = 30 * 86_400.0
Scripted = Reply | NoReply | Exception


def success(finish_reason: str = "SUCCESS") -> Reply:
    fields = {"image": base64.b64encode(cutout()).decode(), "finish_reason": finish_reason}
    return Reply(status=200, headers={"x-oneapi-request-id": "r1"}, body=json.dumps(fields).encode())


def error(status: int, body: bytes = b'{"error":{"message":"no"}}', **headers: str) -> Reply:
    return Reply(status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, body=body)


FILTERED = success("CONTENT_FILTERED")
BROKEN_OFF = NoReply(request_was_sent=True, detail="read timed out")
NOT_TAKEN = NoReply(request_was_sent=False, detail="reset")
NOT_CONNECTED = NoReply(request_was_sent=False, was_connected=False, detail="refused")


def photos(count: int) -> list[bytes]:
    """Different pictures."""
    return [picture("jpeg") + number.to_bytes(3, "big") for number in range(count)]


class FakeApi:
    """Answers from a list, and after its end with success; remembers who called when."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.script: list[Scripted] = []
        self.always: dict[bytes, Scripted] = {}
        """The answer to a picture, whatever the script says."""
        self.calls: list[tuple[str, float, bytes]] = []
        self._clock = clock
        self.meanwhile: Callable[[], None] = lambda: None

    def call(self, call: ApiCall, key: ApiKey) -> Reply | NoReply:
        self.calls.append((key.value, self._clock(), call.picture))
        self.meanwhile()
        answer = self.always.get(call.picture) or (self.script.pop(0) if self.script else success())
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Records:
    """What outlives a worker."""

    payments: FakePayments = field(default_factory=FakePayments)
    gate: FakeGate = field(default_factory=FakeGate)
    health: FakeHealth = field(default_factory=FakeHealth)
    pace: FakePace = field(default_factory=lambda: FakePace(Pace(interval_seconds=INTERVAL_SECONDS), HORIZON_SECONDS))
    budget: FakeBudget = field(default_factory=FakeBudget)
    table: DynamoDb = field(default_factory=DynamoDb)
    s3: S3 = field(default_factory=S3)
    deliver_queue: FakeQueue = field(default_factory=FakeQueue)
    dead_letters: FakeQueue = field(default_factory=FakeQueue)


class Shop:
    """A worker of the cut stage; several share their records."""

    def __init__(
        self, records: Records | None = None, *, now: float = NOW, daily_credit_limit: float = 0.0, **blame: int
    ) -> None:
        self.records = records or Records()
        self.records.budget.daily_credit_limit = daily_credit_limit or self.records.budget.daily_credit_limit
        self.now, self.slept = now, list[float]()
        self.rules = replace(RULES, blame=replace(BLAME, **blame))
        self.secrets = SecretsInMemory(KEY.value)
        self.api = FakeApi(lambda: self.now)
        self.jobs = JobRecords(table=StateTable(self.records.table, "state"))  # type: ignore[arg-type]
        self.objects = BreakableStore(self.records.s3)
        self.accounts = Accounts(
            rules=self.rules,
            keys=ApiKeys(self.secrets, "api-key"),  # type: ignore[arg-type]
            gate=self.records.gate,
            health=self.records.health,
            pace=self.records.pace,
            budget=self.records.budget,
            prove_storage=lambda: self.objects.write(WORK, "paid/probe", b"", content_type="text/plain"),
            clock=lambda: self.now,
            sleep=self._sleep,
            jitter=lambda: 0.5,
        )
        self.claims = Claims(
            payments=self.records.payments, lease_seconds=LEASE, keep_seconds=KEEP_SECONDS, clock=lambda: self.now
        )
        self.endings = Endings(deliver_queue=self.records.deliver_queue, dead_letters=self.records.dead_letters)
        self.cut = self._cut()

    def _cut(self) -> Cut:
        return Cut(
            accounts=self.accounts,
            claims=self.claims,
            snapshots=self,  # type: ignore[arg-type] # it reads them below
            jobs=self.jobs,
            objects=self.objects,
            sources=[PhotoSource(bucket=INPUT)],
            work_bucket=WORK,
            purchases=Purchases(
                accounts=self.accounts,
                api=self.api,
                provider="ezlink",
                objects=self.objects,
                work_bucket=WORK,
                keep_seconds=KEEP_SECONDS,
                endings=self.endings,
                deliver_queue=self.records.deliver_queue,
                together=one_after_the_other,
                store_seconds=STORE_SECONDS,
                retry_base_seconds=4.0,
            ),
            endings=self.endings,
            together=one_after_the_other,
        )

    def read(self, fingerprint: str, uploads: Sequence[Upload]) -> Snapshot:
        """As `Snapshots` does it."""
        return Snapshot(
            gate=self.records.gate.get(),
            health=self.records.health.records[fingerprint],
            jobs={upload.job_id: self.jobs.state(upload) for upload in uploads},
        )

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def request(self, key: str = "a.jpg", *, photo: bytes = b"", sequencer: str = "02", **more: Any) -> CutRequest:
        """A picture made ready, as prepare leaves it."""
        photo = photo or picture("jpeg")
        sha256 = hashlib.sha256(photo).hexdigest()
        work_key = f"prepared/{sha256}.jpeg"
        self.records.s3.put_object(Bucket=WORK, Key=work_key, Body=photo)
        self.records.s3.put_object(Bucket=INPUT, Key=key, Body=photo)
        upload = Upload(bucket=INPUT, key=key, sequencer=sequencer, arrived_at_seconds=self.now)
        self.jobs.begin(upload, now=self.now)
        made = PreparedPicture(
            work_key=work_key, sha256=sha256, format="jpeg", width=80, height=64, size_bytes=len(photo)
        )
        request = CutRequest(upload=upload, picture=made, **more)
        self.jobs.wait_for_cut(request, now=self.now)
        return request

    def requests(self, count: int) -> list[CutRequest]:
        """So many different pictures."""
        return [self.request(f"{number}.jpg", photo=photo) for number, photo in enumerate(photos(count))]

    def begin(self, *requests: CutRequest, ends_at: float = 0.0) -> Callable[..., MessageResult]:
        """A batch of these messages; what it returns handles one of them."""
        ends_at = ends_at or self.now + FUNCTION_SECONDS
        handle = self.cut.begin([_message(request, self.now) for request in requests], ends_at=ends_at)
        return lambda request, **more: handle(_message(request, self.now, **more))

    def handle(self, request: CutRequest, **more: Any) -> MessageResult:
        """What is to happen with the message of a batch of its own."""
        return self.begin(request)(request, **more)

    def outcomes(self) -> list[PaidAnswer | Ended]:
        """What deliver was given so far about photos."""
        return self.records.deliver_queue.outcomes()

    def last_end(self) -> Ended:
        """How the last photo ended that was not paid for."""
        return [outcome for outcome in self.outcomes() if isinstance(outcome, Ended)][-1]

    def spent(self, at: float = NOW, key: ApiKey = KEY) -> float:
        return self.records.budget.spent[key.fingerprint, int(at // 86_400)]

    def payment(self, request: CutRequest) -> Payment:
        return self.records.payments.records.get(request.payment_key, Payment())

    @property
    def health(self) -> Health:
        return self.records.health.records[KEY.fingerprint]

    @property
    def gate(self) -> Gate:
        return self.records.gate.record

    def close_gate(self, code: str = "no_credits") -> None:
        """As another worker closed it."""
        gate = Gate(is_closed=True, until=self.now + PAUSE, code=code, reason="Buy some.", fingerprint=KEY.fingerprint)
        assert self.records.gate.close(gate)


class BreakableStore(ObjectStore):
    """Refuses to write answers as long as `broken` is set."""

    broken: Exception | None = None

    def write(self, bucket: str, key: str, body: bytes, **more: Any) -> None:
        if self.broken and key.startswith("paid/"):
            raise self.broken
        super().write(bucket, key, body, **more)


def _message(request: CutRequest, now: float, *, receives: int = 1, redriven: bool = False) -> Message:
    return Message(body=request.to_json(), receive_count=receives, sent_at_seconds=now, redriven=redriven)
