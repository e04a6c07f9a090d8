import json
import unicodedata

import pytest
from dropcut.core.plain_text import header_text, shown
from hypothesis import given
from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    "text",
    [
        "a b.jpg",
        "ü/é.png",
        "日本\u3000東京.png",
        "1\u00a0000 €",
        "👩\u200d🚀.webp",
        "\u0645\u06cc\u200c\u062e",
        "<b>&\"'\\n",
    ],
)
def test_what_people_write_is_shown_as_it_is(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[31m\n\x07é", r"a\u001b[31m\u000a\u0007é"),
        ("\x9b31m\x7f", r"\u009b31m\u007f"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("\u2066a\u2069\u200f\u061c\ufeff", r"\u2066a\u2069\u200f\u061c\ufeff"),
        ("line\u2028paragraph\u2029", r"line\u2028paragraph\u2029"),
        ("half \ud83d", r"half \ud83d"),
        ("tag \U000e0041", r"tag \udb40\udc41"),
    ],
)
def test_what_would_drive_a_terminal_or_lie_about_the_order_is_escaped(text: str, expected: str) -> None:
    assert shown(text) == expected


@given(ANY_TEXT)
def test_nothing_that_is_shown_controls_anything(text: str) -> None:
    controls = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    left = {character for character in shown(text) if unicodedata.category(character) in controls}
    assert left <= {"\u200c", "\u200d"}


@given(ANY_TEXT)
def test_a_json_text_that_is_shown_still_means_the_same(text: str) -> None:
    assert json.loads(shown(json.dumps(text, ensure_ascii=False))) == text


@given(ANY_TEXT)
def test_a_header_has_printable_ascii_only(text: str) -> None:
    said = header_text(text)
    assert said.isascii()
    assert said.isprintable()
