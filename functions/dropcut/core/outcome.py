"""The API's answer, and what we make of it: one pure decision, readable as a table.

| what came back                                         | what we do                                        |
|--------------------------------------------------------|---------------------------------------------------|
| 200 with the picture asked for                         | `Delivered`                                       |
| 200, `CONTENT_FILTERED` or another finish reason       | `Rejected`: the picture, for good, possibly paid  |
| 200 with anything else                                 | `RetryLater`, possibly paid                       |
| 400, 413, 422, 403 `content_moderation`                | `Rejected`                                        |
| 400 `failed to get response`, 408, 502, 504, 520, 524  | `RetryLater`, possibly paid                       |
| 401, 402, other 403, 404, 405, redirects               | `Pause`: the account or the address, not a picture|
| 429                                                    | `LockedOut`: everyone waits, nobody's attempt     |
| 500 without a body, 503 `no channels available`        | `RetryLater`; `Pause` when it stays so            |
| 500 and other 5xx                                      | `RetryLater`                                      |
| no connection                                          | `RetryLater`                                      |
| connection broke or timed out after it was made        | `RetryLater`, possibly paid                       |

Nothing here knows about AWS or HTTP libraries; adapters bring replies in and carry decisions out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dropcut.core.api_reply import ApiError, UnusableAnswerError, read_answer, read_error, request_id_in

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
class Expected:
    """What the answer's picture has to be."""

    width: int
    height: int
    format: str


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """Paid, and checked: the picture asked for, whole, with an alpha channel."""

    picture: bytes
    request_id: str | None


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """The API will never take this picture."""

    code: str
    reason: str
    possibly_paid: bool = False
    """Only where the refusal stands in an answer of 200: refusals with an error's status are free."""
    account_is_well: bool = False
    """Whether it proves that key and credits are: the API looks at a form and at sizes before it looks at those."""
    request_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class RetryLater:
    """This attempt failed; another may not."""

    code: str
    reason: str
    possibly_paid: bool
    """The API may have done the work and charged for it."""
    then_pause: bool = False
    """When it stays so, this is the account's problem rather than the picture's."""
    request_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class LockedOut:
    """Too many requests in the window: no call of this key is answered until the lock-out ends."""

    seconds: float | None
    """As the API said (`Retry-After`), if it said so."""
    request_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Something is wrong with the account, the key or the address: no picture can be paid for until it is mended."""

    code: str
    reason: str
    """What is wrong and what to do about it."""
    request_id: str | None = None


Decision = Delivered | Rejected | RetryLater | LockedOut | Pause


def classify(reply: Reply | NoReply, expected: Expected) -> Decision:
    """Decide what an answer means for the picture that was sent."""
    if isinstance(reply, NoReply):
        return _no_reply(reply)
    if reply.status == 200:
        return _success(reply, expected)
    return _refusal(reply.status, reply.headers, read_error(reply.body, reply.headers))


def may_be_charged(decision: Decision) -> bool:
    """Whether the call may have cost credits: surely when it delivered, and when nobody can say that it did not."""
    match decision:
        case Delivered():
            return True
        case Rejected(possibly_paid=possibly_paid) | RetryLater(possibly_paid=possibly_paid):
            return possibly_paid
        case LockedOut() | Pause():
            return False


def _no_reply(reply: NoReply) -> Decision:
    if not reply.was_connected:
        return RetryLater(
            code="not_connected",
            reason=_ended(f"The API could not be reached: {reply.detail}"),
            possibly_paid=False,
            then_pause=True,
        )
    if not reply.request_was_sent:
        return RetryLater(
            code="not_taken",
            reason=_ended(f"The API did not take the whole picture: {reply.detail}"),
            possibly_paid=False,
        )
    return RetryLater(
        code="broken_off",
        reason=_ended(f"The call was sent but its answer never came whole: {reply.detail}"),
        possibly_paid=True,
    )


def _success(reply: Reply, expected: Expected) -> Decision:
    try:
        answer = read_answer(reply.body, reply.headers)
        if answer.finish_reason not in (None, "SUCCESS"):
            return Rejected(
                code="content_filtered",
                reason=f"The API filtered this picture's result ({answer.finish_reason}). Try another picture.",
                possibly_paid=True,
                account_is_well=True,
                request_id=answer.request_id,
            )
        answer.verify(width=expected.width, height=expected.height, picture_format=expected.format)
    except UnusableAnswerError as error:
        return RetryLater(
            code="unusable_answer",
            reason=f"The API answered 200, but {error}",
            possibly_paid=True,
            request_id=request_id_in(reply.headers),
        )
    return Delivered(picture=answer.picture, request_id=answer.request_id)


def _refusal(status: int, headers: Mapping[str, str], error: ApiError) -> Decision:  # noqa: PLR0911 - one row, one return
    said, request_id = _ended(error.sentence(status)), error.request_id
    match status:
        case 400 if error.message == "failed to get response":
            reason = f"The gateway lost its connection to the maker ({said[:-1]})."
            return RetryLater(code="upstream_broke_off", reason=reason, possibly_paid=True, request_id=request_id)
        case 400 | 413 | 422:
            return Rejected(
                code=error.name or f"http_{status}",
                reason=f"The API refused the picture: {said}",
                request_id=request_id,
            )
        case 403 if error.name == "content_moderation":
            reason = f"The API's content moderation refused the picture: {said}"
            return Rejected(code="content_moderation", reason=reason, account_is_well=True, request_id=request_id)
        case 429:
            return LockedOut(seconds=_retry_after(headers), request_id=request_id)
        case 408 | 502 | 504 | 520 | 524:
            reason = f"The API's edge got no answer it could pass on ({said[:-1]}); the work may have been done."
            return RetryLater(code=f"http_{status}", reason=reason, possibly_paid=True, request_id=request_id)
        case 500 if not error.message:
            reason = (
                "The gateway answered HTTP 500 without a word, as it does when the account's balance is used up: "
                "look at the balance, and top it up."
            )
            return RetryLater(
                code="out_of_balance", reason=reason, possibly_paid=False, then_pause=True, request_id=request_id
            )
        case 503 if "no channels" in error.message.lower():
            reason = f"The gateway has no channel to this model for the account: {said} Ask the provider."
            return RetryLater(
                code="no_channel", reason=reason, possibly_paid=False, then_pause=True, request_id=request_id
            )
        case _ if status >= 500:
            reason = f"The API failed: {said}"
            return RetryLater(code=f"http_{status}", reason=reason, possibly_paid=False, request_id=request_id)
    code, advice = _PAUSES.get(
        status, ("unexpected_answer", "Check `api_base_url` and `provider`, and the provider's status.")
    )
    return Pause(code=code, reason=f"{said} {advice}", request_id=request_id)


def _ended(sentence: str) -> str:
    """With a full stop: the API's own words mostly have none, and more sentences may follow."""
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


_PAUSES = {
    401: ("key_refused", "The API key is wrong, expired or used up: put a valid key into the secret."),
    402: ("no_credits", "The account has no credits left: buy credits."),
    403: ("account_barred", "The account may not use this API: ask the provider."),
    404: ("route_gone", "The API is not at this address: check `api_base_url` and `provider`."),
    405: ("route_gone", "The API is not at this address: check `api_base_url` and `provider`."),
    301: ("route_gone", "The address redirects elsewhere: set `api_base_url` to the API itself."),
    302: ("route_gone", "The address redirects elsewhere: set `api_base_url` to the API itself."),
    303: ("route_gone", "The address redirects elsewhere: set `api_base_url` to the API itself."),
    307: ("route_gone", "The address redirects elsewhere: set `api_base_url` to the API itself."),
    308: ("route_gone", "The address redirects elsewhere: set `api_base_url` to the API itself."),
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
