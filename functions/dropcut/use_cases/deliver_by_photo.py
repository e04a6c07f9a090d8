"""Deliver, where photos of some inputs have renditions of their own: one use case for each list of renditions."""

from dataclasses import dataclass

from dropcut.core.deliver_message import read_deliver_message
from dropcut.core.message_result import Message, MessageResult
from dropcut.core.messages import OutcomeMessage, RefusedRequest, SpendingNotice
from dropcut.core.photo_source import ByPhoto
from dropcut.core.review import EndOldHeld
from dropcut.use_cases.deliver import Deliver


@dataclass(frozen=True, kw_only=True)
class DeliverByPhoto:
    deliver: ByPhoto[Deliver]

    def __call__(self, message: Message) -> MessageResult:
        """Handle one message of the deliver queue. Raises MalformedMessageError: it is not what deliver reads."""
        return self._deliver_for(message)(message)

    def announce_failure(self, message: Message, reason: str) -> None:
        self._deliver_for(message).announce_failure(message, reason)

    def _deliver_for(self, message: Message) -> Deliver:
        announced = read_deliver_message(message.body)
        if isinstance(announced, SpendingNotice | RefusedRequest | EndOldHeld):
            return self.deliver.others
        photo = announced.upload if isinstance(announced, OutcomeMessage) else announced
        return self.deliver(photo.bucket, photo.key)
