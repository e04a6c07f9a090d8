"""Reads the bodies that the API sends: both forms of success, and all six shapes of an error."""

import base64
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from dropcut.core.formats.picture_header import NotAPictureError, is_whole, read_header
from dropcut.core.operation import Expected
from dropcut.core.plain_text import shown


class UnusableAnswerError(ValueError):
    """A success that is none: not a picture, cut off, of another size, or without transparency."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A successful answer, whichever of the two forms it came in."""

    picture: bytes
    finish_reason: str | None
    """None where this form of answer does not carry one."""
    request_id: str | None

    def verify(self, expected: Expected) -> None:
        """Check that this is the picture that was asked for.

        Raises:
            UnusableAnswerError: says what is there instead.
        """
        try:
            header = read_header(self.picture)
        except NotAPictureError as error:
            raise UnusableAnswerError(f"what came is no picture. {error}") from error
        if header.format != expected.format:
            raise UnusableAnswerError(f"it is a {header.format} where {expected.format} was asked for.")
        if (header.width, header.height) != (expected.width, expected.height):
            wanted = f"{expected.width} x {expected.height}"
            raise UnusableAnswerError(f"it is {header.width} x {header.height} where {wanted} was sent.")
        if expected.has_alpha and not header.has_alpha:
            raise UnusableAnswerError("the picture has no alpha channel: its background is still there.")
        if not is_whole(self.picture):
            raise UnusableAnswerError("the picture ends early or is damaged.")


def request_id_in(headers: Mapping[str, str], *, api_key: str = "") -> str | None:
    """The name under which the provider knows this call: the maker's, or else the gateway's.

    It is written beside paid answers as object metadata, which is short and ASCII only. An odd one must not lose a paid
    answer.
    """
    return _request_id(headers.get("x-request-id") or headers.get("x-oneapi-request-id") or "", api_key)


def _request_id(said: str, api_key: str) -> str | None:
    return re.sub(r"[^!-~]+", "_", redact(said, api_key))[:128] or None


def read_answer(body: bytes, headers: Mapping[str, str], *, api_key: str = "") -> Answer:
    """Take the picture out of a body that came with status 200.

    JSON with base64 differs from picture bytes in the first byte, because the gateway calls its JSON `text/plain`. A
    byte-order mark and spaces may stand before it: what is paid for is not lost for those.

    Raises:
        UnusableAnswerError: JSON that is broken or holds no picture.
    """
    request_id = request_id_in(headers, api_key=api_key)
    wrapped = re.match(rb"(?:\xef\xbb\xbf)?\s*{", body)
    if not wrapped:
        return Answer(picture=body, finish_reason=headers.get("finish-reason"), request_id=request_id)
    try:
        fields = json.loads(body[wrapped.end() - 1 :])
        picture = base64.b64decode(fields.pop("image"), validate=True)  # pop: its 22 MB go at once
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnusableAnswerError(f"its JSON holds no picture ({type(error).__name__}: {error}).") from error
    finish_reason = fields.get("finish_reason")
    return Answer(picture=picture, finish_reason=finish_reason and str(finish_reason), request_id=request_id)


@dataclass(frozen=True, kw_only=True)
class ApiError:
    """What an error's body says, from whichever shape it came in; keys are never in it."""

    name: str
    """The API's word for the error, such as `bad_request`; empty when the shape has none."""
    message: str
    request_id: str | None

    def sentence(self, status: int) -> str:
        """For logs and events: status, name and message."""
        what = f"HTTP {status}" + (f" {self.name}" if self.name else "")
        return f"{what}: {self.message}" if self.message else f"{what}."


def read_error(body: bytes, headers: Mapping[str, str], *, api_key: str = "") -> ApiError:
    """Read any of the known shapes; what is none of them is quoted as text. Never raises.

    Args:
        api_key: the API key of the call, which the error may quote.
    """
    text = body[:20_000].decode("utf-8", errors="replace").strip()
    name, message, request_id = "", "", request_id_in(headers, api_key=api_key)
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):  # the latter: brackets nested without end
        fields = None
    if isinstance(fields, dict):
        name = str(fields.get("name") or "")
        request_id = _request_id(str(fields["id"]), api_key) if fields.get("id") else request_id
        message = _message(fields)
    elif text:
        message = _title_of_page(text)
    return ApiError(
        name=as_said(name, api_key, LONGEST_NAME),
        message=as_said(message, api_key, LONGEST_MESSAGE),
        request_id=request_id,
    )


def _message(fields: Mapping[str, object]) -> str:
    match fields:
        case {"errors": [*errors]}:
            return "; ".join(str(error) for error in errors)
        case {"error": {"message": message}} | {"error": str(message)} | {"message": message}:
            return str(message)
    return ""


def _title_of_page(text: str) -> str:
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    if title:
        return " ".join(title.group(1).split())
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


LONGEST_NAME, LONGEST_MESSAGE = 64, 500
_LOOKS_LIKE_A_KEY = re.compile(r"\b(?:sk|pk|key)[-_][A-Za-z0-9_-]{8,}|(?i:bearer)\s+[^\s\"']+")
_SHORTEST_FORM = 6
"""A shorter piece of a key would stand in ordinary words."""


def as_said(text: str, api_key: str, longest: int) -> str:
    """What the API says, as people may see it: without the key, and without control characters; then it is cut."""
    return shown(redact(text, api_key))[:longest]


def redact(text: str, api_key: str = "") -> str:
    """Old endpoints quote the caller's key in their error texts: it must not reach a log.

    Args:
        api_key: the very key, which is found whatever it looks like, URL-encoded and inside base64 as well.
    """
    if len(api_key) >= _SHORTEST_FORM:
        text = _forms_of(api_key).sub("[redacted]", text)
    return _LOOKS_LIKE_A_KEY.sub("[redacted]", text)


@lru_cache(maxsize=2)
def _forms_of(key: str) -> re.Pattern[str]:
    forms = {key, quote(key, safe=""), html.escape(key)}
    for before in range(3):  # bytes of other text before the key, as in `Bearer KEY`, move it against base64's digits
        digits = slice(-(-before * 4 // 3), (before + len(key)) * 4 // 3)
        text = b"\0" * before + key.encode()
        forms |= {encode(text).decode()[digits] for encode in (base64.b64encode, base64.urlsafe_b64encode)}
    longest_first = sorted((form for form in forms if len(form) >= _SHORTEST_FORM), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
