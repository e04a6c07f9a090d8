"""When spending stops: by what, for how long, what it costs a picture, and how it goes on."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from dropcut.adapters.api_key import ApiKey
from dropcut.core.blame import FEW_PICTURES_SECONDS, LONE_PICTURE_SECONDS
from dropcut.core.gate import EARLY_SECONDS, LONGEST_PAUSE_SECONDS
from dropcut.core.message_result import Done, Wait
from dropcut.core.messages import Ended, PaidAnswer
from dropcut.core.pace import AHEAD_SECONDS
from dropcut.observability import metrics

from tests.functions.use_cases.shop import (
    BLAME,
    BROKEN_OFF,
    FILTERED,
    HORIZON_SECONDS,
    INTERVAL_SECONDS,
    KEY,
    NOT_CONNECTED,
    NOT_TAKEN,
    NOW,
    PAUSE,
    RULES,
    Reply,
    Scripted,
    Shop,
    error,
    photos,
)

MIDNIGHT = NOW + 12 * 3600
NO_CHANNELS = error(503, b'{"error":{"message":"There are no channels available for model x"}}')
OUT_OF_BALANCE = error(500, b"")
BAD_FORM = error(400, b'{"name":"bad_request","errors":["output_mode: field required"]}')


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def probing(shop: Shop) -> Shop:
    """The gate was closed some time ago; the next batch may make one call."""
    shop.close_gate()
    shop.now += PAUSE
    return shop


def counted(metric: str) -> float:
    return sum(metrics.metric_set.get(metric, {}).get("Value", []))


ACCOUNT = [
    (error(402), "no_credits"),
    (error(403), "account_barred"),
    (error(404, b"<title>404</title>"), "route_gone"),
    (error(405), "route_gone"),
    (error(302, b""), "route_gone"),
    (error(418), "unexpected_answer"),
    (error(401), "key_refused"),
]


@pytest.mark.parametrize(("reply", "code"), ACCOUNT)
def test_a_problem_of_the_account_closes_the_gate_and_the_picture_waits(shop: Shop, reply: Reply, code: str) -> None:
    shop.api.script = [reply]
    request = shop.request()
    result = shop.handle(request)
    assert isinstance(result, Wait)
    assert code in result.why
    assert result.seconds == RULES.pause_seconds + 0.5
    assert (shop.payment(request).attempts, shop.spent(), shop.outcomes()) == (0, 0, [])
    assert (shop.gate.code, shop.gate.until, shop.gate.fingerprint) == (code, NOW + PAUSE, KEY.fingerprint)
    assert counted("SpendingPauses") == 1


@pytest.mark.parametrize("text", [" ", "{}", "two words"])
def test_without_a_usable_key_nothing_is_called_and_the_picture_waits(shop: Shop, text: str) -> None:
    shop.secrets.text = text
    result = shop.handle(shop.request())
    assert isinstance(result, Wait)
    assert "put-secret-value" in result.why
    assert (shop.api.calls, shop.gate.code, shop.gate.fingerprint) == ([], "no_key", "")


def test_a_secret_emptied_after_the_key_was_refused_closes_the_gate(shop: Shop) -> None:
    request = shop.request()
    handle = shop.begin(request)
    shop.secrets.text = " "
    shop.api.script = [error(401)]
    assert isinstance(handle(request), Wait)
    assert shop.gate.code == "key_refused"


def test_a_key_that_was_changed_is_fetched_once_more_and_used(shop: Shop) -> None:
    request = shop.request()
    shop.begin(request)
    shop.secrets.text = "key-2"
    shop.api.script = [error(401)]
    result = shop.handle(request)
    assert isinstance(result, Wait)
    assert (result.seconds, shop.payment(request).attempts, shop.spent()) == (0, 0, 0)
    assert not shop.gate.is_closed
    assert shop.handle(request) == Done()
    assert [key for key, _time, _sent in shop.api.calls] == ["key-1", "key-2"]


def test_the_gate_closes_once_however_many_calls_of_a_batch_meet_the_trouble(shop: Shop) -> None:
    shop.api.script = [error(402)] * 3
    workers = [shop.begin(request) for request in shop.requests(3)]  # they had begun before the first refusal
    for handle, request in zip(workers, shop.requests(3), strict=True):
        assert isinstance(handle(request), Wait)
    assert len(shop.api.calls) == 3
    assert counted("SpendingPauses") == 1


def test_messages_of_one_batch_stop_when_another_of_it_closed_the_gate(shop: Shop) -> None:
    shop.api.script = [error(402)]
    requests = shop.requests(3)
    handle = shop.begin(*requests)
    results = [handle(request) for request in requests]
    assert all(isinstance(result, Wait) and "no_credits" in result.why for result in results)
    assert (len(shop.api.calls), shop.spent()) == (1, 0)


def test_a_picture_on_its_way_to_its_slot_stops_when_another_closes_the_gate(shop: Shop) -> None:
    first, second = shop.requests(2)
    handle = shop.begin(first, second)
    shop.records.pace.hold(KEY.fingerprint, until=shop.now + 1)
    sleep, shop.api.script = shop._sleep, [error(402)]

    def another_closes(seconds: float) -> None:
        object.__setattr__(shop.accounts, "sleep", sleep)
        handle(first)

    object.__setattr__(shop.accounts, "sleep", another_closes)
    assert isinstance(handle(second), Wait)
    assert (len(shop.api.calls), shop.payment(second).attempts, shop.spent()) == (1, 0, 0)


# A poison picture is its own fault, from the second time on.


@pytest.mark.parametrize(
    "reply", [OUT_OF_BALANCE, error(403, b'{"error":{"message":"blocked"}}'), error(415), NO_CHANNELS]
)
def test_one_poison_picture_among_good_ones_closes_the_gate_at_most_once(shop: Shop, reply: Reply) -> None:
    shop.api.always = {photos(1)[0]: reply}
    poison, *others = shop.requests(40)
    closings = 0
    for other in others:
        shop.handle(poison)
        if shop.gate.is_closed:
            closings += 1
            shop.now = shop.gate.until
        assert shop.handle(other) == Done()
        shop.records.gate.opened()
        shop.now += 1_000
        if any(isinstance(outcome, Ended) for outcome in shop.outcomes()):
            break
    assert closings <= 1
    assert (shop.last_end().kind, shop.last_end().attempts) == ("failed", BLAME.max_attempts)


@pytest.mark.parametrize("reply", [error(500), error(402), OUT_OF_BALANCE, NOT_CONNECTED])
def test_a_lone_picture_waits_for_a_day_and_then_fails_after_its_probes(shop: Shop, reply: Scripted) -> None:
    """Nothing tells whether it is its fault. Once it kept the gate closed for 14 days, then SQS deleted it."""
    shop.api.always = {photos(1)[0]: reply}
    (request,) = shop.requests(1)
    probes = 0
    while not shop.outcomes():
        assert shop.now < NOW + LONE_PICTURE_SECONDS + 2 * LONGEST_PAUSE_SECONDS
        result = shop.handle(request)
        shop.now = max(shop.gate.until, shop.now + (result.seconds if isinstance(result, Wait) else 0))
        probes += shop.gate.is_closed
    assert shop.now >= NOW + LONE_PICTURE_SECONDS
    assert (shop.last_end().kind, shop.payment(request).state(shop.now)) == ("failed", "failed")
    assert probes >= BLAME.max_attempts


def test_two_pictures_that_wait_for_the_account_go_on_waiting(shop: Shop) -> None:
    """They tell that it is not one of them: no picture fails for an account without credits."""
    shop.api.always = dict.fromkeys(photos(2), error(402))
    first, second = shop.requests(2)
    while shop.now < NOW + FEW_PICTURES_SECONDS - 2 * LONGEST_PAUSE_SECONDS:
        shop.handle(first)
        shop.now = max(shop.now + 60, shop.gate.until)
        shop.handle(second)
        shop.now = max(shop.now + 60, shop.gate.until)
    assert shop.outcomes() == []


# The API is down.


def test_an_api_that_keeps_failing_closes_the_gate_whichever_pictures_it_failed(shop: Shop) -> None:
    shop.api.script = [error(500)] * BLAME.pause_after_failures
    requests = shop.requests(BLAME.pause_after_failures)
    for request in requests:
        assert not shop.gate.is_closed
        assert isinstance(shop.handle(request), Wait)
    assert (shop.gate.code, shop.spent()) == ("api_failing", 0)
    assert [shop.payment(request).attempts for request in requests] == [1, 1, 1, 1, 0]
    assert "The API keeps failing" in shop.gate.reason


def test_workers_share_what_they_know_of_the_api(shop: Shop) -> None:
    for number, request in enumerate(shop.requests(BLAME.pause_after_failures)):
        worker = Shop(shop.records, now=shop.now + number)
        worker.api.script = [error(500)]
        worker.handle(request)
    assert shop.gate.code == "api_failing"


def test_the_same_picture_again_and_again_is_no_evidence_against_the_api(shop: Shop) -> None:
    worker = Shop(shop.records, max_attempts=20)
    worker.api.always = {photos(1)[0]: error(500)}
    (request,) = worker.requests(1)
    for _attempt in range(BLAME.pause_after_failures + 5):
        worker.handle(request)
    assert not worker.gate.is_closed


@pytest.mark.parametrize("reply", [OUT_OF_BALANCE, NO_CHANNELS, NOT_CONNECTED])
def test_failures_that_point_at_the_account_are_believed_at_the_third_picture(shop: Shop, reply: Scripted) -> None:
    shop.api.script = [reply] * 3
    for request in shop.requests(3):
        assert not shop.gate.is_closed
        assert isinstance(shop.handle(request), Wait)
    assert shop.gate.code in ("out_of_balance", "no_channel", "not_connected")


@pytest.mark.parametrize(("good", "clears"), [(None, True), (FILTERED, True), (BAD_FORM, False), (error(429), False)])
def test_only_a_call_that_went_well_clears_the_trouble(shop: Shop, good: Reply | None, clears: bool) -> None:
    *few, between, last = shop.requests(BLAME.pause_after_failures + 1)
    shop.api.script = [error(500)] * len(few)
    for request in few:
        shop.handle(request)
    shop.api.script = [good] if good else []
    shop.handle(between)
    shop.now += 60
    shop.api.script = [error(500)]
    shop.handle(last)
    assert shop.gate.is_closed is not clears


def test_nothing_is_written_of_health_while_all_goes_well(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop.records.health, "went_well", None)  # to call it would be an error
    assert [shop.handle(request) for request in shop.requests(5)] == [Done()] * 5


def test_pictures_possibly_paid_too_often_fail_also_while_the_api_is_down(shop: Shop) -> None:
    shop.api.script = [BROKEN_OFF] * 2
    request = shop.request()
    assert isinstance(shop.handle(request), Wait)
    assert shop.handle(request) == Done()
    assert (shop.last_end().kind, shop.spent()) == ("failed", 4)


def test_a_brown_out_closes_the_gate_after_so_many_possibly_paid_calls_of_an_hour(shop: Shop) -> None:
    """60 % break off and the others go well: once 376 of 597 calls were paid in vain, with the gate open."""
    requests = shop.requests(60)
    shop.api.always = {photo: BROKEN_OFF for number, photo in enumerate(photos(60)) if number % 5 < 3}
    for request in requests:
        shop.handle(request)
        shop.now += 1
        if shop.gate.is_closed:
            break
    in_vain = sum(sent in shop.api.always for _key, _time, sent in shop.api.calls)
    assert (shop.gate.code, in_vain) == ("paid_in_vain", BLAME.pause_after_possibly_paid)


def test_after_a_pause_everything_is_counted_afresh(shop: Shop) -> None:
    requests = shop.requests(2 * BLAME.pause_after_possibly_paid)
    shop.api.script = [BROKEN_OFF, error(500)] * (BLAME.pause_after_failures // 2) + [BROKEN_OFF]
    for request in requests[: BLAME.pause_after_failures]:
        shop.handle(request)
    assert shop.gate.is_closed
    shop.now = shop.gate.until
    assert shop.handle(requests[-1]) == Done()
    shop.records.gate.opened()
    other = Shop(shop.records, now=shop.now)
    other.api.script = [BROKEN_OFF] * (BLAME.pause_after_failures - 1)
    for request in requests[10 : 10 + BLAME.pause_after_failures - 1]:
        other.handle(request)
    assert not other.gate.is_closed


def test_filtered_answers_are_charged_and_count_for_the_hour_as_well(shop: Shop) -> None:
    """An API that filters every picture takes a credit for each: once nothing bounded that."""
    shop.api.script = [FILTERED] * 100
    for request in shop.requests(100):
        shop.handle(request)
    assert (shop.gate.code, len(shop.api.calls)) == ("paid_in_vain", BLAME.pause_after_possibly_paid)
    shop.now = shop.gate.until
    shop.handle(shop.requests(101)[-1])
    assert shop.gate.is_closed


def test_calls_whose_workers_died_count_for_the_hour_as_well(shop: Shop) -> None:
    for request in shop.requests(20):
        shop.records.payments.claim(
            request.payment_key, holder="dead", now=shop.now - 300, lease_until=shop.now - 1, expires_at=shop.now + 1e6
        )
        shop.handle(request)
    assert (shop.gate.code, len(shop.api.calls)) == ("paid_in_vain", BLAME.pause_after_possibly_paid - 1)


def test_what_an_hour_cost_in_vain_outlives_a_pause(shop: Shop) -> None:
    requests = shop.requests(40)
    shop.api.always = {photo: BROKEN_OFF for number, photo in enumerate(photos(40)) if number % 2}
    for request in requests:
        shop.handle(request)
        if shop.gate.is_closed:
            shop.now = shop.gate.until
            shop.handle(requests[0])
            shop.records.gate.opened()
    in_vain = sum(sent in shop.api.always for _key, _time, sent in shop.api.calls)
    pauses = counted("SpendingPauses")
    assert in_vain <= BLAME.pause_after_possibly_paid + pauses


def test_an_empty_account_closes_the_gate_whatever_its_pictures_met_before(shop: Shop) -> None:
    requests = shop.requests(11)
    for request in requests[:10]:
        record = shop.payment(request)
        shop.records.payments.records[request.payment_key] = replace(record, trouble_since=NOW - 60, exists=True)
    handle = shop.begin(*requests)
    shop.api.script = [error(402)] * 11
    results = [handle(request) for request in requests]
    assert all(isinstance(result, Wait) for result in results)
    assert (shop.gate.code, len(shop.api.calls)) == ("no_credits", 3)


def test_a_probe_with_another_wrong_key_is_no_attempt_of_the_picture(probing: Shop) -> None:
    request = probing.request()
    for number in range(2 * BLAME.max_attempts):
        probing.secrets.text = f"wrong-{number}"
        probing.api.script = [error(401)]
        assert isinstance(probing.handle(request), Wait)
        probing.now = probing.gate.until
    assert (probing.payment(request).attempts, probing.outcomes()) == (0, [])


# The API refuses everything.


def test_an_api_that_refuses_one_picture_after_the_other_closes_the_gate(shop: Shop) -> None:
    """Once 200 of 200 were rejected for good."""
    shop.api.script = [BAD_FORM] * 200
    requests = shop.requests(200)
    for request in requests:
        shop.handle(request)
    ends = shop.outcomes()
    assert len(ends) == BLAME.pause_after_failures - 1
    assert (shop.gate.code, len(shop.api.calls)) == ("refuses_everything", BLAME.pause_after_failures)
    shop.api.script, shop.now = [], shop.gate.until
    assert shop.handle(requests[-1]) == Done()
    assert shop.gate.is_opening
    shop.now += 1
    again = shop.request("0.jpg", photo=photos(1)[0])  # a redrive starts from the photo
    assert shop.handle(again, redriven=True) == Done()
    assert isinstance(shop.outcomes()[-1], PaidAnswer)


def test_bad_pictures_between_good_ones_are_rejected_each_for_itself(shop: Shop) -> None:
    requests = shop.requests(20)
    for number, request in enumerate(requests):
        shop.api.script = [BAD_FORM] if number % 2 else []
        assert shop.handle(request) == Done()
    assert sum(isinstance(outcome, Ended) for outcome in shop.outcomes()) == 10
    assert not shop.gate.is_closed


# Lock-outs.


@pytest.mark.parametrize(
    ("reply", "seconds"), [(error(429), 60), (error(429, retry_after="7"), 7), (error(429, retry_after="0"), 0)]
)
def test_a_lock_out_holds_everyone_and_is_nobodys_attempt(shop: Shop, reply: Reply, seconds: float) -> None:
    shop.api.script = [reply]
    first, other = shop.requests(2)
    result = shop.handle(first)
    assert isinstance(result, Wait)
    assert result.seconds == (seconds + 0.5 if seconds else 0)
    assert (shop.payment(first).attempts, shop.spent(), shop.gate.is_closed) == (0, 0, False)
    if seconds:
        held = shop.handle(other)
        assert isinstance(held, Wait)
        assert held.seconds == pytest.approx(seconds + 0.5)
        assert len(shop.api.calls) == 1


def test_a_lock_out_holds_the_others_of_its_batch_as_well(shop: Shop) -> None:
    shop.api.script = [error(429)]
    requests = shop.requests(3)
    handle = shop.begin(*requests)
    results = [handle(request) for request in requests]
    assert all(isinstance(result, Wait) and "locked this key out" in result.why for result in results)
    assert (len(shop.api.calls), shop.spent()) == (1, 0)


def test_the_third_lock_out_in_a_row_closes_the_gate(shop: Shop) -> None:
    """Once 429 for ever used up the queue's 1,000 receives in 17 hours, and SQS dead-lettered all without an event."""
    shop.api.script = [error(429)] * 3
    (request,) = shop.requests(1)
    for number in range(3):
        assert shop.gate.is_closed is False, number
        result = shop.handle(request)
        assert isinstance(result, Wait)
        shop.now += result.seconds
    assert shop.gate.code == "locked_out"


