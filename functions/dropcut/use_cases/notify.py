"""Notify: sends an event as a signed webhook, until its receiver takes it. Spends nothing, and may be repeated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from dropcut.adapters.event_bus import EventBus
from dropcut.core.message_result import DeadLetter, Done, Message, MessageResult, Wait
from dropcut.core.ports import SwitchStore, WebhookSender
from dropcut.core.webhook import SigningKey, Webhook
from dropcut.core.webhook_receiver import Receiver
from dropcut.core.webhook_switch import OFF, TURNED_OFF, Switch, disabled
from dropcut.core.webhook_tries import TRIES_AT, Answer, next_try_seconds
from dropcut.observability import count, logger


@dataclass(frozen=True, kw_only=True)
class Notify:
    receiver: Receiver
    sender: WebhookSender
    keys: Callable[[], Sequence[SigningKey]]
    switch: SwitchStore
    events: EventBus
    clock: Callable[[], float]
    jitter: Callable[[], float]

    def begin(self, _messages: Sequence[Message]) -> Callable[[Message], MessageResult]:
        """What a batch needs to know: the keys, and whether webhooks are off."""
        keys, switch = self.keys(), self.switch.get()
        is_off = switch.is_off_for(self.receiver.fingerprint)
        if is_off and not switch.announced:
            self._announce(switch)  # whoever turned them off did not come to it
        return partial(self._notify, keys=keys, is_off=is_off)

    def _notify(self, message: Message, *, keys: Sequence[SigningKey], is_off: bool) -> MessageResult:
        webhook = Webhook.from_event(message.body)
        if is_off and not message.redriven:
            return DeadLetter(reason=TURNED_OFF.format(host=self.receiver.host), details={"code": OFF})
        answer = self.sender.send(webhook.body, webhook.headers(keys, now=self.clock()))
        logger.info("A webhook was tried", event_id=webhook.id, type=webhook.type, answer=str(answer))
        match answer.meaning:
            case "delivered":
                return self._delivered(is_off=is_off)
            case "gone":
                return self._gone()
            case "again":
                return self._again(message, answer)

    def _delivered(self, *, is_off: bool) -> Done:
        if is_off:
            self.switch.turn_on(self.receiver.fingerprint)
            logger.info("Webhooks are on again: the receiver took a redriven one")
        count("WebhooksDelivered")
        return Done()

    def _gone(self) -> DeadLetter:
        now = self.clock()
        if self.switch.turn_off(self.receiver.fingerprint, now=now):
            self._announce(Switch(receiver=self.receiver.fingerprint, off_since=now))
        return DeadLetter(reason=TURNED_OFF.format(host=self.receiver.host), details={"code": OFF})

    def _announce(self, switch: Switch) -> None:
        self.events.publish(disabled(self.receiver.host), occasion=switch.occasion)
        self.switch.announced(switch.receiver)
        logger.error("Webhooks are off: the receiver answered 410")

    def _again(self, message: Message, answer: Answer) -> MessageResult:
        now = self.clock()
        seconds = next_try_seconds(
            age=now - message.sent_at_seconds,
            receive_count=message.receive_count,
            answer=answer,
            now=now,
            jitter=self.jitter(),
        )
        why = f"The webhook's receiver at {self.receiver.host} has not taken it: {answer}"
        if seconds is not None:
            return Wait(seconds=seconds, why=why)
        return DeadLetter(
            reason=f"{why}. {len(TRIES_AT)} tries were made in three days. Redrive it once the receiver is well.",
            details={"code": answer.code},
        )
