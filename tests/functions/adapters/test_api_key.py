import json

import pytest
from dropcut.adapters.api_key import ApiKey, ApiKeyMissingError, ApiKeys

from tests.functions.cloud import SECRET, Cloud


@pytest.fixture
def keys(cloud: Cloud) -> ApiKeys:
    return ApiKeys(cloud.clients.secrets, SECRET)


@pytest.mark.parametrize(
    "text", ["sk-1", "  sk-1\n", '{"api_key": "sk-1"}', ' {"api_key": " sk-1 ", "note": "ours"}\n']
)
def test_the_key_is_the_secret_or_stands_in_its_json(cloud: Cloud, keys: ApiKeys, text: str) -> None:
    cloud.put_key(text)
    assert keys.current() == ApiKey("sk-1")


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "{}",
        '{"api_key": ""}',
        '{"api_key": null}',
        '{"other": "sk-1"}',
        '{"api_key": "sk',
        "two words",
        "two\nlines",
        "“sk-1”",
        "sk-1\u200b",
        "sk\x07",
    ],
)
def test_a_secret_that_holds_no_usable_key_says_how_to_put_one_in(cloud: Cloud, keys: ApiKeys, text: str) -> None:
    cloud.put_key(text)
    with pytest.raises(ApiKeyMissingError, match=r"holds no .*key.*put-secret-value --secret-id api-key"):
        keys.current()


def test_a_missing_secret_says_so(keys: ApiKeys) -> None:
    with pytest.raises(ApiKeyMissingError, match="The secret api-key cannot be read"):
        keys.current()


def test_the_key_is_cached_until_it_is_fetched_anew(cloud: Cloud, keys: ApiKeys) -> None:
    cloud.put_key("old")
    assert keys.current() == ApiKey("old")
    cloud.put_key("new")
    assert keys.current() == ApiKey("old")
    assert keys.current(fetch_anew=True) == ApiKey("new")
    assert keys.current() == ApiKey("new")


@pytest.mark.parametrize("unusable", ['{"key": "sk-1"}', "two words"])
def test_a_secret_without_a_usable_key_is_not_remembered(cloud: Cloud, keys: ApiKeys, unusable: str) -> None:
    cloud.put_key(unusable)
    with pytest.raises(ApiKeyMissingError):
        keys.current()
    cloud.put_key("sk-1")
    assert keys.current() == ApiKey("sk-1")


def test_a_key_never_shows_itself() -> None:
    key = ApiKey("sk-abcDEF123456789")
    for text in (repr(key), str(key), f"{key}", json.dumps({"key": key.fingerprint})):
        assert "abcDEF" not in text
    assert key.fingerprint != ApiKey("other").fingerprint
