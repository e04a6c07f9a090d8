"""An event becomes a webhook: sent, tried again, given up, turned off by its receiver, and turned on by a redrive."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from dropcut.core.message_result import DeadLetter, Done, Message, MessageResult, Wait
from dropcut.core.messages import MalformedMessageError
from dropcut.core.webhook import SigningKey, WebhookSecretError
from dropcut.core.webhook_receiver import Receiver
from dropcut.core.webhook_tries import Answer, Answered, NotAnswered
from dropcut.use_cases.notify import Notify

from tests.functions.fakes import FakeEventBus, FakeSwitch
from tests.functions.webhook_events import event

NOW, DAY = 1_800_000_000.0, 86_400
WELL, UNWELL, GONE = Answered(status=200), Answered(status=500), Answered(status=410)
RECEIVER = Receiver.at("https://shop.example/hook?token=secret")


@dataclass
class Sender:
    answer: Answer = WELL
    sent: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)

    def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.sent.append((body, headers))
        return self.answer


class Shop:
    """A deployment with a receiver of webhooks."""

    def __init__(self, receiver: Receiver = RECEIVER) -> None:
        self.sender, self.switch, self.events = Sender(), FakeSwitch(), FakeEventBus()
        self.now = NOW
        self.notify = Notify(
            receiver=receiver,
            sender=self.sender,
            keys=lambda: (SigningKey(b"k" * 32),),
            switch=self.switch,
            events=self.events,  # type: ignore[arg-type]
            clock=lambda: self.now,
            jitter=lambda: 0.0,
        )

    def handle(self, *, age: float = 1.0, receives: int = 1, redriven: bool = False, body: str = "") -> MessageResult:
        message = Message(
            body=body or event(event_id="e-1"),
            receive_count=receives,
            sent_at_seconds=self.now - age,
            redriven=redriven,
        )
        return self.notify.begin([message])(message)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_webhook_that_is_taken_is_done(shop: Shop) -> None:
    assert shop.handle() == Done()
    ((_body, headers),) = shop.sender.sent
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("e-1", str(int(NOW)))


def test_each_try_has_the_same_body_and_its_own_time(shop: Shop) -> None:
    shop.sender.answer = UNWELL
    shop.handle()
    shop.now += 60
    shop.handle(age=61, receives=2)
    (one, first), (other, second) = shop.sender.sent
    assert one == other
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (UNWELL, "it answered 500"),
        (Answered(status=302), "it answered 302"),
        (NotAnswered(code="no_answer", detail="it did not answer within 15 s"), "it did not answer within 15 s"),
        (NotAnswered(code="not_allowed", detail="shop.example leads to 10.0.0.1"), "shop.example leads to 10.0.0.1"),
    ],
)
def test_what_is_not_taken_waits_and_is_dead_lettered_after_three_days(shop: Shop, answer: Answer, said: str) -> None:
    shop.sender.answer = answer
    first = shop.handle()
    assert first == Wait(seconds=59, why=f"The webhook's receiver at shop.example has not taken it: {said}")
    last = shop.handle(age=3 * DAY, receives=10)
    assert isinstance(last, DeadLetter)
    assert last.details == {"code": answer.code}
    assert said in last.reason and "token" not in last.reason
    assert not last.announce


def test_retry_after_is_honoured(shop: Shop) -> None:
    shop.sender.answer = Answered(status=429, retry_after="3600")
    result = shop.handle()
    assert isinstance(result, Wait) and result.seconds == 3600


def test_a_410_turns_webhooks_off_with_one_event(shop: Shop) -> None:
    shop.sender.answer = GONE
    for _ in range(3):
        result = shop.handle()
        assert isinstance(result, DeadLetter) and result.details == {"code": "webhook_off"}
    assert len(shop.sender.sent) == 1
    assert shop.events.types == ["Webhook Disabled"]
    (detail,) = shop.events.details
    assert (detail["code"], detail["host"]) == ("webhook_off", "shop.example")
    assert "token" not in str(detail)


def test_of_several_410_at_once_one_publishes_the_event(shop: Shop) -> None:
    """Both were begun while webhooks were on."""
    shop.sender.answer = GONE
    message = Message(body=event(), receive_count=1, sent_at_seconds=NOW)
    one, other = shop.notify.begin([message]), shop.notify.begin([message])
    one(message)
    other(message)
    assert shop.events.types == ["Webhook Disabled"]


def test_an_event_that_could_not_be_published_is_published_by_the_next_batch(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_given: object, **_more: object) -> None:
        raise ConnectionError("the event bus cannot be reached")

    shop.sender.answer = GONE
    with monkeypatch.context() as patched:
        patched.setattr(shop.events, "publish", away)
        for _ in range(2):
            with pytest.raises(ConnectionError):
                shop.handle()
    assert isinstance(shop.handle(), DeadLetter)
    assert isinstance(shop.handle(), DeadLetter)
    assert shop.events.types == ["Webhook Disabled"]


def test_an_event_keeps_its_id_when_it_is_published_again_and_the_next_has_another(shop: Shop) -> None:
    shop.sender.answer = GONE
    shop.handle()
    shop.switch.record = replace(shop.switch.record, announced=False)  # as if it had ended before it noted that
    shop.handle()
    shop.sender.answer = WELL
    shop.handle(redriven=True)
    shop.now += 1
    shop.sender.answer = GONE
    shop.handle()
    first, again, next_time = shop.events.ids
    assert first == again != next_time


def test_a_redriven_webhook_that_is_taken_turns_them_on(shop: Shop) -> None:
    shop.sender.answer = GONE
    shop.handle()
    shop.sender.answer = WELL
    assert shop.handle(redriven=True) == Done()
    assert shop.handle() == Done()
    assert len(shop.sender.sent) == 3


@pytest.mark.parametrize("answer", [GONE, UNWELL])
def test_a_redriven_webhook_that_is_not_taken_leaves_them_off(shop: Shop, answer: Answer) -> None:
    shop.sender.answer = GONE
    shop.handle()
    shop.sender.answer = answer
    shop.handle(redriven=True)
    assert isinstance(shop.handle(), DeadLetter)
    assert len(shop.sender.sent) == 2
    assert shop.events.types == ["Webhook Disabled"]


def test_a_new_receiver_is_sent_to_though_the_one_before_turned_them_off(shop: Shop) -> None:
    shop.sender.answer = GONE
    shop.handle()
    other = Shop(Receiver.at("https://shop.example/hook?token=new"))
    other.switch = shop.switch
    assert other.handle() == Done()


def test_what_is_no_event_of_ours_is_malformed(shop: Shop) -> None:
    with pytest.raises(MalformedMessageError):
        shop.handle(body=event(source="somebody.else"))
    assert shop.sender.sent == []


def test_without_a_key_nothing_is_sent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_keys() -> tuple[SigningKey, ...]:
        raise WebhookSecretError("no key")

    object.__setattr__(shop.notify, "keys", no_keys)
    with pytest.raises(WebhookSecretError):
        shop.handle()
    assert shop.sender.sent == []
