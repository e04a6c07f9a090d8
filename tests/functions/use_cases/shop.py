"""The cut stage with everything around it: records, queues and buckets in memory, a scripted API, a clock to turn."""

import base64
import hashlib
import json
from collections.abc import Callable
from contextlib import contextmanager
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
from dropcut.core.messages import CutRequest, Ended, OutcomeMessage, PaidAnswer, PreparedPicture, Upload
from dropcut.core.payment import Payment
from dropcut.side_by_side import side_by_side
from dropcut.use_cases.account import AccountRules, Accounts
from dropcut.use_cases.claim import Claims
from dropcut.use_cases.cut import Cut
from dropcut.use_cases.endings import Endings
from dropcut.use_cases.purchase import Purchases

from tests.functions.fakes import Budget, DeadLettersInMemory, GateInMemory, HealthInMemory, Pace, Payments, SentMessages
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

    payments: Payments = field(default_factory=Payments)
    gate: GateInMemory = field(default_factory=GateInMemory)
    health: HealthInMemory = field(default_factory=HealthInMemory)
    pace: Pace = field(default_factory=lambda: Pace(interval_seconds=INTERVAL_SECONDS, horizon_seconds=HORIZON_SECONDS))
    table: DynamoDb = field(default_factory=DynamoDb)
    s3: S3 = field(default_factory=S3)
    deliver_queue: SentMessages = field(default_factory=SentMessages)
    dead_letters: DeadLettersInMemory = field(default_factory=DeadLettersInMemory)


class Shop:
    """A worker of the cut stage; several share their records."""

    def __init__(
        self,
        records: Records | None = None,
        *,
        now: float = NOW,
        daily_credit_limit: float = 0.0,
        rules: AccountRules = RULES,
        **blame: int,
    ) -> None:
        self.records = records or Records()
        self.now, self.slept = now, list[float]()
        self.rules = replace(rules, blame=replace(rules.blame, **blame))
        self.secrets = SecretsInMemory(KEY.value)
        self.api = FakeApi(lambda: self.now)
        self.budget = Budget(limit=daily_credit_limit, spent=self.records.payments.spent)
        self.storage_broken: Exception | None = None
        """What every write to the work bucket raises."""
        self.objects = ObjectStore(self.records.s3)  # type: ignore[arg-type]
        self.jobs = JobRecords(table=StateTable(self.records.table, "state"))  # type: ignore[arg-type]
        self.accounts = self._accounts()
        self.cut = self._cut()

    def _accounts(self) -> Accounts:
        return Accounts(
            rules=self.rules,
            keys=ApiKeys(self.secrets, "api-key"),  # type: ignore[arg-type]
            gate=self.records.gate,
            health=self.records.health,
            pace=self.records.pace,
            budget=self.budget,
            prove_storage=lambda: self._write(WORK, "paid/probe", b"", content_type="text/plain"),
            clock=lambda: self.now,
            sleep=self._sleep,
            jitter=lambda: 0.5,
        )
