"""When the stage that spends stops spending: by what, for how long, what it costs a picture, and how it goes on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from dropcut.adapters.gate_record import Closed
from dropcut.adapters.spending_records import BudgetRecord
from dropcut.core.messages import SpendingNotice
from dropcut.core.message_result import Done, Postpone, SetAside
from dropcut.core.decision import Reply
from dropcut.observability import metrics
from dropcut.use_cases.purchase import ACCOUNT_FAILURES_IN_A_ROW

from tests.functions.cloud import Cloud
from tests.functions.pictures import picture
from tests.functions.use_cases.shop import (
    BROKEN_OFF,
    NOT_CONNECTED,
    NOT_TAKEN,
    NOW,
    RULES,
    TODAY,
    Scripted,
    Shop,
    error,
)

OTHER_PHOTO = picture("jpeg", quality=40)
PAUSE = RULES.pause_seconds
MIDNIGHT = NOW + 12 * 3600
NO_CHANNELS = error(503, b'{"error":{"message":"There are no channels available for model x"}}')
OUT_OF_BALANCE = error(500, b"")


@pytest.fixture
def shop(cloud: Cloud) -> Shop:
    return Shop(cloud)


@pytest.fixture
def probing(shop: Shop) -> Shop:
    """The gate was closed some time ago; the next round may make one call."""
    shop.close_gate()
    shop.now += PAUSE
    return shop


def closed(shop: Shop) -> Closed:
    standing = shop.standing
    assert isinstance(standing, Closed)
    return standing


def photos(count: int) -> list[bytes]:
    return [picture("jpeg", quality=50 + number) for number in range(count)]


def counted(metric: str) -> float:
    return sum(metrics.metric_set.get(metric, {}).get("Value", []))


PAUSES = [
    (error(402), "no_credits"),
    (error(403), "account_barred"),
    (error(404, b"<title>404</title>"), "route_gone"),
    (error(405), "route_gone"),
    (error(302, b""), "route_gone"),
    (error(418), "unexpected_answer"),
    (error(401), "key_refused"),
]


@pytest.mark.parametrize(("reply", "code"), PAUSES)
def test_a_problem_of_the_account_closes_the_gate_and_the_picture_waits(shop: Shop, reply: Reply, code: str) -> None:
    shop.api.script = [reply]
    request = shop.request()
    result = shop.handle(request)
    assert isinstance(result, Postpone)
    assert code in result.why
    assert result.seconds == PAUSE + 0.5
    assert (shop.payment(request)["attempts"], shop.spent(), shop.spent_in_all()) == (0, 0, 0)
    assert "lease_until" not in shop.payment(request)
    assert shop.handed_on() == []
    assert (closed(shop).code, closed(shop).until) == (code, NOW + PAUSE)


@pytest.mark.parametrize("text", [" ", "{}", "two words"])
def test_without_a_usable_key_nothing_is_called_and_the_picture_waits(shop: Shop, text: str) -> None:
    shop.secrets.text = text
    request = shop.request()
    result = shop.handle(request)
    assert isinstance(result, Postpone)
    assert "put-secret-value" in result.why
    assert (shop.api.calls, shop.payment(request)) == ([], {})
    assert closed(shop).code == "no_key"


def test_a_secret_emptied_after_the_key_was_refused_closes_the_gate(shop: Shop) -> None:
    round_ = shop.cut.begin_round(2)
    shop.secrets.text = " "
    shop.api.script = [error(401)]
    assert isinstance(shop.handle(shop.request(), round_=round_), Postpone)
    assert closed(shop).code == "key_refused"


def test_the_world_is_told_once_and_so_is_the_metric(shop: Shop) -> None:
    shop.api.script = [error(402)] * 3
    rounds = [shop.cut.begin_round(1) for _ in range(3)]  # three workers that had begun before the first refusal
    for number, photo in enumerate(photos(3)):
        assert isinstance(shop.handle(shop.request(f"{number}.jpg", photo=photo), round_=rounds[number]), Postpone)
    assert len(shop.api.calls) == 3
    reason = "HTTP 402: no. The account has no credits left: buy credits."
    first_until = NOW + PAUSE
    assert shop.notices() == [SpendingNotice(kind="paused", code="no_credits", reason=reason, until=first_until)]
    assert closed(shop) == Closed(until=first_until, code="no_credits", reason=reason, announced=True)
    assert counted("SpendingPauses") == 1


def test_messages_of_one_batch_stop_when_another_of_it_closed_the_gate(shop: Shop) -> None:
    shop.api.script = [error(402)]
    round_ = shop.cut.begin_round(3)
    requests = [shop.request(f"{number}.jpg", photo=photo) for number, photo in enumerate(photos(3))]
    results = [shop.handle(request, round_=round_) for request in requests]
    assert all(isinstance(result, Postpone) and "no_credits" in result.why for result in results)
    assert (len(shop.api.calls), shop.spent()) == (1, 0)


def test_a_picture_on_its_way_to_its_slot_stops_when_another_closes_the_gate(shop: Shop) -> None:
    round_ = shop.cut.begin_round(2)
    round_.next_slot()
    sleep = shop.cut.sleep

    def closes_meanwhile(seconds: float) -> None:
        sleep(seconds)
        round_.close("no_credits", "Buy some.")

    object.__setattr__(shop.cut, "sleep", closes_meanwhile)
    request = shop.request()
    assert isinstance(shop.handle(request, round_=round_), Postpone)
    assert (shop.api.calls, shop.payment(request)["attempts"], shop.spent()) == ([], 0, 0)


# The API is down.


def test_an_api_that_keeps_failing_closes_the_gate_whichever_pictures_it_failed(shop: Shop) -> None:
    shop.api.script = [error(500)] * RULES.pause_after_failures
    requests = [shop.request(f"{n}.jpg", photo=photo) for n, photo in enumerate(photos(RULES.pause_after_failures))]
    for request in requests:
        assert shop.standing == "open"
        assert isinstance(shop.handle(request), Postpone)
    assert (closed(shop).code, shop.spent()) == ("api_failing", 0)
    assert [shop.payment(request)["attempts"] for request in requests] == [1, 1, 1, 1, 0]
    assert "The API keeps failing" in shop.notices()[0].reason


@pytest.mark.parametrize(("reply", "code"), [(OUT_OF_BALANCE, "out_of_balance"), (NO_CHANNELS, "no_channel")])
def test_failures_that_point_at_the_account_close_the_gate_when_the_third_comes_in_a_row(
    shop: Shop, reply: Reply, code: str
) -> None:
    shop.api.script = [reply] * ACCOUNT_FAILURES_IN_A_ROW
    for number, photo in enumerate(photos(ACCOUNT_FAILURES_IN_A_ROW)):
        assert shop.standing == "open"
        assert isinstance(shop.handle(shop.request(f"{number}.jpg", photo=photo)), Postpone)
    assert (closed(shop).code, shop.spent()) == (code, 0)
    assert shop.notices()[0].reason == closed(shop).reason


@pytest.mark.parametrize(
    ("good", "ends_the_row"), [(error(400), True), (None, True), (error(429, retry_after="0"), False)]
)
def test_an_answer_in_between_shows_that_the_api_works(shop: Shop, good: Reply | None, ends_the_row: bool) -> None:
    few, many = photos(RULES.pause_after_failures - 1), photos(2 * RULES.pause_after_failures)[-1:]
    shop.api.script = [error(500)] * len(few)
    for number, photo in enumerate(few):
        shop.handle(shop.request(f"{number}.jpg", photo=photo))
    if good:
        shop.api.script = [good]
    shop.handle(shop.request("good.jpg", photo=OTHER_PHOTO))
    shop.api.script = [error(500)]
    shop.handle(shop.request("last.jpg", photo=many[0]))
    assert (shop.standing == "open") is ends_the_row


@pytest.mark.parametrize(
    ("reply", "other_failures", "waits"),
    [
        (error(500), 0, False),
        (NOT_TAKEN, 0, False),
        (NOT_CONNECTED, 0, True),
        (error(500), 1, False),
        (error(500), 2, True),
        (NOT_TAKEN, 2, True),
        (NO_CHANNELS, 0, True),
        (OUT_OF_BALANCE, 0, True),
    ],
)
def test_used_up_attempts_set_a_picture_aside_unless_the_api_fails_others_too_or_the_account_is_meant(
    shop: Shop, reply: Scripted, other_failures: int, waits: bool
) -> None:
    shop.api.script = [reply] * RULES.max_attempts
    request = shop.request()
    for _ in range(RULES.max_attempts - 1):
        assert isinstance(shop.handle(request), Postpone)
    for _ in range(other_failures):
        shop.cut.failures.failed()
    result = shop.handle(request)
    assert isinstance(result, Postpone if waits else SetAside)
    assert isinstance(shop.standing, Closed) is waits
    assert len(shop.handed_on()) == (0 if waits else 1)
    assert shop.spent() == 0
    if waits:
        assert shop.payment(request)["attempts"] == RULES.max_attempts - 1
        shop.now += PAUSE
        assert shop.handle(request) == Done()


def test_pictures_possibly_paid_for_too_often_are_set_aside_also_while_the_api_is_down(shop: Shop) -> None:
    shop.api.script = [BROKEN_OFF] * 2
    request = shop.request()
    assert isinstance(shop.handle(request), Postpone)
    assert isinstance(shop.handle(request), SetAside)
    assert shop.spent() == 4


@pytest.mark.parametrize("most", [1, 2])
def test_an_api_that_breaks_off_every_call_is_noticed_however_few_calls_a_picture_may_risk(
    shop: Shop, most: int
) -> None:
    careful = shop.with_rules(max_possibly_paid=most)
    careful.api.script = [BROKEN_OFF] * 20
    for number, photo in enumerate(photos(20)):
        careful.handle(careful.request(f"{number}.jpg", photo=photo))
    assert (closed(careful).code, len(careful.api.calls)) == ("api_failing", RULES.pause_after_failures)


# The budget.


def test_a_reached_budget_pauses_and_the_next_day_goes_on(cloud: Cloud) -> None:
    shop = Shop(cloud, daily_credit_limit=3)
    assert shop.handle(shop.request("a.jpg")) == Done()
    shop.now += 5
    other = shop.request("b.jpg", photo=OTHER_PHOTO)
    result = shop.handle(other)
    assert isinstance(result, Postpone)
    assert (closed(shop).code, closed(shop).until) == ("daily_credit_limit", NOW + 5 + PAUSE)
    assert (shop.payment(other)["attempts"], len(shop.api.calls), shop.spent(TODAY)) == (0, 1, 2)
    shop.now = MIDNIGHT
    assert shop.handle(other) == Done()
    assert (shop.spent("2024-07-28"), shop.spent_in_all(), shop.standing) == (2, 4, "opening")


def test_while_the_budget_is_reached_probes_call_nobody_and_midnight_is_not_missed(cloud: Cloud) -> None:
    shop = Shop(cloud, daily_credit_limit=1, now=MIDNIGHT - 3_700)
    request = shop.request()
    untils = []
    while shop.now < MIDNIGHT:
        assert isinstance(shop.handle(request), Postpone)
        untils.append(closed(shop).until)
        shop.now = closed(shop).until
    assert shop.now == MIDNIGHT
    assert len(untils) <= 9
    assert (shop.api.calls, shop.spent(), len(shop.notices())) == ([], 0, 1)


def test_a_raised_limit_is_noticed_by_the_next_probe(cloud: Cloud) -> None:
    shop = Shop(cloud, daily_credit_limit=1)
    request = shop.request()
    shop.handle(request)
    deployed_anew = Shop(cloud, daily_credit_limit=10, now=NOW + PAUSE)
    assert deployed_anew.handle(request) == Done()
    assert deployed_anew.standing == "opening"


# Behind a closed gate.


def test_behind_a_closed_gate_nothing_is_called_or_claimed(shop: Shop) -> None:
    shop.close_gate()
    request = shop.request()
    result = shop.handle(request)
    assert isinstance(result, Postpone)
    assert "no_credits" in result.why
    assert (shop.api.calls, shop.payment(request)) == ([], {})


@pytest.mark.parametrize("standing", ["open", "opening"])
def test_a_gate_that_is_not_closed_lets_everybody_through(shop: Shop, standing: str) -> None:
    if standing == "opening":
        shop.close_gate()
        shop.cut.gate.begin_to_open()
    assert shop.handle(shop.request()) == Done()
    assert shop.standing == standing


@pytest.mark.parametrize(("receives", "wait"), [(1, 30.5), (6, 30.5), (12, 60.5), (120, 600.5), (1_000, 3_600.5)])
def test_the_longer_a_pause_lasts_the_more_rarely_a_picture_asks(shop: Shop, receives: int, wait: float) -> None:
    shop.close_gate()
    result = shop.handle(shop.request(), receives=receives)
    assert isinstance(result, Postpone)
    assert result.seconds == wait


# Probes.


def test_after_the_pause_one_picture_is_tried_and_begins_to_open_the_gate(probing: Shop) -> None:
    round_ = probing.cut.begin_round(2)
    first, second = probing.request("a.jpg"), probing.request("b.jpg", photo=OTHER_PHOTO)
    assert probing.handle(first, round_=round_) == Done()
    waiting = probing.handle(second, round_=round_)
    assert isinstance(waiting, Postpone)
    assert "tried first" in waiting.why
    assert probing.payment(second)["attempts"] == 0
    assert probing.standing == "opening"
    assert probing.handle(second) == Done()


def test_of_many_workers_after_the_pause_one_makes_one_call(probing: Shop) -> None:
    probing.api.script = [error(402)] * 5
    rounds = [probing.cut.begin_round(1) for _ in range(5)]
    requests = [probing.request(f"{number}.jpg", photo=photo) for number, photo in enumerate(photos(5))]
    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(lambda one: probing.handle(one[0], round_=one[1]), zip(requests, rounds, strict=True)))
    assert all(isinstance(result, Postpone) for result in results)
    assert len(probing.api.calls) == 1


def test_a_probe_whose_picture_is_rejected_opens_the_gate_as_well(probing: Shop) -> None:
    probing.api.script = [error(403, b'{"name":"content_moderation","errors":["no"]}')]
    assert probing.handle(probing.request()) == Done()
    assert probing.standing == "opening"


def test_a_probe_whose_form_is_refused_proves_nothing(probing: Shop) -> None:
    """The API looks at a form before it looks at the key: it says 400 to a revoked one as well."""
    probing.api.script = [error(400)]
    assert probing.handle(probing.request()) == Done()
    assert closed(probing).until == probing.now + PAUSE


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (error(402), "no_credits"),
        (error(401), "key_refused"),
        (error(500), "api_failing"),
        (NO_CHANNELS, "no_channel"),
        (OUT_OF_BALANCE, "out_of_balance"),
        (BROKEN_OFF, "api_failing"),
        (NOT_TAKEN, "api_failing"),
        (NOT_CONNECTED, "not_connected"),
    ],
)
def test_a_probe_that_fails_keeps_the_gate_closed_for_longer_and_is_no_attempt(
    probing: Shop, reply: Scripted, code: str
) -> None:
    probing.api.script = [reply]
    request = probing.request()
    assert isinstance(probing.handle(request), Postpone)
    assert probing.payment(request)["attempts"] == 0
    assert (closed(probing).code, closed(probing).until) == (code, probing.now + 2 * PAUSE)
    probing.now += 2 * PAUSE - 1
    probing.handle(probing.request("b.jpg", photo=OTHER_PHOTO))
    assert len(probing.api.calls) == 1
    assert (probing.notices(), counted("SpendingPauses")) == ([], 0)


def test_a_probe_that_ends_its_picture_keeps_the_gate_closed_for_longer_too(probing: Shop) -> None:
    probing.api.script = [BROKEN_OFF] * 2
    request = probing.request()
    assert isinstance(probing.handle(request), Postpone)
    probing.now = closed(probing).until
    assert isinstance(probing.handle(request), SetAside)
    assert (closed(probing).code, closed(probing).until) == ("api_failing", probing.now + 4 * PAUSE)


@pytest.mark.parametrize(
    "prevented", [lambda shop: setattr(shop.secrets, "text", "key-2"), lambda shop: None], ids=["new key", "locked out"]
)
def test_a_probe_that_proves_nothing_keeps_the_gate_closed_for_another_pause(
    probing: Shop, prevented: Callable[[Shop], Any]
) -> None:
    probing.cut.keys.current()
    prevented(probing)
    probing.api.script = [error(401) if probing.secrets.text == "key-2" else error(429, retry_after="1")]
    request = probing.request()
    assert isinstance(probing.handle(request), Postpone)
    assert closed(probing).until == probing.now + PAUSE
    probing.now += PAUSE
    assert probing.handle(request) == Done()
    assert probing.standing == "opening"


def test_a_probe_without_a_key_keeps_the_gate_closed_for_longer(probing: Shop) -> None:
    probing.secrets.text = " "
    assert isinstance(probing.handle(probing.request()), Postpone)
    assert (closed(probing).code, closed(probing).until) == ("no_key", probing.now + 2 * PAUSE)


def test_a_picture_paid_for_before_is_handed_on_in_a_probe_and_opens_nothing(shop: Shop) -> None:
    shop.handle(shop.request("a.jpg"))
    shop.close_gate()
    shop.now += PAUSE
    assert shop.handle(shop.request("b.jpg")) == Done()
    assert isinstance(shop.standing, Closed)
    assert len(shop.api.calls) == 1


def test_a_call_begun_before_the_gate_closed_and_going_well_does_not_open_it(shop: Shop) -> None:
    shop.api.meanwhile = shop.close_gate
    assert shop.handle(shop.request()) == Done()
    assert isinstance(shop.standing, Closed)


# Crashes.


def broken(*_arguments: object, **_more: object) -> Any:
    raise ConnectionError("it cannot be reached")


def test_a_pause_that_could_not_be_told_stands_and_leaves_the_telling_to_the_gatekeeper(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = shop.request()
    shop.api.script = [error(402)]
    with monkeypatch.context() as patched, pytest.raises(ConnectionError):
        patched.setattr(shop.cut.deliver_queue, "send", broken)
        shop.handle(request)
    assert (closed(shop).code, closed(shop).announced) == ("no_credits", False)
    assert shop.notices() == []


@pytest.mark.parametrize("reply", [error(402), error(500)])
def test_a_pause_that_could_not_be_carried_out_is_no_attempt_and_costs_nothing(
    probing: Shop, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    request = probing.request()
    probing.api.script = [reply]
    with monkeypatch.context() as patched, pytest.raises(ConnectionError):
        patched.setattr("dropcut.adapters.gate_record.GateRecord.stay_closed", broken)
        probing.handle(request)
    payment = probing.payment(request)
    assert (payment["attempts"], payment["possibly_paid"], probing.spent()) == (0, 0, 0)
    assert "lease_until" not in payment
    assert counted("PossiblyPaidCalls") == 0


@pytest.mark.parametrize(("reply", "then"), [(error(500), "stay_closed"), (None, "send")], ids=["down", "paid"])
def test_who_gave_a_picture_back_does_not_take_it_away_from_the_next_when_something_breaks(
    probing: Shop, monkeypatch: pytest.MonkeyPatch, reply: Reply | None, then: str
) -> None:
    request = probing.request()
    unit = f"{request.picture.sha256}.png"
    after_all_that = probing.now + 40 * 86_400

    def taken_by_another(*_arguments: object, **_more: object) -> None:
        probing.cut.payments.claim(unit, now=after_all_that, lease_seconds=100)
        broken()

    probing.api.script = [reply] if reply else []
    owner = {
        "stay_closed": "dropcut.adapters.gate_record.GateRecord.stay_closed",
        "send": "dropcut.adapters.queue.Queue.send",
    }[then]
    with monkeypatch.context() as patched, pytest.raises(ConnectionError):
        patched.setattr(owner, taken_by_another)
        probing.handle(request)
    assert probing.payment(request)["lease_until"] == after_all_that + 100
    assert counted("PossiblyPaidCalls") == 0


def test_credits_whose_return_broke_off_are_not_given_back_twice(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    give_back = BudgetRecord.give_back

    def done_but_not_heard(record: BudgetRecord, fingerprint: str, credits: float, *, taken_at: float) -> None:
        give_back(record, fingerprint, credits, taken_at=taken_at)
        broken()

    request = shop.request()
    shop.api.script = [error(402)]
    with monkeypatch.context() as patched, pytest.raises(ConnectionError):
        patched.setattr(BudgetRecord, "give_back", done_but_not_heard)
        shop.handle(request)
    assert shop.spent() == 0
    assert "lease_until" not in shop.payment(request)
