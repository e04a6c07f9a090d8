"""Answers of status 200 that are not what was ordered."""

import io
from dataclasses import replace

from PIL import Image

from stand_in.cutouts import blurred, encoded
from stand_in.errors import web_page
from stand_in.faults import Twist
from stand_in.profiles import Profile, Success
from stand_in.replies import Reply
from stand_in.validation import Order

GARBAGE = bytes(range(256)) * 16


def twisted(twist: Twist, profile: Profile, success: Success, order: Order) -> Reply:
    """The reply to a paid call, with one thing wrong."""
    if twist in ("empty", "json_without_image", "broken_base64", "web_page", "without_request_id"):
        return _twisted_reply(twist, profile, success)
    return profile.success(_twisted_success(twist, success, order))


def _twisted_success(twist: Twist, success: Success, order: Order) -> Success:  # noqa: PLR0911 - a table
    """Wrong in what is said or in the picture itself."""
    match twist:
        case "content_filtered":
            picture = encoded(blurred(order.picture), success.output_format)
            return replace(success, picture=picture, finish_reason="CONTENT_FILTERED")
        case "finish_reason_error":
            return replace(success, finish_reason="ERROR")
        case "without_seed":
            return replace(success, seed=None)
        case "wrong_size":
            cutout = Image.open(io.BytesIO(success.picture))
            smaller = cutout.resize((cutout.width // 2, cutout.height // 2))
            return replace(success, picture=encoded(smaller, success.output_format))
        case "without_alpha":
            return replace(success, picture=encoded(order.picture.convert("RGB"), success.output_format))
        case "garbage":
            return replace(success, picture=GARBAGE)
        case "damaged_picture":
            return replace(success, picture=success.picture[: len(success.picture) // 2])
        case _:
            return success


def _twisted_reply(twist: Twist, profile: Profile, success: Success) -> Reply:
    """Wrong in the form of the reply."""
    if twist == "web_page":
        return profile.error(web_page(200, "Welcome"))
    reply = profile.success(success)
    if twist == "empty":
        return replace(reply, body=b"", chunked=False)
    if twist == "json_without_image":
        return replace(reply, body=b"{}", chunked=False)
    if twist == "broken_base64":
        return replace(reply, body=reply.body.replace(b'"image":"', b'"image":"*'))
    for header in ("x-request-id", "X-Oneapi-Request-Id"):
        reply.headers.pop(header, None)
    return reply
