"""The API key in its secret: both forms of it, its change while photos come in, and a wrong one."""

import json
import uuid
from collections.abc import Iterator

import pytest

from stand_in.accounts import fingerprint
from tests.end_to_end.dropcut_in_use import DropcutInUse, until
from tests.end_to_end.photos import photo

FORMS = {
    "plain text": "{key}",
    "plain text with a newline": "{key}\n",
    "JSON": '{{"api_key": "{key}"}}',
    "JSON among others": '{{"other": 1, "api_key": "{key}"}}',
}


@pytest.fixture
def only_valid_key(dropcut: DropcutInUse) -> Iterator[str]:
    """A new key, the only one the API takes: what the functions remember is worth nothing. The old one is put back."""
    key = f"sk-{uuid.uuid4().hex}"
    for old in dropcut.known_keys:
        dropcut.api.set_key_state(old, "revoked")
    dropcut.known_keys.append(key)
    dropcut.api.set_credits(key, None)
    yield key
    for old in dropcut.known_keys:
        dropcut.api.set_key_state(old, "valid")
    dropcut.put_key(dropcut.api.key)


@pytest.mark.parametrize("form", FORMS)
def test_a_changed_key_is_used_at_once_in_whichever_form_the_secret_holds_it(
    form: str, only_valid_key: str, dropcut: DropcutInUse
) -> None:
    dropcut.put_key(FORMS[form].format(key=only_valid_key))
    picture = photo()
    key = dropcut.drop(picture, dropcut.unused("photo.jpg"))
    assert dropcut.outcome(key).kind == "delivered"
    calls = dropcut.calls(picture)
    *refused, taken = [call["status"] for call in calls]
    assert (set(refused), taken) in (({401}, 200), (set(), 200)), "each process asks the secret when its key is refused"
    assert calls[-1]["key_fingerprint"] == fingerprint(only_valid_key)
    assert not dropcut.closed_gate()


@pytest.mark.parametrize("wrong", ["sk-wrong", json.dumps({"api_key": "sk-wrong-too"}), json.dumps({"key": "sk-lost"})])
def test_photos_wait_for_a_wrong_key_and_are_delivered_once_it_is_put_right(
    wrong: str, only_valid_key: str, dropcut: DropcutInUse
) -> None:
    dropcut.put_key(wrong)
    pictures = [photo() for _ in range(3)]
    keys = [dropcut.drop(picture, dropcut.unused("photo.jpg")) for picture in pictures]
    gate = until(dropcut.closed_gate, "a closed gate")
    assert gate["code"] in ("key_refused", "no_key")
    assert "put" in gate["reason"].lower()
    assert "sk-" not in gate["reason"]
    dropcut.put_key(only_valid_key)
    until(dropcut.resumes, "an open gate")
    assert [dropcut.outcome(key).kind for key in keys] == ["delivered"] * 3
    assert [dropcut.paid_calls(picture) for picture in pictures] == [1, 1, 1]
