"""The deployed system in memory: the real use cases and adapters, on services, a clock and random numbers of our
own."""

import io
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from dropcut import observability
from dropcut.adapters.api_key import ApiKeys
from dropcut.adapters.cut_function import CutFunction
from dropcut.adapters.event_bus import EventBus
from dropcut.adapters.gate_record import GateRecord
from dropcut.adapters.held_records import HeldRecords
from dropcut.adapters.job_records import JobRecords
from dropcut.adapters.key_records import BudgetRecord, HealthRecord, PaceRecord
from dropcut.adapters.object_store import ObjectStore
from dropcut.adapters.payment_records import PaymentRecords
from dropcut.adapters.queue import Queue
from dropcut.adapters.snapshot import Snapshots
from dropcut.adapters.state_table import StateTable
from dropcut.core.blame import BlameRules
from dropcut.core.message_result import Done
from dropcut.core.messages import MOST_INLINE_BYTES
from dropcut.core.pace import Pace
from dropcut.core.photo_source import ByPhoto, PhotoSource
from dropcut.core.rendition_setting import read_renditions
from dropcut.environment import SECONDS_TO_STORE, call_needs_seconds, cut_function_seconds
from dropcut.message_batch import MessageBatch, MessageStaysInQueueError
from dropcut.use_cases.account import AccountRules, Accounts
from dropcut.use_cases.announcement import Announcer
from dropcut.use_cases.claim import Claims
from dropcut.use_cases.cut import Cut
from dropcut.use_cases.cutout_maker import CutoutMaker
from dropcut.use_cases.deliver import Deliver
from dropcut.use_cases.endings import Endings
from dropcut.use_cases.gatekeeper import Gatekeeper
from dropcut.use_cases.held_files import HeldFiles
from dropcut.use_cases.holding import Holding
from dropcut.use_cases.intake import Intake
from dropcut.use_cases.outputs import Outputs
from dropcut.use_cases.prepare import Prepare
from dropcut.use_cases.purchase import Purchases
from dropcut.use_cases.remake import Remaker

from tests.functions.cutouts import answer_as_it_is
from tests.functions.pictures import sent_as_it_is
from tests.model.api import Api
from tests.model.dynamodb import DynamoDb
from tests.model.services import S3, Events, Lambda, QueuedMessage, Secrets, Sqs
from tests.model.strand import Guarded, KilledError, Strand, current

INPUT, WORK, OUTPUT = "photos-in", "photos-work", "photos-out"
API_TIMEOUT = 60.0
CUT_TIMEOUT = float(cut_function_seconds(API_TIMEOUT))
TIMEOUT = {"intake": 60.0, "cut": CUT_TIMEOUT, "deliver": 120.0, "gatekeeper": CUT_TIMEOUT + 30}
CREDITS = 2.0
KEEP_SECONDS = 365 * 86_400.0
BLAME = BlameRules(max_attempts=3, max_possibly_paid=3, pause_after_failures=6, pause_after_possibly_paid=8)
RULES = AccountRules(
    credits_per_image=CREDITS,
    lockout_seconds=60,
    pause_seconds=60,
    call_needs_seconds=call_needs_seconds(API_TIMEOUT),
    probe_seconds=CUT_TIMEOUT + 5,
    blame=BLAME,
)
START = 1_780_000_000.0
RENDITIONS = read_renditions(["full", "web"])


@dataclass
class Invocation:
    """One run of a function: a strand for each message, and for what comes before them."""

    stage: str
    deadline: float
    clock_off: float
    messages: list[QueuedMessage]
    receipts: list[str]
    records: list[dict[str, Any]]
    strands: list[Strand] = field(default_factory=list)
    stay: set[str] = field(default_factory=set)
    """Receipts of messages that are not done with."""

    @property
    def running(self) -> list[Strand]:
        return [strand for strand in self.strands if not strand.ended]


def one_after_the_other(*calls: Callable[[], Any]) -> list[Any]:
    """In the strand that asks, so that each call's side effects can be struck in their turn."""
    return [call() for call in calls]


class WatchedTable(DynamoDb):
    """Remembers what the invariants want to know of the order of reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.gate_closed_at = 0

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        self.operations += 1
        if strand := current():
            strand.notes.update(gate_read_at=self.operations)
        return super().batch_get_item(**request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        self.operations += 1
        item_id, strand = request["Key"]["id"]["S"], current()
        answer = super().update_item(**request)
        if item_id == "gate" and "standing = :closed" in request["UpdateExpression"]:
            self.gate_closed_at = self.operations
        if item_id == "gate" and ":ends" in request["UpdateExpression"] and strand:
            strand.notes.update(probes=1)
        if item_id.startswith("budget#") and strand:
            strand.notes.update(budget_day=item_id)
        return answer


class WatchedS3(S3):
    """Remembers answers that were stored where one was already: their picture was paid for twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stored_again: list[str] = []

    def put_object(self, **request: Any) -> None:
        there = self.objects.get((request["Bucket"], request["Key"]))
        # A probe writes an empty one; a worker that heard nothing of its write writes the same one again.
        if request["Key"].startswith("paid/") and there and there.body not in (b"", request["Body"]):
            self.stored_again.append(request["Key"])
        super().put_object(**request)


