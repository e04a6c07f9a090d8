"""Reads the messages of the deliver queue: what became of photos, what is to be published, and what people ask for."""

import json

from dropcut.core.messages import OutcomeMessage, RefusedRequest, Remake, SpendingNotice, Upload, reading
from dropcut.core.review import EndOldHeld, Review

DeliverMessage = OutcomeMessage | SpendingNotice | RefusedRequest | Remake | Review | EndOldHeld


def read_deliver_message(text: str) -> DeliverMessage:
    """Raises MalformedMessageError: it is none of these kinds."""
    with reading("JSON"):
        values = json.loads(text)
    match values:
        case {"review": review}:
            with reading("a review", advice="docs/quality.md shows how to decide on a held photo."):
                return Review(**review)
        case {"end_old_held": _}:
            return EndOldHeld()
        case {"refused_request": refused}:
            with reading("a refused request"):
                return RefusedRequest(**{**refused, "upload": Upload.from_fields(refused["upload"])})
        case {"spending": notice}:
            with reading("a spending notice"):
                return SpendingNotice(**notice)
        case {"remake": photo}:
            with reading("a remake"):
                return Remake(**photo)
    return OutcomeMessage.from_json(text)
