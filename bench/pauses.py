"""An account problem in the middle of 200 photos: how much is refused, how soon the spending stops, what comes after.

For a revoked key, for an account without credits, and for the daily credit limit.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.deployed import api, deployed
from bench.full_queue import FullQueue
from bench.report import Report, Table, Target
from local.system import System
from stand_in.stand_in import USUAL_KEY

PHOTOS = 200
PAID_BEFORE = 60
"""Pictures paid for when the trouble begins."""
CREDITS = 2.0
NEW_KEY = "sk-stand-in-key-2"
INVOCATIONS_AT_ONCE = 2
CALLS_IN_FLIGHT = 10 * INVOCATIONS_AT_ONCE
CLOSES_WITHIN_SECONDS = 5.0
WATCHED_SECONDS = 10.0
API_SECONDS = 1.0
SETTINGS = {
    "rate_limit_requests": "150",
    "credits_per_image": f"{CREDITS:g}",
    "pause_seconds": "2",
    "max_concurrency": f"{INVOCATIONS_AT_ONCE}",
}
_PATIENCE_SECONDS = 180.0


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One way for an account to come to a stop, and to be put right."""

    name: str
    settings: dict[str, str]
    begin: Callable[[System], None]
    """Called when `PAID_BEFORE` pictures are paid for."""
    fix: Callable[[System, str], None]
    """Called with the cut function's name."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """What was seen of one trouble."""

    name: str
    code: str
    closed_after_seconds: float
    """From the first sign of the trouble until the gate was closed."""
    refused: int
    """Calls that the API refused until the gate was open again."""
    received_meanwhile: int
    """Receipts of messages while spending was paused, the bench's own looks left out."""
    delivered: int
    paid_more_than_once: int

    def row(self) -> list[str]:
        return [
            f"{self.name} ({self.code})",
            f"{self.closed_after_seconds:.1f} s",
            str(self.refused),
            str(self.received_meanwhile),
            f"{self.delivered} of {PHOTOS}",
            str(self.paid_more_than_once),
        ]


def measure() -> Report:
    """Each trouble on a deployment of its own."""
    courses = [_run(trouble) for trouble in TROUBLES]
    return Report(
        title=f"pauses: an account problem in the middle of {PHOTOS} photos",
        how=(
            f"{PHOTOS} pictures in the cut queue; the API answers after {API_SECONDS:g} s. After {PAID_BEFORE} "
            f"payments the trouble begins, with up to {CALLS_IN_FLIGHT} calls in flight. When the gate is closed, the "
            "gatekeeper, which runs once a minute, is called once: it holds the messages in the queue. Their receive "
            f"counts are watched for the next {WATCHED_SECONDS:g} s. Then the account is put right, and the gatekeeper "
            "is called once a second. The baseline is what must hold: refused at most what is in flight, nothing "
            "received, all delivered, nothing paid twice."
        ),
        tables=[
            Table(
                ["trouble", "gate closed after", "calls refused", "received meanwhile", "delivered", "paid twice"],
                [course.row() for course in courses],
            )
        ],
        targets=[
            Target("slowest gate", max(c.closed_after_seconds for c in courses), CLOSES_WITHIN_SECONDS, "s"),
            Target("most calls refused", max(c.refused for c in courses), CALLS_IN_FLIGHT, ""),
            Target("received meanwhile", max(c.received_meanwhile for c in courses), 0, ""),
            Target("not delivered", PHOTOS - min(c.delivered for c in courses), 0, ""),
            Target("paid twice", max(c.paid_more_than_once for c in courses), 0, ""),
        ],
    )


def _run(trouble: Trouble) -> Course:
    with deployed({**SETTINGS, **trouble.settings}) as system:
        api(system, "PATCH", "config", {"latency_seconds": API_SECONDS})
        queue = FullQueue(system)
        queue.fill("pause", PHOTOS)
        queue.open()
        _until(lambda: _summary(system)["paid_calls"] >= PAID_BEFORE, f"{PAID_BEFORE} payments", every_seconds=0.05)
        begun = time.monotonic()
        trouble.begin(system)
        gate = _until(lambda: _closed_gate(system), "a closed gate", every_seconds=0.05)
        closed_after = time.monotonic() - begun
        _look_at_gate(system)
        _until(lambda: _rests(system), "a queue whose messages nobody has")
        before = _receive_counts(system)
        time.sleep(WATCHED_SECONDS)
        after = _receive_counts(system)
        trouble.fix(system, queue.function)
        _until(lambda: _resumes(system), "an open gate", every_seconds=1)
        queue.deliver()
        _until(lambda: _delivered(system) == PHOTOS, f"{PHOTOS} photos delivered", every_seconds=2)
        summary = _summary(system)
    return Course(
        name=trouble.name,
        code=gate["code"],
        closed_after_seconds=closed_after,
        refused=summary["calls"] - summary["by_status"]["200"],
        received_meanwhile=sum((after - before).values()) - len(after),  # each once by our second look
        delivered=PHOTOS,
        paid_more_than_once=len(summary["pictures_paid_more_than_once"]),
    )


