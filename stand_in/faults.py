"""The fault table: all that can go wrong with a call, as plain data. Tests loop over it, row by row.

A fault that does not charge comes before all checks but the rate limit (and, at the gateway, the key and the balance).
So the picture may be anything. A fault that charges comes in, or instead of, the answer to a call that passed every
check and was paid.

`expected` is the right conclusion of a client that asks as the API wants it (the gateway for JSON, the maker for
bytes). `possibly_paid` says whether such a client has to count the call as one that may have cost credits. For a plain
delivery it is False, because nothing is in doubt there.
"""

from dataclasses import dataclass
from typing import Literal

from stand_in import errors
from stand_in.errors import Error, web_page
from stand_in.profiles import PROFILE_NAMES, ProfileName
from stand_in.replies import Wire

Expected = Literal["delivered", "rejected", "retry", "wait", "pause"]
"""`rejected`: this picture, never again. `retry`: with back-off. `wait`: out the lock-out, no attempt used.
`pause`: the account or the route is wrong; no more calls until a person has acted or a probe succeeds."""

Twist = Literal[
    "none",
    "content_filtered",
    "finish_reason_error",
    "without_seed",
    "without_request_id",
    "wrong_size",
    "without_alpha",
    "garbage",
    "damaged_picture",
    "empty",
    "json_without_image",
    "broken_base64",
    "web_page",
]
"""What is wrong in an answer of status 200."""

BOTH = PROFILE_NAMES
MAKER: tuple[ProfileName, ...] = ("stability",)
GATEWAY: tuple[ProfileName, ...] = ("ezlink",)


@dataclass(frozen=True)
class Fault:
    """One row. `seconds` is its duration where it has one; a switch may say another."""

    name: str
    profiles: tuple[ProfileName, ...]
    expected: Expected
    possibly_paid: bool = False
    charges: bool = False
    error: Error | None = None
    twist: Twist = "none"
    wire: Wire = "whole"
    seconds: float = 0.0
    locks_out: bool = False
    then_pause: bool = False
    """After the last retry it is the account's problem, not the picture's."""


def _refused(name: str, profiles: tuple[ProfileName, ...], error: Error, expected: Expected) -> Fault:
    """An error that costs nothing, and says so."""
    return Fault(name, profiles, expected, error=error)


_TOO_LARGE = errors.BAD_REQUEST.saying(errors.IMAGE_TOO_MANY_PIXELS.format(pixels=12_000_000))
_WITHOUT_ID = Error(400, "maker", "bad_request", _TOO_LARGE.messages, has_id=False)
_ELSEWHERE = Error(302, "html", messages=("Found",), headers=(("Location", "/"),))
_RETRY_AFTER = Error(
    429, "maker", "rate_limit_exceeded", errors.RATE_LIMIT_EXCEEDED.messages, headers=(("Retry-After", "2"),)
)

# An edge that gave up waiting (504, 524) or got nonsense (502, 520) cannot tell whether the work was done.
_EDGE_PAGES: tuple[tuple[int, str, bool], ...] = (
    (502, "502 Bad Gateway", True),
    (503, "503 Service Temporarily Unavailable", False),
    (504, "504 Gateway Time-out", True),
    (520, "520: Web server is returning an unknown error", True),
    (521, "521: Web server is down", False),
    (522, "522: Connection timed out", False),
    (523, "523: Origin is unreachable", False),
    (524, "524: A timeout occurred", True),
)