def test_ten_answers_to_one_lock_out_are_one(shop: Shop) -> None:
    workers = [(Shop(shop.records, now=shop.now), request) for request in shop.requests(10)]
    begun = [(worker, worker.begin(request), request) for worker, request in workers]
    for worker, _handle, _request in begun:
        worker.api.script = [error(429)]
    for worker, handle, request in begun:
        shop.records.pace.next_free.clear()
        worker.now = NOW
        handle(request)
    assert (shop.health.lockouts, shop.gate.is_closed) == (1, False)


def test_a_long_lock_out_closes_the_gate_at_once_until_it_is_over(shop: Shop) -> None:
    shop.api.script = [error(429, retry_after="86400")]
    shop.handle(shop.request())
    assert (shop.gate.code, shop.gate.until) == ("locked_out", NOW + 3600)  # more is not believed


# The budget.


def test_a_reached_budget_pauses_and_the_next_day_goes_on() -> None:
    shop = Shop(daily_credit_limit=3)
    first, other = shop.requests(2)
    assert shop.handle(first) == Done()
    shop.now += 5
    assert isinstance(shop.handle(other), Wait)
    assert (shop.gate.code, shop.payment(other).attempts, shop.spent()) == ("daily_credit_limit", 0, 2)
    shop.now = MIDNIGHT
    assert shop.handle(other) == Done()
    assert (shop.spent(MIDNIGHT), shop.gate.is_opening) == (2, True)


