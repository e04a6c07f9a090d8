"""How the API key is read out of its secret, and the name by which it is known elsewhere."""

import pytest
from dropcut.core.api_key_text import fingerprint, is_usable, key_in


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("sk-1", "sk-1"),
        (" sk-1\n", "sk-1"),
        ('{"api_key": " sk-1 "}', "sk-1"),
        ('{"api_key": null}', ""),
        ('{"key": "sk-1"}', ""),
        ('{"api_key": ', ""),
        ("", ""),
    ],
)
def test_a_secret_is_the_bare_key_or_json_that_names_it(secret: str, key: str) -> None:
    assert key_in(secret) == key


@pytest.mark.parametrize(
    ("key", "usable"), [("sk-1", True), ("", False), ("sk 1", False), ("sk-1\n", False), ("sk-é", False)]
)
def test_a_key_that_cannot_stand_in_a_header_is_not_usable(key: str, usable: bool) -> None:
    assert is_usable(key) is usable


def test_a_fingerprint_tells_keys_apart_and_gives_none_away() -> None:
    assert fingerprint("sk-1") == fingerprint("sk-1") != fingerprint("sk-2")
    assert len(fingerprint("sk-1")) == 16
    assert "sk" not in fingerprint("sk-1")
