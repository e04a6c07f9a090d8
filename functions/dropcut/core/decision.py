"""The API's answer, and what we make of it: one pure decision, readable as a table.

| what came back                                         | what it is                                          |
|--------------------------------------------------------|-----------------------------------------------------|
| 200 with the picture asked for                         | `GavePicture`; an odd finish reason becomes a note  |
| 200 with `CONTENT_FILTERED`                            | `Refused`, possibly paid                            |
| 200 with anything else; other 2xx                      | `Failure`, possibly paid                            |
| 400, 413, 422                                          | `Refused`, which proves nothing about the account   |
| 403 `content_moderation`                               | `Refused`                                           |
| 400 `failed to get response`, 408, 502, 504, 520, 524  | `Failure`, possibly paid                            |
| 401, 402, other 403, 404, 405, redirects, all else     | `AccountProblem`: account or address, not a picture |
| 429                                                    | `LockedOut`                                         |
| 500 without a body, 503 `no channels available`        | `Failure` that may be the account's                 |
| 500 and other 5xx                                      | `Failure`                                           |
| no connection                                          | `Failure` that may be the account's                 |
| connection broke or timed out after it was made        | `Failure`, possibly paid                            |

Whose fault it is, the picture's or everybody's, is decided with more evidence than one answer (`core/blame.py`).
Nothing here knows about AWS or HTTP libraries; adapters bring replies in and carry decisions out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dropcut.core.api_reply import (
    LONGEST_MESSAGE,
    ApiError,
    UnusableAnswerError,
    as_said,
    read_answer,
    read_error,
    request_id_in,
)
from dropcut.core.operation import Expected

LONGEST_LOCKOUT_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP answer of the API, complete."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, kw_only=True)
class NoReply:
    """The call ended without a complete answer."""

    request_was_sent: bool
    """False only when it is certain that the API never got the whole request: then nothing was charged."""
    was_connected: bool = True
    """False only when it is certain that nothing at all came through, which is never the picture's fault."""
    detail: str


@dataclass(frozen=True, kw_only=True)
class GavePicture:
    """The picture that was asked for."""

    picture: bytes
    request_id: str | None
    note: str = ""
    """A sentence for people, when the answer calls its picture something odd."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The API does not take this picture."""

    code: str
    reason: str
    possibly_paid: bool = False
    """Only where the refusal stands in an answer of 200: refusals with an error's status are free."""
    proves_account: bool = False
    """Whether key and credits are good: the API looks at a form and at sizes before it looks at those."""
    request_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """This call failed; another may not."""

    code: str
    reason: str
    possibly_paid: bool
    """The API may have done the work and charged for it."""
    suspects_account: bool = False
    """When it stays so, the account is to blame rather than the API."""
    request_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class LockedOut:
    """Too many requests in the window: no call of this key is answered until the lock-out ends."""

    seconds: float | None
    """As the API said (`Retry-After`), if it said so."""
    request_id: str | None = None
    code: str = "locked_out"
    reason: str = "The API locked this key out: too many requests. Look for other programs that use the same key."


@dataclass(frozen=True, kw_only=True)
class AccountProblem:
    """Something is wrong with the account, the key or the address: no picture can be paid for until it is put right."""

    code: str
    reason: str
    """What is wrong and what to do about it."""
    request_id: str | None = None


Trouble = Refused | Failure | LockedOut | AccountProblem
Decision = GavePicture | Trouble


def decide(reply: Reply | NoReply, expected: Expected, *, api_key: str = "") -> Decision:
    """What an answer means, taken by itself.

    Args:
        api_key: the API key of the call, which no text of the decision holds.
    """
    if isinstance(reply, NoReply):
        return _no_reply(replace(reply, detail=as_said(reply.detail, api_key, LONGEST_MESSAGE)))
    if reply.status == 200:
        return _success(reply, expected, api_key)
    error = read_error(reply.body, reply.headers, api_key=api_key)
    return replace(_refusal(reply.status, reply.headers, error), request_id=error.request_id)


def possibly_paid(decision: Trouble) -> bool:
    """Whether the call may have been charged, although it gave no picture."""
    return isinstance(decision, Refused | Failure) and decision.possibly_paid