def test_while_the_budget_is_reached_probes_call_nobody_and_midnight_is_not_missed() -> None:
    shop = Shop(daily_credit_limit=1, now=MIDNIGHT - 3_700)
    request, untils = shop.request(), []
    while shop.now < MIDNIGHT:
        assert isinstance(shop.handle(request), Wait)
        untils.append(shop.gate.until)
        shop.now = shop.gate.until
    assert shop.now == MIDNIGHT
    assert len(untils) <= 9
    assert (shop.api.calls, shop.spent()) == ([], 0)


def test_credits_of_yesterday_buy_nothing_today() -> None:
    """The slot lies beyond midnight: the credits go back to the day they are of, and the picture asks again."""
    shop = Shop(daily_credit_limit=2, now=MIDNIGHT - 0.01)
    shop.records.pace.hold(KEY.fingerprint, until=MIDNIGHT + 1)
    request = shop.request()
    assert isinstance(shop.handle(request), Wait)
    assert (shop.api.calls, shop.spent()) == ([], 0)
    assert shop.handle(request) == Done()


def test_credits_are_taken_before_the_call(shop: Shop) -> None:
    during: list[float] = []
    shop.api.meanwhile = lambda: during.append(shop.spent())
    shop.handle(shop.request())
    assert during == [2]


