"""Whose fault is it: the table in `core/blame.py` row by row, each threshold one below it and at it."""

from dataclasses import replace
from typing import Any

import pytest
from dropcut.core.blame import (
    ACCOUNT_FAILURES_IN_A_ROW,
    CLOSING_LOCKOUT_SECONDS,
    LOCKOUTS_IN_A_ROW,
    LONE_PICTURE_SECONDS,
    BlameRules,
    Evidence,
    Verdict,
    judge,
)
from dropcut.core.decision import AccountProblem, Failure, LockedOut, Refused, Trouble
from hypothesis import given
from hypothesis import strategies as st

RULES = BlameRules(max_attempts=5, max_possibly_paid=3, pause_after_failures=8, pause_after_possibly_paid=20)
"""Each of them another number, so that none is taken for another."""
FILTERED = Refused(code="content_filtered", reason="r", possibly_paid=True, proves_account=True)
MODERATED = Refused(code="content_moderation", reason="r", proves_account=True)
BAD_REQUEST = Refused(code="bad_request", reason="r")
NO_CREDITS = AccountProblem(code="no_credits", reason="r")
LOCKED_OUT = LockedOut(seconds=60)
EMPTY_500 = Failure(code="out_of_balance", reason="r", possibly_paid=False, suspects_account=True)
NOT_CONNECTED = Failure(code="not_connected", reason="r", possibly_paid=False, suspects_account=True)
OTHER_500 = Failure(code="http_500", reason="r", possibly_paid=False)
BROKEN_OFF = Failure(code="broken_off", reason="r", possibly_paid=True)
OUT_OF_TRIES: dict[str, Any] = {"attempts": 5}
AMONG_GOOD_ONES: dict[str, Any] = {"others_went_well": True}
ALONE_FOR_LONG: dict[str, Any] = {
    "is_probe": True,
    "probes": RULES.max_attempts,
    "trouble_seconds": LONE_PICTURE_SECONDS,
    "troubled_before": True,
}


def judged(decision: Trouble, **known: Any) -> Verdict:
    return judge(decision, Evidence(**known), RULES)


def test_the_thresholds_that_are_no_settings() -> None:
    assert (CLOSING_LOCKOUT_SECONDS, LOCKOUTS_IN_A_ROW, ACCOUNT_FAILURES_IN_A_ROW) == (300, 3, 3)
    assert LONE_PICTURE_SECONDS == 86_400


@pytest.mark.parametrize("decision", [FILTERED, MODERATED], ids=["filtered", "moderated"])
@pytest.mark.parametrize(
    "known", [{}, OUT_OF_TRIES, {"possibly_paid": 9, "troubled": 9, "lockouts": 9}, ALONE_FOR_LONG]
)
def test_a_pictures_own_refusal_never_closes_the_gate(decision: Trouble, known: dict[str, Any]) -> None:
    assert judged(decision, **known) == Verdict("rejected")