class System:
    def __init__(self, patch: pytest.MonkeyPatch, *, daily_credit_limit: float, travels: bool = True) -> None:
        """`travels`: whether pictures travel inside their messages, as small ones do; else they lie in the bucket."""
        self.now = START
        self.random = random.Random(0)
        self.metrics: Counter[str] = Counter()
        self.log = io.StringIO()
        patch.setattr(observability.logger.registered_handler, "stream", self.log)
        patch.setattr(observability.metrics, "add_metric", self._add_metric)
        patch.setattr("dropcut.use_cases.prepare.MOST_INLINE_BYTES", MOST_INLINE_BYTES if travels else 0)
        true_clock = lambda: self.now  # noqa: E731
        self.table, self.s3, self.sqs, self.events = WatchedTable(), WatchedS3(), Sqs(true_clock), Events()
        self.secrets, self.cut_source = Secrets("sk-first-secret-key"), Lambda(true_clock, self._invoke_cut)
        self.api = Api(clock=true_clock, timeout_seconds=API_TIMEOUT, valid_keys={self.secrets.key})
        self.daily_credit_limit = daily_credit_limit
        self.invocations: list[Invocation] = []
        self._wire()

    def _add_metric(self, *, name: str, value: float, **_more: Any) -> None:
        self.metrics[name] += value  # type: ignore[assignment]

    def clock(self) -> float:
        """What the worker that asks believes."""
        strand = current()
        return self.now + (strand.notes.get("clock_off", 0.0) if strand else 0.0)

    def sleep(self, seconds: float) -> None:
        strand = current()
        assert strand
        if seconds > 0:
            strand.wakes_at = self.now + seconds
            strand.stop_before("sleep")

    def fresh_worker(self) -> None:
        """What a cold start forgets: the cached key."""
        accounts = Accounts(
            rules=RULES,
            keys=ApiKeys(self.secrets, "secret"),  # type: ignore[arg-type]
            gate=self.gate,
            health=HealthRecord(table=self.records),
            pace=PaceRecord(
                table=self.records, pace=Pace.under(limit_requests=150, limit_seconds=10), horizon_seconds=8
            ),
            budget=BudgetRecord(table=self.records, daily_credit_limit=self.daily_credit_limit),
            prove_storage=lambda: self.objects.write(WORK, "paid/probe", b"", content_type="text/plain"),
            clock=self.clock,
            sleep=self.sleep,
            jitter=self.random.random,
        )
        self.cut = Cut(
            accounts=accounts,
            claims=Claims(
                payments=PaymentRecords(table=self.records),
                lease_seconds=CUT_TIMEOUT + 5,
                keep_seconds=KEEP_SECONDS,
                clock=self.clock,
            ),
            snapshots=Snapshots(table=self.records),
            jobs=self.jobs,
            objects=self.objects,
            sources=[PhotoSource(bucket=INPUT)],
            work_bucket=WORK,
            purchases=Purchases(
                accounts=accounts,
                api=self.api,
                provider="ezlink",
                objects=self.objects,
                work_bucket=WORK,
                keep_seconds=KEEP_SECONDS,
                endings=self.endings,
                deliver_queue=self.queues["deliver"],
                together=one_after_the_other,
                store_seconds=SECONDS_TO_STORE,
                retry_base_seconds=2,
            ),
            endings=self.endings,
            together=one_after_the_other,
        )
        self.batches["cut"] = self._batch("cut", call_needs_seconds(API_TIMEOUT), None, self.cut.announce_failure)

    def _wire(self) -> None:
        self.records = StateTable(Guarded(self.table, "dynamodb"), "state")
        self.objects = ObjectStore(Guarded(self.s3, "s3"))
        self.jobs, self.gate = JobRecords(table=self.records), GateRecord(table=self.records)
        self.queues = {name: Queue(Guarded(self.sqs, "sqs"), name) for name in ("intake", "cut", "deliver")}
        self.endings = Endings(
            deliver_queue=self.queues["deliver"], dead_letters=Queue(Guarded(self.sqs, "sqs"), "cut-dead")
        )
        self.batches: dict[str, MessageBatch] = {}
        self.fresh_worker()
        self.prepare = Prepare(
            objects=self.objects,
            jobs=self.jobs,
            cut_queue=self.queues["cut"],
            deliver_queue=self.queues["deliver"],
            fit=sent_as_it_is,
            max_photo_mib=10,
            intake=Intake(sources=[PhotoSource(bucket=INPUT)], rendition_names=ByPhoto(others=["full"])),
            work_bucket=WORK,
            clock=self.clock,
        )
        self._wire_deliver()
        self.gatekeeper = Gatekeeper(
            gate=self.gate,
            health=HealthRecord(table=self.records),
            keys=ApiKeys(self.secrets, "secret"),  # type: ignore[arg-type]
            cut_function=CutFunction(Guarded(self.cut_source, "lambda"), function_name="cut", event_source_id="e"),
            cut_queue=self.queues["cut"],
            deliver_queue=self.queues["deliver"],
            endings=self.endings,
            cut_seconds=CUT_TIMEOUT + 5,
            clock=self.clock,
        )
        self.batches["intake"] = self._batch("intake", 15, 5, self.prepare.announce_failure)
        self.batches["deliver"] = self._batch("deliver", 20, 5, self.deliver.announce_failure)

    def _wire_deliver(self) -> None:
        events = EventBus(Guarded(self.events, "events"), deployment="dropcut-test", clock=self.clock)
        outputs = Outputs(
            objects=self.objects,
            bucket=OUTPUT,
            renditions=RENDITIONS,
            first_input=INPUT,
            is_superseded=self.jobs.is_superseded,
        )
        maker = CutoutMaker(
            objects=self.objects,
            make_cutouts=answer_as_it_is,
            renditions=RENDITIONS,
            work_bucket=WORK,
            together=one_after_the_other,
            clock=self.clock,
        )
        held = HeldRecords(table=self.records)
        announcer = Announcer(
            objects=self.objects,
            jobs=self.jobs,
            events=events,
            held_files=HeldFiles(objects=self.objects, records=held, bucket=OUTPUT),
            together=one_after_the_other,
            clock=self.clock,
        )
        self.deliver = Deliver(
            jobs=self.jobs,
            events=events,
            maker=maker,
            outputs=outputs,
            announcer=announcer,
            holding=Holding(
                is_on=False,
                queue_url="deliver",
                renditions=RENDITIONS,
                records=held,
                announcer=announcer,
                clock=self.clock,
            ),
            sources=[PhotoSource(bucket=INPUT)],
            stage_roles=(),
            remake=Remaker(jobs=self.jobs, events=events, maker=maker, outputs=outputs, clock=self.clock),
            review=lambda _review: Done(),  # nobody decides in these histories
            together=one_after_the_other,
            clock=self.clock,
        )

    def _batch(self, stage: str, needed: float, receives: int | None, announce: Any) -> MessageBatch:
        return MessageBatch(
            stage=stage,
            queue=self.queues[stage],
            dead_letters=Queue(Guarded(self.sqs, "sqs"), f"{stage}-dead"),
            threads=1,
            needed_seconds=needed,
            receives_before_giving_up=receives,
            announce_failure=announce,
            clock=lambda: self.now,
        )

    def start(self, stage: str, messages: list[QueuedMessage], clock_off: float = 0.0) -> Invocation:
        """Hand messages to a stage's function."""
        for message in messages:
            self.sqs.receive(message, visibility_seconds=6 * TIMEOUT[stage])
        invocation = self._invocation(stage, clock_off, messages)
        if stage == "cut":
            self._strand(invocation, "begin", lambda: self._begin_cut(invocation, self._strand))
        else:
            handle = self.prepare if stage == "intake" else self.deliver
            for record in invocation.records:
                self._strand(invocation, record["messageId"], self._one(invocation, record, handle))
        self.invocations.append(invocation)
        return invocation

    def tick(self) -> Invocation:
        """Wake the gatekeeper."""
        invocation = self._invocation("gatekeeper", 0.0, [])
        self._strand(invocation, "tick", partial(self.gatekeeper, ends_at=invocation.deadline))
        self.invocations.append(invocation)
        return invocation

    def _invocation(self, stage: str, clock_off: float, messages: list[QueuedMessage]) -> Invocation:
        return Invocation(
            stage=stage,
            deadline=self.now + TIMEOUT[stage],
            clock_off=clock_off,
            messages=messages,
            receipts=[message.receipt for message in messages],
            records=[message.record() for message in messages],
        )

    def _strand(self, invocation: Invocation, name: str, work: Callable[[], None], notes: Any = None) -> None:
        strand = Strand(f"{invocation.stage} {name}", work)
        strand.notes = {"clock_off": invocation.clock_off, **(notes or {})}
        invocation.strands.append(strand)

    def _begin_cut(self, invocation: Invocation, spawn: Callable[..., None]) -> None:
        """As the entry does it: what the batch has to know, then its messages side by side."""
        ends_at = invocation.deadline
        handle = self.batches["cut"]._begun({"Records": invocation.records}, partial(self.cut.begin, ends_at=ends_at))
        strand = current()
        for record in invocation.records:
            work = self._one(invocation, record, handle)
            spawn(invocation, record["messageId"], work, strand.notes if strand else None)

    def _one(self, invocation: Invocation, record: dict[str, Any], handle: Any) -> Callable[[], None]:
        batch = self.batches[invocation.stage]

        class Context:
            @staticmethod
            def get_remaining_time_in_millis() -> float:
                return (invocation.deadline - self.now) * 1000

        def one() -> None:
            try:
                batch._one(SQSRecord(record), Context(), handle)  # type: ignore[arg-type]
            except MessageStaysInQueueError:
                invocation.stay.add(record["receiptHandle"])
            except Exception:
                invocation.stay.add(record["receiptHandle"])

        return one

    def _invoke_cut(self, payload: str) -> bytes:
        """The gatekeeper's own call of the cut function, in the gatekeeper's strand."""
        records = json.loads(payload)["Records"]
        invocation = self._invocation("cut", 0.0, [])
        invocation.records = records
        strand = current()
        assert strand
        strand.notes.update(deadline=invocation.deadline)
        self._begin_cut(invocation, lambda _invocation, _name, work, _notes: work())
        del strand.notes["deadline"]
        return json.dumps({"batchItemFailures": [{"itemIdentifier": "x"} for _ in invocation.stay]}).encode()

    def step(self, invocation: Invocation, strand: Strand, verdict: Any = "go on") -> None:
        if verdict == "die":
            self.kill(invocation)
            return
        strand.step(verdict)
        self._end_if_done(invocation)

    def kill(self, invocation: Invocation) -> None:
        for strand in invocation.running:
            strand.dead = True
            strand.step("die")
        self.invocations.remove(invocation)

    def _end_if_done(self, invocation: Invocation) -> None:
        """The event source deletes what is done with."""
        if invocation.running:
            return
        self.invocations.remove(invocation)
        if invocation.stage == "gatekeeper" or (len(invocation.strands) == 1 and invocation.strands[0].error):
            return
        for receipt in invocation.receipts:
            if receipt not in invocation.stay:
                self.sqs.delete_message(QueueUrl=invocation.stage, ReceiptHandle=receipt)

    def finish(self, invocation: Invocation) -> None:
        """Let it run to its end undisturbed; the clock moves on when all of it sleeps."""
        while invocation in self.invocations:
            awake = [strand for strand in invocation.running if strand.wakes_at <= self.now]
            if awake:
                self.step(invocation, awake[0])
            else:
                self.advance(min(strand.wakes_at for strand in invocation.running) - self.now)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        if seconds > 300:
            self.fresh_worker()
        for invocation in list(self.invocations):
            deadlines = [strand.notes.get("deadline", invocation.deadline) for strand in invocation.running]
            if min(deadlines) <= self.now:
                self.kill(invocation)

    def run_dry(self) -> None:
        """No more faults: let everything go its way until nothing waits any more."""
        for _ in range(5_000):
            if self.invocations:
                self.finish(self.invocations[0])
            elif work := self._next_work():
                self.start(*work)
            elif not any(self.sqs.queues.get(stage) for stage in self.queues) and "standing" not in self._gate_item():
                return
            else:
                self._wait()
        raise AssertionError(f"it never comes to rest: {self.sqs.queues}, gate {self._gate_item()}")

    def _gate_item(self) -> Any:
        return self.table.items.get("gate", {})

    def _next_work(self) -> tuple[str, list[QueuedMessage]] | None:
        for stage in ("intake", "deliver", "cut"):
            visible = self.sqs.visible(stage)
            if visible and (stage != "cut" or self.cut_source.takes_messages):
                return stage, visible[:10]
        return None

    def _wait(self) -> None:
        """Until a message is seen again, or the gatekeeper's next minute."""
        if "standing" in self._gate_item():
            self.advance(max(60.0, float(self._gate_item()["closed_until"]) - self.now))
            self.tick()
            return
        waiting = [message.visible_at for stage in self.queues for message in self.sqs.queues.get(stage, [])]
        self.advance(max(0.0, min(waiting) - self.now))
        if not self.cut_source.takes_messages:
            self.tick()


__all__ = ["CREDITS", "INPUT", "OUTPUT", "START", "WORK", "Invocation", "KilledError", "System"]