# Behind a closed gate.


def test_behind_a_closed_gate_nothing_is_called_or_claimed(shop: Shop) -> None:
    shop.close_gate()
    request = shop.request()
    result = shop.handle(request)
    assert isinstance(result, Wait)
    assert "no_credits" in result.why
    assert (shop.api.calls, shop.payment(request).exists) == ([], False)


def test_a_gate_that_begins_to_open_lets_everybody_through(shop: Shop) -> None:
    shop.close_gate()
    shop.records.gate.record = replace(shop.gate, is_closed=False, is_opening=True)
    assert shop.handle(shop.request()) == Done()
    assert shop.gate.is_opening


# Probes.


def test_after_the_pause_one_picture_is_tried_and_begins_to_open_the_gate(probing: Shop) -> None:
    requests = probing.requests(2)
    handle = probing.begin(*requests)
    probing.api.meanwhile = lambda: waits.append(handle(requests[1])) if not waits else None
    waits: list[object] = []
    assert handle(requests[0]) == Done()
    assert isinstance(waits[0], Wait)
    assert "tried first" in waits[0].why
    assert (probing.payment(requests[1]).attempts, probing.gate.is_opening) == (0, True)
    assert handle(requests[1]) == Done()


def test_of_many_workers_after_the_pause_one_makes_one_call(probing: Shop) -> None:
    probing.api.script = [error(402)] * 5
    requests = probing.requests(5)
    workers = [probing.begin(request) for request in requests]
    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(lambda one: one[0](one[1]), zip(workers, requests, strict=True)))
    assert all(isinstance(result, Wait) for result in results)
    assert len(probing.api.calls) == 1


