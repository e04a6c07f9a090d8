"""Every error the API is known to send, as data: the one place to correct when a real call shows another.

Grades: S, the published specification; L, seen live and published; C, read in the gateway's public source;
I, inferred. A text without a grade is I: the status and `name` are known, the words are ours.
"""

from dataclasses import dataclass, replace
from typing import Literal

Shape = Literal["maker", "maker_old", "gateway", "gateway_broke_off", "html", "empty"]
"""The six bodies a client has to be able to read."""


@dataclass(frozen=True)
class Error:
    """One error answer. `{key}` and `{request_id}` in a message are filled in when it is sent."""

    status: int
    shape: Shape
    name: str = ""
    messages: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    has_id: bool = True

    def saying(self, *messages: str) -> "Error":
        """The same error with other words."""
        return replace(self, messages=messages)


# The maker's. S and L for status and name.
BAD_REQUEST = Error(400, "maker", "bad_request")
UNAUTHORIZED = Error(401, "maker", "unauthorized", ("authorization: invalid or missing API key",))
UNAUTHORIZED_OLD_SHAPE = Error(401, "maker_old", "unauthorized", ("Incorrect API key provided: {key}",))
PAYMENT_REQUIRED = Error(
    402,
    "maker",
    "payment_required",
    (  # L up to the full stop
        "You lack sufficient credits to make this request. "
        "Please purchase more credits at https://platform.stability.ai/account/credits and try again.",
    ),
)
CONTENT_MODERATION = Error(
    403,
    "maker",
    "content_moderation",
    ("Your request was flagged by our content moderation system, as a result your request was denied.",),
)
NOT_FOUND = Error(404, "maker", "not_found", ("The requested resource does not exist.",))
PAYLOAD_TOO_LARGE = Error(413, "maker", "payload_too_large", ("payload too large: must be at most 10 MiB",))
INVALID_LANGUAGE = Error(422, "maker", "invalid_language", ("English is the only supported language.",))
PUBLIC_FIGURE = Error(422, "maker", "public_figure", ("Our system detected the likeness of a public figure.",))
RATE_LIMIT_EXCEEDED = Error(
    429,
    "maker",
    "rate_limit_exceeded",
    ("You have exceeded the rate limit of 150 requests within a 10 second period, and have been timed out.",),
)
INTERNAL_ERROR = Error(
    500,
    "maker",
    "internal_error",
    ("An internal error occurred. If the problem persists contact support.",),
)

# The gateway's own. C for status and shape.
GATEWAY_UNAUTHORIZED = Error(401, "gateway", messages=("invalid token",))
GATEWAY_BANNED = Error(403, "gateway", messages=("user has been banned",))
GATEWAY_NO_SUCH_ROUTE = Error(
    404, "gateway", messages=("invalid URL (POST /v2beta/stable-image/edit/remove-background)",)
)
GATEWAY_RATE_LIMIT = Error(429, "gateway", messages=("too many requests, please try again later",))
GATEWAY_INTERNAL_ERROR = Error(500, "gateway", messages=("do request failed",))
GATEWAY_OUT_OF_BALANCE = Error(500, "empty")
GATEWAY_NO_CHANNELS = Error(
    503,
    "gateway",
    messages=("There are no channels available for model edit_remove_background under the current group",),
)
GATEWAY_BROKE_OFF = Error(400, "gateway_broke_off")


def web_page(status: int, title: str) -> Error:
    """What an edge in between sends: HTML (I)."""
    return Error(status, "html", messages=(title,))


# What the maker says about a form it refuses (400 `bad_request`).
NOT_A_FORM = "content-type: must be multipart/form-data with a boundary"
FORM_BROKEN = "body: the multipart form is not complete or not well formed"
IMAGE_MISSING = "image: is required"
IMAGE_UNKNOWN_FORMAT = "image: unsupported format - must be one of jpeg, png, webp"
IMAGE_UNREADABLE = "image: could not be decoded, the file is truncated or damaged"
IMAGE_SIDE_TOO_SHORT = (
    "image: unsupported dimensions - every side must be at least 64 pixels, received {width}x{height}"
)
IMAGE_TOO_FEW_PIXELS = "image: unsupported dimensions - must be at least 4,096 pixels, received {pixels:,} pixels"
IMAGE_TOO_MANY_PIXELS = (
    "image: unsupported dimensions - must be at most 4,194,304 pixels, received {pixels:,} pixels"  # L
)
OUTPUT_FORMAT_UNKNOWN = "output_format: must be one of png, webp"
ACCEPT_UNKNOWN = "accept: must be one of image/*, application/json"
CLIENT_HEADER_TOO_LONG = "{header}: must be at most 256 characters"
