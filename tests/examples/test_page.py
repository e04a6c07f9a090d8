"""The web page's own function: the addresses that it signs have to work in each region."""

import importlib.util
from types import ModuleType, SimpleNamespace

import pytest

from dropcut_cli.clone.places import REPOSITORY

PAGE = REPOSITORY / "examples" / "web_page" / "page" / "page.py"


def page_in(region: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function's module, as Lambda loads it in a region."""
    variables = {"PHOTOS": "photos", "CUTOUTS": "cutouts", "RESULTS": "results", "AWS_DEFAULT_REGION": region}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("page", PAGE)
    assert spec and spec.loader
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    return page


@pytest.mark.parametrize(
    ("region", "host"),
    [("eu-central-1", "s3.eu-central-1.amazonaws.com"), ("us-east-1", "s3.amazonaws.com")],
)
def test_browsers_are_sent_to_the_buckets_own_region(region: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The global endpoint redirects or refuses uploads to a new bucket of another region."""
    page = page_in(region, monkeypatch)
    assert page.a_place_for_one_photo()["url"] == f"https://photos.{host}/"
    item = {"photo": "a", "cutouts": ["a.png"], "reason": ""}
    monkeypatch.setattr(page, "results", SimpleNamespace(get_item=lambda Key: {"Item": item}))
    (url,) = page.result_of("a")["cutouts"]
    assert url.startswith(f"https://cutouts.{host}/a.png?")


def test_an_endpoint_at_an_address_is_called_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:4566")
    page = page_in("us-east-1", monkeypatch)
    assert page.a_place_for_one_photo()["url"] == "https://127.0.0.1:4566/photos"