def test_a_probe_that_made_no_call_is_given_back(shop: Shop) -> None:
    """Once each of 200 reusable messages held the gate shut for a minute."""
    paid = shop.requests(1)[0]
    shop.handle(paid)
    shop.close_gate()
    shop.now += PAUSE
    assert shop.handle(paid) == Done()
    assert shop.gate.state(shop.now) == "due"
    assert len(shop.api.calls) == 1


def test_a_probe_that_finds_all_slots_taken_is_given_back(probing: Shop) -> None:
    probing.records.pace.hold(KEY.fingerprint, until=probing.now + 100)
    assert isinstance(probing.handle(probing.request()), Wait)
    assert probing.gate.state(probing.now) == "due"


def test_a_probe_whose_worker_died_does_not_block_the_next_one(probing: Shop) -> None:
    probing.records.gate.begin_probe("dead", now=probing.now, ends=probing.now + 200)
    assert isinstance(probing.handle(probing.request()), Wait)
    probing.now += 201
    assert probing.handle(probing.request()) == Done()
    assert probing.gate.is_opening


def test_a_probe_proves_that_answers_can_be_stored_before_it_calls(probing: Shop) -> None:
    probing.objects.broken = ConnectionError("denied")
    assert isinstance(probing.handle(probing.request()), Wait)
    assert (probing.api.calls, probing.gate.code, probing.spent()) == ([], "answer_not_stored", 0)