ROWS: list[tuple[str, Trouble, dict[str, Any], Verdict]] = [
    # 400, 413, 422: the picture's, until so many different pictures meet it.
    ("the first refusal", BAD_REQUEST, {"refused": 1}, Verdict("rejected")),
    ("one refusal too few", BAD_REQUEST, {"refused": 7}, Verdict("rejected")),
    ("as many as pause", BAD_REQUEST, {"refused": 8}, Verdict("waits", "refuses_everything")),
    ("a refused probe", BAD_REQUEST, {"refused": 8, "is_probe": True}, Verdict("waits", "refuses_everything")),
    ("a refused probe, few refused", BAD_REQUEST, {"refused": 1, "is_probe": True}, Verdict("rejected")),
    # 401, 402, other 403, 404, 405, redirects: everybody's at once, the picture's when others show that it is.
    ("met for the first time", NO_CREDITS, {}, Verdict("waits", "no_credits")),
    ("met first, while others go well", NO_CREDITS, AMONG_GOOD_ONES, Verdict("waits", "no_credits")),
    ("met again, none went well", NO_CREDITS, {"troubled_before": True}, Verdict("waits", "no_credits")),
    ("met again out of tries", NO_CREDITS, {"troubled_before": True, "attempts": 9}, Verdict("waits", "no_credits")),
    ("a poison picture", NO_CREDITS, {"troubled_before": True} | AMONG_GOOD_ONES, Verdict("tries again")),
    (
        "a poison picture, one try left",
        NO_CREDITS,
        {"troubled_before": True, "attempts": 4} | AMONG_GOOD_ONES,
        Verdict("tries again"),
    ),
    (
        "a poison picture, out of tries",
        NO_CREDITS,
        {"troubled_before": True, "attempts": 5} | AMONG_GOOD_ONES,
        Verdict("failed"),
    ),
    # 429: never the picture's.
    ("a short lock-out", LOCKED_OUT, {"lockouts": 1, "lockout_seconds": 60.0}, Verdict("waits")),
    ("five minutes", LOCKED_OUT, {"lockouts": 1, "lockout_seconds": 300.0}, Verdict("waits")),
    ("over five minutes", LOCKED_OUT, {"lockouts": 1, "lockout_seconds": 300.1}, Verdict("waits", "locked_out")),
    ("the second in a row", LOCKED_OUT, {"lockouts": 2, "lockout_seconds": 60.0}, Verdict("waits")),
    ("the third in a row", LOCKED_OUT, {"lockouts": 3, "lockout_seconds": 60.0}, Verdict("waits", "locked_out")),
    ("a probe that is locked out", LOCKED_OUT, {"lockouts": 1, "is_probe": True}, Verdict("waits", "locked_out")),
    ("locked out alone for long", LOCKED_OUT, {"lockouts": 9, **ALONE_FOR_LONG}, Verdict("waits", "locked_out")),
    ("locked out, out of tries", LOCKED_OUT, {"lockouts": 1, "attempts": 9} | AMONG_GOOD_ONES, Verdict("waits")),
    # Empty 500, no channel, not connected: three pictures are believed, or one that used up its attempts.
    ("an empty 500", EMPTY_500, {"troubled": 1}, Verdict("tries again")),
    ("the second picture's", EMPTY_500, {"troubled": 2}, Verdict("tries again")),
    ("the third picture's", EMPTY_500, {"troubled": 3}, Verdict("waits", "out_of_balance")),
    ("three not connected", NOT_CONNECTED, {"troubled": 3}, Verdict("waits", "not_connected")),
    ("alone, one try left", EMPTY_500, {"attempts": 4}, Verdict("tries again")),
    ("alone, out of tries", EMPTY_500, {"attempts": 5}, Verdict("waits", "out_of_balance")),
    ("out of tries among good ones", EMPTY_500, OUT_OF_TRIES | AMONG_GOOD_ONES, Verdict("failed")),
    ("one try left among good ones", EMPTY_500, {"attempts": 4} | AMONG_GOOD_ONES, Verdict("tries again")),
    ("a probe's empty 500", EMPTY_500, {"is_probe": True}, Verdict("waits", "out_of_balance")),
    # Other 5xx: so many pictures as the setting says, or one that used up its attempts.
    ("a 500", OTHER_500, {"troubled": 1}, Verdict("tries again")),
    ("a 500, three pictures", OTHER_500, {"troubled": 3}, Verdict("tries again")),
    ("a 500, one picture too few", OTHER_500, {"troubled": 7}, Verdict("tries again")),
    ("a 500, as many as pause", OTHER_500, {"troubled": 8}, Verdict("waits", "api_failing")),
    ("a 500 alone, one try left", OTHER_500, {"attempts": 4}, Verdict("tries again")),
    ("a 500 alone, out of tries", OTHER_500, {"attempts": 5}, Verdict("waits", "api_failing")),
    ("a 500 out of tries among good ones", OTHER_500, OUT_OF_TRIES | AMONG_GOOD_ONES, Verdict("failed")),
    ("a probe's 500", OTHER_500, {"is_probe": True}, Verdict("waits", "api_failing")),
    ("a probe's 500, out of tries", OTHER_500, {"is_probe": True, "attempts": 5}, Verdict("waits", "api_failing")),
    (
        "a probe's 500, out of tries among good ones",
        OTHER_500,
        {"is_probe": True, "attempts": 5} | AMONG_GOOD_ONES,
        Verdict("waits", "api_failing"),
    ),
    # Broken off, unusable, other 2xx: the same, and what may have been charged has ceilings of its own.
    ("broken off", BROKEN_OFF, {"possibly_paid": 1, "possibly_paid_this_hour": 1}, Verdict("tries again")),
    ("broken off, one left", BROKEN_OFF, {"possibly_paid": 2, "possibly_paid_this_hour": 2}, Verdict("tries again")),
    ("broken off too often", BROKEN_OFF, {"possibly_paid": 3, "possibly_paid_this_hour": 3}, Verdict("failed")),
    (
        "a free failure after possibly paid ones",
        OTHER_500,
        {"possibly_paid": 3},
        Verdict("tries again"),
    ),
    ("one of the hour too few", BROKEN_OFF, {"possibly_paid_this_hour": 19}, Verdict("tries again")),
    ("as many of the hour as pause", BROKEN_OFF, {"possibly_paid_this_hour": 20}, Verdict("waits", "paid_in_vain")),
    (
        "the hour's and its own ceiling",
        BROKEN_OFF,
        {"possibly_paid": 3, "possibly_paid_this_hour": 20},
        Verdict("failed", "paid_in_vain"),
    ),
    (
        "the hour's ceiling while others go well",
        BROKEN_OFF,
        {"possibly_paid_this_hour": 20, "attempts": 1} | AMONG_GOOD_ONES,
        Verdict("waits", "paid_in_vain"),
    ),
    (
        "a probe at its own ceiling keeps the gate closed",
        BROKEN_OFF,
        {"possibly_paid": 3, "is_probe": True},
        Verdict("failed", "api_failing"),
    ),
    (
        "a probe that was broken off",
        BROKEN_OFF,
        {"possibly_paid": 1, "is_probe": True},
        Verdict("waits", "api_failing"),
    ),
]


