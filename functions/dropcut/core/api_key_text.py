"""The API key as text: how it is read out of the secret, and by what name it is known elsewhere."""

import hashlib
import json
import re

_WORD = re.compile(r"[!-~]+")
"""What can stand in an HTTP header. Anything else would fail each call, and with it each picture, for one bad paste."""


def key_in(text: str) -> str:
    """A secret is the bare key, or JSON with `api_key`; empty when it is neither."""
    text = text.strip()
    if text.startswith("{"):
        try:
            return str(json.loads(text).get("api_key") or "").strip()
        except ValueError:
            return ""
    return text


def is_usable(key: str) -> bool:
    """Whether it can be sent at all."""
    return bool(_WORD.fullmatch(key))


def fingerprint(key: str) -> str:
    """Names the key in the state table and in logs without giving it away."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