_ERRORS = (
    _refused("bad_request", BOTH, _TOO_LARGE, "rejected"),
    _refused("bad_request_without_id", BOTH, _WITHOUT_ID, "rejected"),
    _refused("content_moderation", BOTH, errors.CONTENT_MODERATION, "rejected"),
    _refused("payload_too_large", BOTH, errors.PAYLOAD_TOO_LARGE, "rejected"),
    _refused("invalid_language", BOTH, errors.INVALID_LANGUAGE, "rejected"),
    _refused("public_figure", BOTH, errors.PUBLIC_FIGURE, "rejected"),
    _refused("unauthorized", BOTH, errors.UNAUTHORIZED, "pause"),
    _refused("unauthorized_old_shape", MAKER, errors.UNAUTHORIZED_OLD_SHAPE, "pause"),
    _refused("unauthorized_by_gateway", GATEWAY, errors.GATEWAY_UNAUTHORIZED, "pause"),
    _refused("payment_required", BOTH, errors.PAYMENT_REQUIRED, "pause"),
    # an empty 500 may be a failure like others: only when it stays is the balance the likely cause
    Fault("out_of_balance", GATEWAY, "retry", error=errors.GATEWAY_OUT_OF_BALANCE, then_pause=True),
    _refused("banned", GATEWAY, errors.GATEWAY_BANNED, "pause"),
    _refused("firewall", BOTH, web_page(403, "403 Forbidden"), "pause"),
    _refused("route_gone_page", BOTH, web_page(404, "404 Not Found"), "pause"),
    _refused("route_gone", MAKER, errors.NOT_FOUND, "pause"),
    _refused("route_dropped_by_gateway", GATEWAY, errors.GATEWAY_NO_SUCH_ROUTE, "pause"),
    _refused("redirect", BOTH, _ELSEWHERE, "pause"),
    _refused("internal_error", BOTH, errors.INTERNAL_ERROR, "retry"),
    _refused("internal_error_by_gateway", GATEWAY, errors.GATEWAY_INTERNAL_ERROR, "retry"),
    Fault("no_channels", GATEWAY, "retry", error=errors.GATEWAY_NO_CHANNELS, then_pause=True),
    _refused("rate_limit_by_gateway", GATEWAY, errors.GATEWAY_RATE_LIMIT, "wait"),
    Fault("rate_limit_exceeded", BOTH, "wait", error=errors.RATE_LIMIT_EXCEEDED, locks_out=True),
    Fault("rate_limit_with_retry_after", BOTH, "wait", error=_RETRY_AFTER, locks_out=True),
    Fault("broke_off_before_payment", GATEWAY, "retry", True, error=errors.GATEWAY_BROKE_OFF),
    Fault("broke_off_after_payment", GATEWAY, "retry", True, charges=True, error=errors.GATEWAY_BROKE_OFF),
    *(
        Fault(f"edge_{status}", BOTH, "retry", in_doubt, error=web_page(status, title))
        for status, title, in_doubt in _EDGE_PAGES
    ),
)

_ANSWERS = (
    Fault("content_filtered", BOTH, "rejected", True, charges=True, twist="content_filtered"),
    Fault("finish_reason_error", BOTH, "delivered", charges=True, twist="finish_reason_error"),
    Fault("without_seed", BOTH, "delivered", charges=True, twist="without_seed"),
    Fault("without_request_id", BOTH, "delivered", charges=True, twist="without_request_id"),
    Fault("wrong_size", BOTH, "retry", True, charges=True, twist="wrong_size"),
    Fault("without_alpha", BOTH, "retry", True, charges=True, twist="without_alpha"),
    Fault("garbage", BOTH, "retry", True, charges=True, twist="garbage"),
    Fault("damaged_picture", BOTH, "retry", True, charges=True, twist="damaged_picture"),
    Fault("empty_answer", BOTH, "retry", True, charges=True, twist="empty"),
    Fault("json_without_image", GATEWAY, "retry", True, charges=True, twist="json_without_image"),
    Fault("broken_base64", GATEWAY, "retry", True, charges=True, twist="broken_base64"),
    Fault("web_page_with_200", BOTH, "retry", True, charges=True, twist="web_page"),
)

_CONNECTIONS = (
    Fault("slow_answer", BOTH, "delivered", charges=True, seconds=3.0),
    Fault("slow_drip", BOTH, "delivered", charges=True, wire="slow_drip", seconds=3.0),
    Fault("endless_drip", BOTH, "retry", True, charges=True, wire="slow_drip", seconds=3600.0),
    Fault("silence_before_payment", BOTH, "retry", True, wire="silence", seconds=3600.0),
    Fault("silence_after_payment", BOTH, "retry", True, charges=True, wire="silence", seconds=3600.0),
    Fault("reset_before_payment", BOTH, "retry", True, wire="reset"),
    Fault("reset_after_payment", BOTH, "retry", True, charges=True, wire="reset"),
    Fault("closed_after_payment", BOTH, "retry", True, charges=True, wire="closed"),
    Fault("cut_short", BOTH, "retry", True, charges=True, wire="cut_short"),
    Fault("cut_short_chunks", BOTH, "retry", True, charges=True, wire="cut_short_chunks"),
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*_ERRORS, *_ANSWERS, *_CONNECTIONS)}


def faults_of(profile: ProfileName) -> list[Fault]:
    """The rows that the profile can send."""
    return [fault for fault in FAULTS.values() if profile in fault.profiles]
