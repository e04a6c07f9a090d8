"""Text from strangers (names of objects, answers of the API, messages) as something that is safe to show or to send."""

import re
import unicodedata

_JOINERS = "\u200c\u200d"
"""Emoji and several scripts are written with them; they move nothing."""


def shown(text: str) -> str:
    r"""The text with a visible escape, as in JSON (`\u001b`), for each character that is no picture or space.

    Control characters drive a terminal. Line and bidirectional controls show a text other than the one that is there. A
    lone half of a surrogate pair cannot be written at all. The escapes are JSON's, so that a JSON text stays one and
    means the same.
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def header_text(text: str) -> str:
    """The text as a value of an HTTP header: printable ASCII, anything else is an underscore."""
    return re.sub(r"[^ -~]+", "_", text)


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