def test_a_probe_reads_the_secret_afresh(probing: Shop) -> None:
    probing.accounts.keys.current()
    probing.secrets.text = "key-2"
    assert probing.handle(probing.request()) == Done()
    assert [key for key, _time, _sent in probing.api.calls] == ["key-2"]


def test_a_probe_whose_picture_is_moderated_opens_the_gate_as_well(probing: Shop) -> None:
    probing.api.script = [error(403, b'{"name":"content_moderation","errors":["no"]}')]
    assert probing.handle(probing.request()) == Done()
    assert probing.gate.is_opening


def test_a_probe_whose_form_is_refused_proves_nothing(probing: Shop) -> None:
    """The API looks at a form before it looks at the key: it says 400 to a revoked one as well."""
    probing.api.script = [BAD_FORM]
    assert probing.handle(probing.request()) == Done()
    assert (probing.gate.is_closed, probing.gate.until) == (True, probing.now + RULES.pause_seconds)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (error(402), "no_credits"),
        (error(401), "key_refused"),
        (error(500), "api_failing"),
        (error(429), "locked_out"),
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
    first, second = probing.requests(2)
    assert isinstance(probing.handle(first), Wait)
    assert probing.payment(first).attempts == 0
    least = 60.0 if code == "locked_out" else 2 * RULES.pause_seconds - EARLY_SECONDS
    assert (probing.gate.code, probing.gate.until, probing.gate.probes_failed) == (code, probing.now + least, 1)
    probing.now = probing.gate.until - 1
    probing.handle(second)
    assert len(probing.api.calls) == 1
    assert counted("SpendingPauses") == 0


def test_a_call_begun_before_the_gate_closed_and_going_well_does_not_open_it(shop: Shop) -> None:
    shop.api.meanwhile = shop.close_gate
    assert shop.handle(shop.request()) == Done()
    assert shop.gate.is_closed