def _revoke(system: System) -> None:
    api(system, "POST", "keys", {"key": USUAL_KEY, "state": "revoked"})


def _new_key(system: System, _function: str) -> None:
    api(system, "POST", "keys", {"key": NEW_KEY, "credits": None})
    secret = system.outputs["ApiKeySecretName"]
    system.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=NEW_KEY)


def _run_out_of_credits(system: System) -> None:
    api(system, "POST", "keys", {"key": USUAL_KEY, "credits": 0})


def _buy_credits(system: System, _function: str) -> None:
    api(system, "POST", "keys", {"key": USUAL_KEY, "credits": None})


def _raise_the_limit(system: System, function: str) -> None:
    """What a deployment with another `daily_credit_limit` does; the next UTC day would do as well."""
    lambda_ = system.client("lambda")
    variables = lambda_.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    changed = {"Variables": variables | {"DAILY_CREDIT_LIMIT": "0"}}
    lambda_.update_function_configuration(FunctionName=function, Environment=changed)


TROUBLES = [
    Trouble(name="key revoked", settings={}, begin=_revoke, fix=_new_key),
    Trouble(name="no credits left", settings={}, begin=_run_out_of_credits, fix=_buy_credits),
    Trouble(
        name="daily limit reached",
        settings={"daily_credit_limit": f"{PAID_BEFORE * CREDITS:g}"},
        begin=lambda _system: None,  # it is reached with the last payment that it allows
        fix=_raise_the_limit,
    ),
]


def _summary(system: System) -> dict[str, Any]:
    answer: dict[str, Any] = api(system, "GET", "summary")
    return answer


def _closed_gate(system: System) -> dict[str, str]:
    table = system.outputs["StateTableName"]
    answer = system.client("dynamodb").get_item(TableName=table, Key={"id": {"S": "gate"}}, ConsistentRead=True)
    gate = {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}
    return gate if gate.get("standing") == "closed" else {}


def _resumes(system: System) -> bool:
    _look_at_gate(system)
    return not _closed_gate(system)


def _look_at_gate(system: System) -> None:
    """What the gatekeeper does once a minute."""
    functions = system.client("lambda").list_functions()["Functions"]
    (name,) = [each["FunctionName"] for each in functions if each["Handler"] == "dropcut.entries.gatekeeper.handler"]
    system.client("lambda").invoke(FunctionName=name, Payload=b"{}")


def _rests(system: System) -> bool:
    """Whether all of cut's messages are back: those that were hidden for a while are visible again by then."""
    answer = system.client("sqs").get_queue_attributes(
        QueueUrl=system.outputs["CutQueueUrl"], AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"]) == 0


def _receive_counts(system: System) -> Counter[str]:
    """How often each waiting message was received, this look included; they can be seen again at once afterwards."""
    sqs, url, counts = system.client("sqs"), system.outputs["CutQueueUrl"], Counter[str]()
    handles: list[str] = []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60, AttributeNames=["ApproximateReceiveCount"]
    ).get("Messages", []):
        for message in messages:
            counts[message["MessageId"]] = int(message["Attributes"]["ApproximateReceiveCount"])
            handles.append(message["ReceiptHandle"])
    for handle in handles:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    return counts


def _delivered(system: System) -> int:
    prefix = f"object#{system.outputs['InputBucketName']}/pause/"
    pages = system.client("dynamodb").get_paginator("scan").paginate(TableName=system.outputs["StateTableName"])
    items = [item for page in pages for item in page["Items"] if item["id"]["S"].startswith(prefix)]
    return sum(item["status"]["S"] == "delivered" for item in items)


def _until(look: Callable[[], Any], what: str, *, every_seconds: float = 0.2) -> Any:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {_PATIENCE_SECONDS:g} s in vain for {what}")
        time.sleep(every_seconds)
    return found