def _no_reply(reply: NoReply) -> Decision:
    if not reply.was_connected:
        reason = _with_full_stop(f"The API could not be reached: {reply.detail}")
        return Failure(code="not_connected", reason=reason, possibly_paid=False, suspects_account=True)
    if not reply.request_was_sent:
        reason = _with_full_stop(f"The API did not take the whole picture: {reply.detail}")
        return Failure(code="not_taken", reason=reason, possibly_paid=False)
    reason = _with_full_stop(f"The call was sent but its answer never came whole: {reply.detail}")
    return Failure(code="broken_off", reason=reason, possibly_paid=True)


def _success(reply: Reply, expected: Expected, api_key: str) -> Decision:
    try:
        answer = read_answer(reply.body, reply.headers, api_key=api_key)
        if answer.finish_reason == "CONTENT_FILTERED":
            return Refused(
                code="content_filtered",
                reason="The API filtered this picture's result (CONTENT_FILTERED). Try another picture.",
                possibly_paid=True,
                proves_account=True,
                request_id=answer.request_id,
            )
        answer.verify(expected)
    except UnusableAnswerError as error:
        return Failure(
            code="unusable_answer",
            reason=f"The API answered 200, but {error}",
            possibly_paid=True,
            request_id=request_id_in(reply.headers, api_key=api_key),
        )
    note = ""
    if answer.finish_reason not in (None, "SUCCESS"):
        called = as_said(answer.finish_reason, api_key, 80)
        note = f"The API called this result '{called}'; the picture itself is as asked for."
    return GavePicture(picture=answer.picture, request_id=answer.request_id, note=note)


def _refusal(status: int, headers: Mapping[str, str], error: ApiError) -> Trouble:  # noqa: PLR0911 - one row, one return
    said = _with_full_stop(error.sentence(status))
    match status:
        case _ if 200 <= status < 300:
            reason = f"The API answered HTTP {status}, which is neither a picture nor a refusal."
            return Failure(code=f"http_{status}", reason=reason, possibly_paid=True)
        case 400 if error.message == "failed to get response":
            reason = f"The gateway lost its connection to the maker ({said[:-1]})."
            return Failure(code="upstream_broke_off", reason=reason, possibly_paid=True)
        case 400 | 413 | 422:
            return Refused(code=error.name or f"http_{status}", reason=f"The API refused the picture: {said}")
        case 403 if error.name == "content_moderation":
            reason = f"The API's content moderation refused the picture: {said}"
            return Refused(code="content_moderation", reason=reason, proves_account=True)
        case 429:
            return LockedOut(seconds=_retry_after(headers))
        case 408 | 502 | 504 | 520 | 524:
            reason = f"The API's edge got no answer it could pass on ({said[:-1]}); the work may have been done."
            return Failure(code=f"http_{status}", reason=reason, possibly_paid=True)
        case 500 if not error.message:
            reason = (
                "The gateway answered HTTP 500 without a word, as it does when the account's balance is used up. "
                "Look at the balance, and top it up."
            )
            return Failure(code="out_of_balance", reason=reason, possibly_paid=False, suspects_account=True)
        case 503 if "no channels" in error.message.lower():
            reason = f"The gateway has no channel to this model for the account: {said} Ask the provider."
            return Failure(code="no_channel", reason=reason, possibly_paid=False, suspects_account=True)
        case _ if status >= 500:
            reason = f"The API failed: {said}"
            return Failure(code=f"http_{status}", reason=reason, possibly_paid=False)
    code, advice = _ACCOUNT_PROBLEMS.get(
        status, ("unexpected_answer", "Check `api_base_url` and `provider`, and the provider's status.")
    )
    return AccountProblem(code=code, reason=f"{said} {advice}")


def _with_full_stop(sentence: str) -> str:
    """The API's own words mostly have none, and more sentences may follow."""
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


_NOT_HERE = ("route_gone", "The API is not at this address: check `api_base_url` and `provider`.")
_ELSEWHERE = ("route_gone", "The address redirects elsewhere: set `api_base_url` to the API itself.")
_ACCOUNT_PROBLEMS = {
    401: ("key_refused", "The API key is wrong, expired or used up: put a valid key into the secret."),
    402: ("no_credits", "The account has no credits left: buy credits."),
    403: ("account_barred", "The account may not use this API: ask the provider."),
    **dict.fromkeys((404, 405), _NOT_HERE),
    **dict.fromkeys((301, 302, 303, 307, 308), _ELSEWHERE),
}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; the header's other form, a date, is not used by rate limiters and read as absent.

    Cut to an hour: a slip of the API must not stop the pace of a key for a year.
    """
    try:
        seconds = float(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return min(max(0.0, seconds), LONGEST_LOCKOUT_SECONDS) if math.isfinite(seconds) else None