# The pace.


def test_calls_of_a_batch_are_made_in_their_slots(shop: Shop) -> None:
    requests = shop.requests(3)
    handle = shop.begin(*requests)
    for request in requests:
        handle(request)
    times = [time - NOW for _key, time, _sent in shop.api.calls]
    assert times == pytest.approx([0, AHEAD_SECONDS + INTERVAL_SECONDS, AHEAD_SECONDS + 2 * INTERVAL_SECONDS])


def test_a_slot_that_was_overslept_is_replaced_by_another(shop: Shop) -> None:
    sleep, oversleeps = shop._sleep, [10.0]
    object.__setattr__(shop.accounts, "sleep", lambda seconds: sleep(seconds + (oversleeps.pop() if oversleeps else 0)))
    assert shop.handle(shop.request()) == Done()
    ((_key, time, _sent),) = shop.api.calls
    assert time == pytest.approx(NOW + 10)


def test_a_pace_that_is_booked_out_for_a_moment_is_waited_for_once(shop: Shop) -> None:
    shop.records.pace.hold(KEY.fingerprint, until=NOW + HORIZON_SECONDS + 2)
    assert shop.handle(shop.request()) == Done()
    ((_key, time, _sent),) = shop.api.calls
    assert time - NOW == pytest.approx(HORIZON_SECONDS + 2)


def test_a_pace_that_is_booked_out_for_long_sends_the_picture_away_for_just_as_long(shop: Shop) -> None:
    shop.records.pace.hold(KEY.fingerprint, until=NOW + 20)
    first, second = shop.requests(2)
    handle = shop.begin(first, second)
    result = handle(first)
    assert isinstance(result, Wait)
    assert result.seconds == pytest.approx(20.5)
    assert (shop.api.calls, shop.payment(first).attempts, shop.spent()) == ([], 0, 0)
    assert isinstance(handle(second), Wait)
    assert not shop.payment(second).exists  # the batch knows, and asks nobody


def test_a_call_is_not_begun_that_might_outlast_the_invocation(shop: Shop) -> None:
    request = shop.request()
    handle = shop.begin(request, ends_at=shop.now + RULES.call_needs_seconds - 1)
    assert isinstance(handle(request), Wait)
    assert (shop.api.calls, shop.payment(request).attempts, shop.spent()) == ([], 0, 0)


def test_a_key_put_in_meanwhile_is_used_at_its_own_pace(shop: Shop) -> None:
    first, second = shop.requests(2)
    handle = shop.begin(first, second)
    shop.secrets.text = "key-2"
    other = ApiKey("key-2").fingerprint
    shop.records.pace.hold(other, until=NOW + 2)
    shop.api.script = [error(401)]
    assert isinstance(handle(first), Wait)
    assert handle(second) == Done()
    key, time, _sent = shop.api.calls[1]
    assert (key, time - NOW) == ("key-2", pytest.approx(2))


# Errors in between.


def broken(*_arguments: object, **_more: object) -> None:
    raise ConnectionError("it cannot be reached")


@pytest.mark.parametrize("what", ["end_probe", "give_probe_back"])
def test_a_pause_that_could_not_be_carried_out_is_no_attempt_and_costs_nothing(
    probing: Shop, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    request = probing.request()
    if what == "end_probe":
        probing.api.script = [error(402)]
    else:
        probing.records.pace.hold(KEY.fingerprint, until=probing.now + 100)
    with monkeypatch.context() as patched, pytest.raises(ConnectionError):
        patched.setattr(probing.records.gate, what, broken)
        probing.handle(request)
    payment = probing.payment(request)
    assert (payment.attempts, payment.possibly_paid, probing.spent()) == (0, 0, 0)
    assert payment.state(probing.now) == "free"


def test_credits_whose_return_broke_off_are_not_given_back_twice(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    give_back = shop.records.budget.give_back

    def done_but_not_heard(fingerprint: str, credits: float, *, taken_at: float) -> None:
        give_back(fingerprint, credits, taken_at=taken_at)
        broken()

    shop.api.script = [error(402)]
    with monkeypatch.context() as patched:
        patched.setattr(shop.records.budget, "give_back", done_but_not_heard)
        assert isinstance(shop.handle(shop.request()), Wait)
    assert (shop.spent(), shop.gate.code) == (0, "no_credits")