@pytest.mark.parametrize(("decision", "known", "verdict"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_row_of_the_table(decision: Trouble, known: dict[str, Any], verdict: Verdict) -> None:
    assert judged(decision, **known) == verdict


# A lone picture, which nothing can be compared with.

LONE: list[tuple[Trouble, dict[str, Any], str]] = [
    (NO_CREDITS, {}, "no_credits"),
    (EMPTY_500, {}, "out_of_balance"),
    (OTHER_500, {}, "api_failing"),
    (BAD_REQUEST, {"refused": 8}, "refuses_everything"),
]


@pytest.mark.parametrize(("decision", "known", "code"), LONE, ids=[row[2] for row in LONE])
@pytest.mark.parametrize(
    ("changed", "ends"),
    [
        ({}, True),
        ({"probes": RULES.max_attempts - 1}, False),
        ({"trouble_seconds": LONE_PICTURE_SECONDS - 0.1}, False),
        ({"probes": 1_000, "trouble_seconds": 0.0}, False),
    ],
    ids=["at both thresholds", "a probe too few", "a moment too early", "at its first trouble"],
)
def test_a_lone_picture_ends_after_enough_probes_and_a_day(
    decision: Trouble, known: dict[str, Any], code: str, changed: dict[str, Any], ends: bool
) -> None:
    verdict = judged(decision, **ALONE_FOR_LONG | known | changed)
    ending = "rejected" if isinstance(decision, Refused) else "failed"
    assert verdict == Verdict(ending if ends else "waits", code)  # type: ignore[arg-type]


@pytest.mark.parametrize("decision", [NO_CREDITS, EMPTY_500, OTHER_500])
def test_a_picture_in_trouble_beside_another_is_not_alone(decision: Trouble) -> None:
    assert judged(decision, **ALONE_FOR_LONG | {"troubled": 2}).ending == "waits"


# What holds whatever is known.

KNOWN = st.builds(
    Evidence,
    attempts=st.integers(1, 9),
    possibly_paid=st.integers(0, 5),
    troubled_before=st.booleans(),
    others_went_well=st.booleans(),
    troubled=st.integers(1, 12),
    refused=st.integers(0, 12),
    lockouts=st.integers(0, 5),
    lockout_seconds=st.sampled_from([0.0, 60.0, 300.0, 3600.0]),
    possibly_paid_this_hour=st.integers(0, 25),
    is_probe=st.booleans(),
    probes=st.integers(0, 9),
    trouble_seconds=st.sampled_from([0.0, LONE_PICTURE_SECONDS]),
)
DECISIONS = st.sampled_from([BAD_REQUEST, NO_CREDITS, LOCKED_OUT, EMPTY_500, NOT_CONNECTED, OTHER_500, BROKEN_OFF])


@given(DECISIONS, KNOWN)
def test_a_picture_waits_for_nothing_but_a_closed_gate_or_a_lock_out(decision: Trouble, known: Evidence) -> None:
    """Otherwise it would be called again and again without using up an attempt."""
    verdict = judge(decision, known, RULES)
    if verdict.ending == "waits" and decision is not LOCKED_OUT:
        assert verdict.closes


@given(DECISIONS, KNOWN)
def test_an_attempt_more_never_follows_the_last_one(decision: Trouble, known: Evidence) -> None:
    if judge(decision, known, RULES).ending == "tries again":
        assert known.attempts < RULES.max_attempts
        assert known.possibly_paid < RULES.max_possibly_paid or decision is not BROKEN_OFF


@given(st.sampled_from([EMPTY_500, NOT_CONNECTED, OTHER_500, BROKEN_OFF]), KNOWN)
def test_a_failed_probe_always_keeps_the_gate_closed(decision: Trouble, known: Evidence) -> None:
    assert judge(decision, replace(known, is_probe=True), RULES).closes


@given(KNOWN)
def test_the_hours_ceiling_closes_the_gate_whatever_else_is_known(known: Evidence) -> None:
    known = replace(known, possibly_paid_this_hour=RULES.pause_after_possibly_paid)
    assert judge(BROKEN_OFF, known, RULES).closes == "paid_in_vain"
