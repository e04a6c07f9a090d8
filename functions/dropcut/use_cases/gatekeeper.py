"""Gatekeeper: carries out what the gate's record says, and tries every now and then whether it can open again.

Runs once a minute, so that nothing depends on one message or one worker. All it does can be done twice. It alone
publishes pauses and their ends.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dropcut.adapters.api_key import ApiKeyMissingError, ApiKeys
from dropcut.adapters.cut_function import CutFunction
from dropcut.adapters.queue import Queue
from dropcut.core.backoff import waited_too_long
from dropcut.core.gate import BY_HAND, Gate
from dropcut.core.messages import CutRequest, Ended, MalformedMessageError, SpendingNotice
from dropcut.core.ports import GateStore, HealthStore, Sender
from dropcut.observability import count, logger
from dropcut.use_cases.endings import Endings

SECONDS_AFTER_A_FAILED_PROBE = 5.0
"""Until a picture is seen again whose probe could not even be made."""
SWEEP_AFTER_SECONDS = 6 * 3600.0
"""Messages behind a closed gate are received by nobody: so often they are searched for those that waited too long."""
LONGEST_SWEEP_SECONDS = 20.0
SECONDS_TO_END = 5.0
"""Time that a look still needs after a sweep."""
_HOLDER = "gatekeeper"
_RESUMED = "A call went well again, or no picture waited that could show it"
_RESUMED_BY_HAND = "An operator resumed the spending"
UNSEEN_SECONDS = 60
"""A message that was looked at is hidden for so long, so that one search sees each once."""


@dataclass(frozen=True, kw_only=True)
class Gatekeeper:
    gate: GateStore
    health: HealthStore
    keys: ApiKeys
    cut_function: CutFunction
    cut_queue: Queue
    deliver_queue: Sender
    endings: Endings
    cut_seconds: float
    """Time that the cut function may take for one picture: no probe is begun with less time left."""
    clock: Callable[[], float]

    def __call__(self, *, ends_at: float) -> None:
        """Look at the gate once. `ends_at`: when the invocation runs out of time (epoch seconds)."""
        gate = self.gate.get()
        if gate.is_closed:
            count("SpendingIsPaused")
            self._keep_closed(gate)
            try:
                self._probe(ends_at)
            finally:  # also while the cut function cannot be run at all: just then pictures wait for long
                if self.clock() - gate.swept_at >= SWEEP_AFTER_SECONDS:
                    self._sweep(min(self.clock() + LONGEST_SWEEP_SECONDS, ends_at - SECONDS_TO_END))
            gate = self.gate.get()
        if gate.is_opening:
            self._open(gate)
        elif not gate.is_closed:
            # Two of us may have crossed: one turned the messages off when the other had opened the gate already.
            self.cut_function.take_messages(True)

    def _keep_closed(self, gate: Gate) -> None:
        self.cut_function.take_messages(False)
        if not gate.announced:
            until = None if gate.code == BY_HAND else gate.until
            notice = SpendingNotice(kind="paused", code=gate.code, reason=gate.reason, until=until)
            self.deliver_queue.send(notice.to_json())
            self.gate.announced()
        known_key = bool(gate.fingerprint) or gate.code == "no_key"  # a gate of the version before names none
        if known_key and self._fingerprint() not in ("", gate.fingerprint):
            self.gate.make_due()  # another key than the one that met the trouble

    def _fingerprint(self) -> str:
        """Of the key that is in the secret now; empty when none is."""
        try:
            return self.keys.current(fetch_anew=True).fingerprint
        except ApiKeyMissingError:
            return ""

    def _probe(self, ends_at: float) -> None:
        """Let waiting pictures through until one makes a call; when none waits there is nothing to lose by opening."""
        while self.clock() + self.cut_seconds <= ends_at:
            gate = self.gate.get()
            if gate.state(self.clock()) != "due":
                return
            message = self._next(gate)
            if not message:
                if self.cut_queue.is_empty():
                    self._open_without_a_call(gate)
                return
            logger.info("One picture is tried", paused_for=gate.code)
            if not self._try(message):
                return

    def _next(self, gate: Gate) -> Any:
        """A waiting message; None when none waits.

        A picture that met trouble comes after those that met none. Otherwise good ones would wait for long behind a
        poison one.
        """
        unseen = round(self.cut_seconds)
        messages = list(self.cut_queue.receive(most=1, visibility_seconds=unseen))
        if not messages:
            return None
        health = self.health.get(gate.fingerprint)
        met_trouble = health.troubled | health.refused
        if _payment_key(messages[0]) in met_trouble:
            messages += self.cut_queue.receive(most=10, visibility_seconds=unseen)
        first = min(messages, key=lambda message: _payment_key(message) in met_trouble)
        for other in messages:
            if other is not first:
                self.cut_queue.put_back(other["ReceiptHandle"], 0)
        return first

    def _open_without_a_call(self, gate: Gate) -> None:
        """As a probe: then nobody else makes one, and a gate that was closed anew meanwhile stays so."""
        now = self.clock()
        if self.gate.begin_probe(_HOLDER, now=now, ends=now + self.cut_seconds):
            self.health.went_well(gate.fingerprint)
            self.gate.begin_to_open(_HOLDER)

    def _try(self, message: Any) -> bool:
        """Whether the picture is done with; it may have needed no call."""
        try:
            done = self.cut_function.handle(_record(message))
        except Exception:
            # Throttled, say: the picture must not stay unseen for minutes. If it is being paid for, it will wait again.
            self.cut_queue.put_back(message["ReceiptHandle"], SECONDS_AFTER_A_FAILED_PROBE)
            raise
        if done:
            self.cut_queue.delete(message["ReceiptHandle"])
        return done

    def _sweep(self, until: float) -> None:
        """End what waited too long, so that SQS never does: it would delete the photo's message without a word."""
        while self.clock() < until:
            messages = self.cut_queue.receive(most=10, visibility_seconds=UNSEEN_SECONDS)
            for message in messages:
                attributes = message["Attributes"]
                sent_at, receives = int(attributes["SentTimestamp"]) / 1000, int(attributes["ApproximateReceiveCount"])
                reason = waited_too_long(sent_at, receives, now=self.clock())
                with suppress(MalformedMessageError):  # cut dead-letters it when the gate is open again
                    if reason:
                        request = CutRequest.from_json(message["Body"])
                        self.endings.end(request, Ended(kind="failed", code="waited_too_long", reason=reason))
                        self.cut_queue.delete(message["ReceiptHandle"])
            if not messages:
                self.gate.swept(self.clock())  # not before: what is left is searched in the next minute
                return

    def _open(self, gate: Gate) -> None:
        self.cut_function.take_messages(True)
        by_hand = gate.code == BY_HAND
        reason = f"{_RESUMED_BY_HAND if by_hand else _RESUMED}: the pictures are worked off."
        self.deliver_queue.send(SpendingNotice(kind="resumed", code="open", reason=reason).to_json())
        self.gate.opened()
        logger.info("Spending goes on")


def _payment_key(message: Any) -> str:
    """Empty when the message is none of ours, which cut finds out."""
    try:
        return CutRequest.from_json(message["Body"]).payment_key
    except MalformedMessageError:
        return ""


def _record(message: Any) -> dict[str, Any]:
    """A received message in the form in which Lambda's event source hands it over."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {"stringValue": given.get("StringValue", ""), "dataType": given["DataType"]}
            for name, given in message.get("MessageAttributes", {}).items()
        },
        "eventSource": "aws:sqs",
    }
