"""Whose fault is it? One decision on one call, judged by what happened to *different* pictures.

| end of a call                | is the picture's own when                  | closes the gate when                    |
|------------------------------|--------------------------------------------|-----------------------------------------|
| filtered, moderated          | always                                     | never                                   |
| 400, 413, 422                | fewer than `pause_after_failures` in a row | so many pictures (`refuses_everything`) |
| 401, 402, 403, 404, 3xx ...  | it did so before, and others went well     | at once otherwise                       |
| 429                          | never                                      | over five minutes, or three in a row    |
| empty 500, not connected ... | it used up its attempts, others went well  | three pictures, or one after all tries  |
| other 5xx, broken off ...    | the same, or it used up possibly paid ones | so many, or one after all tries         |
| an answer not storable       | never                                      | at once (`answer_not_stored`)           |

`pause_after_possibly_paid` calls in an hour close the gate whatever the rest says (`paid_in_vain`).
A lone picture has nothing to be compared with. It fails after `max_attempts` probes, a day after its trouble began.
One of several that wait fails after three days.
"""

from dataclasses import dataclass
from typing import Literal

from dropcut.core.decision import AccountProblem, Failure, LockedOut, Refused, Trouble
from dropcut.core.units import DAY_SECONDS

CLOSING_LOCKOUT_SECONDS = 300.0
LOCKOUTS_IN_A_ROW = 3
ACCOUNT_FAILURES_IN_A_ROW = 3
"""So many different pictures whose failure points at the account are believed: the pause ends by itself."""
LONE_PICTURE_SECONDS = float(DAY_SECONDS)
"""An outage of the API or an empty account is over within a day, mostly: until then a lone picture waits."""
FEW_PICTURES_SECONDS = 3 * LONE_PICTURE_SECONDS
"""Several pictures are better evidence against the account; but each of them may be at fault."""


@dataclass(frozen=True, kw_only=True)
class BlameRules:
    """The settings that bound what one picture, and one hour, may cost in vain."""

    max_attempts: int
    max_possibly_paid: int
    pause_after_failures: int
    pause_after_possibly_paid: int


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known when a call ends, that call included."""

    attempts: int = 1
    """Of this picture."""
    possibly_paid: int = 0
    """Calls for this picture that may have been charged in vain."""
    troubled_before: bool = False
    """Whether this picture met trouble before that looked like the account's."""
    others_went_well: bool = False
    """Whether another picture's call went well since this one's last trouble; true at its first, when nobody knows."""
    troubled: int = 1
    """Different pictures in trouble since the last call that went well."""
    refused: int = 0
    """Different pictures refused since the last call that went well."""
    lockouts: int = 0
    """Lock-outs in a row since the last call that went well."""
    lockout_seconds: float = 0.0
    possibly_paid_this_hour: int = 0
    is_probe: bool = False
    probes: int = 0
    """Calls made for this picture while the gate was closed."""
    trouble_seconds: float = 0.0
    """How long ago this picture's trouble began."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """What all workers of one key know together: who met trouble since the last call that went well."""

    troubled: frozenset[str] = frozenset()
    """Payment keys of the pictures whose calls failed."""
    refused: frozenset[str] = frozenset()
    """Payment keys of the pictures that the API did not take."""
    lockouts: int = 0
    """Lock-outs one after the other."""


Ending = Literal["rejected", "failed", "tries again", "waits"]
"""What becomes of the picture. `tries again` is a counted attempt, `waits` is none."""


@dataclass(frozen=True)
class Verdict:
    ending: Ending
    closes: str = ""
    """The code under which the gate closes, or stays closed; empty when it is left as it is."""


def judge(decision: Trouble, evidence: Evidence, rules: BlameRules) -> Verdict:
    """What becomes of the picture, and whether the gate closes."""
    match decision:
        case Refused():
            in_vain = decision.possibly_paid and evidence.possibly_paid_this_hour >= rules.pause_after_possibly_paid
            return Verdict("rejected", "paid_in_vain") if in_vain else _refusal(evidence, rules)
        case LockedOut():
            stays = evidence.lockout_seconds > CLOSING_LOCKOUT_SECONDS or evidence.lockouts >= LOCKOUTS_IN_A_ROW
            return Verdict("waits", decision.code if stays or evidence.is_probe else "")
        case AccountProblem():
            known = evidence.troubled_before and evidence.others_went_well and not evidence.is_probe
            if known and evidence.troubled < ACCOUNT_FAILURES_IN_A_ROW:
                return Verdict("failed" if evidence.attempts >= rules.max_attempts else "tries again")
            return Verdict("failed" if _tried_for_long(evidence, rules) else "waits", decision.code)
        case Failure():
            return _failure(decision, evidence, rules)


def _refusal(evidence: Evidence, rules: BlameRules) -> Verdict:
    if evidence.refused < rules.pause_after_failures:
        return Verdict("rejected")
    return Verdict("rejected" if _tried_for_long(evidence, rules) else "waits", "refuses_everything")


def _failure(failure: Failure, evidence: Evidence, rules: BlameRules) -> Verdict:
    closes = _closes(failure, evidence, rules)
    if evidence.possibly_paid >= rules.max_possibly_paid and failure.possibly_paid:
        return Verdict("failed", closes)
    used_up = evidence.attempts >= rules.max_attempts
    if used_up and evidence.others_went_well and not evidence.is_probe:
        return Verdict("failed", closes)
    if closes:
        return Verdict("failed" if _tried_for_long(evidence, rules) else "waits", closes)
    return Verdict("tries again")


def _closes(failure: Failure, evidence: Evidence, rules: BlameRules) -> str:
    if evidence.possibly_paid_this_hour >= rules.pause_after_possibly_paid:
        return "paid_in_vain"
    used_up_alone = evidence.attempts >= rules.max_attempts and not evidence.others_went_well
    if failure.suspects_account and (used_up_alone or evidence.troubled >= ACCOUNT_FAILURES_IN_A_ROW):
        return failure.code
    if used_up_alone or evidence.is_probe or evidence.troubled >= rules.pause_after_failures:
        return failure.code if failure.suspects_account else "api_failing"
    return ""


def _tried_for_long(evidence: Evidence, rules: BlameRules) -> bool:
    """No picture's call shows anything: neither that the account is well, nor that it is not."""
    longest = LONE_PICTURE_SECONDS if evidence.troubled == 1 else FEW_PICTURES_SECONDS
    return evidence.probes >= rules.max_attempts and evidence.trouble_seconds >= longest
