"""What goes back over the wire: status, headers, body, and how they are sent."""

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Literal

from stand_in.errors import Error

Wire = Literal[
    "whole",  # as it should be
    "cut_short",  # a Content-Length larger than what comes
    "cut_short_chunks",  # chunks that never reach their end
    "slow_drip",  # a little at a time, over the reply's `seconds`, to the end
    "reset",  # the connection reset instead of an answer
    "closed",  # the connection closed in good order instead of an answer
    "silence",  # nothing, for `seconds` or until the client has gone
]


@dataclass
class Reply:
    """One answer.

    `chunked` is how the gateway sends what it did not measure; `wire` is how a fault sends it.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunked: bool = False
    wire: Wire = "whole"
    seconds: float = 0.0


def request_id_of_the_maker() -> str:
    """32 hexadecimal digits."""
    return secrets.token_hex(16)


def request_id_of_the_gateway() -> str:
    """A UTC time stamp and random digits."""
    return f"{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{secrets.randbelow(10**17):017d}"


def compact_json(content: object) -> bytes:
    """JSON without spaces, as the API sends it."""
    return json.dumps(content, separators=(",", ":")).encode()


def picture_json(picture: bytes, finish_reason: str, seed: int | None) -> bytes:
    """The JSON form of a success; `seed` may be missing."""
    content: dict[str, object] = {"image": base64.b64encode(picture).decode(), "finish_reason": finish_reason}
    return compact_json(content if seed is None else content | {"seed": seed})


def error_body(error: Error, *, request_id: str, gateway_request_id: str, key: str) -> tuple[str, bytes]:
    """The content type and the body of an error, in its shape."""
    messages = [text.replace("{key}", key).replace("{request_id}", request_id) for text in error.messages]
    text = messages[0] if messages else ""
    match error.shape:
        case "maker":
            with_id = {"id": request_id} if error.has_id else {}
            return "application/json", compact_json({"errors": messages, **with_id, "name": error.name})
        case "maker_old":
            return "application/json", compact_json({"id": request_id, "message": text, "name": error.name})
        case "gateway":
            said = f"{text} (request id: {gateway_request_id})"
            return "application/json; charset=utf-8", compact_json({"error": {"message": said, "type": "api_error"}})
        case "gateway_broke_off":
            return "application/json; charset=utf-8", compact_json({"error": "failed to get response"})
        case "html":
            page = f"<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>"
            return "text/html; charset=utf-8", page.encode()
        case "empty":
            return "", b""
