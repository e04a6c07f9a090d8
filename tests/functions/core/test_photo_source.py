"""Which objects are photos, and what is made of each."""

from typing import Any

import pytest
from dropcut.core.photo_source import (
    ByPhoto,
    PhotoSource,
    read_rendition_names,
    read_source_renditions,
    read_sources,
    refuses_key,
    refuses_object,
    refuses_size,
    rendition_names_to_json,
    source_renditions_to_json,
    sources_to_json,
)
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import READY_MADE
from dropcut.core.units import MIB


def source(**filters: Any) -> PhotoSource:
    return PhotoSource(bucket="photos", **filters)


@pytest.mark.parametrize(
    ("filters", "key", "code"),
    [
        ({}, "a.jpg", None),
        ({"prefix": "in/"}, "in/a.jpg", None),
        ({"prefix": "in/"}, "out/a.jpg", "other_prefix"),
        ({"suffixes": (".jpg", ".heic")}, "a.heic", None),
        ({"suffixes": (".jpg",)}, "a.JPG", None),
        ({"suffixes": (".Jpg",)}, "a.jpg", None),
        ({"suffixes": (".jpg",)}, "a.Jpg", "other_suffix"),
        ({"suffixes": (".jpg",)}, "a.png", "other_suffix"),
        ({"prefix": "in/", "suffixes": (".jpg",)}, "a.jpg", "other_prefix"),
    ],
)
def test_a_key_is_taken_by_its_beginning_and_its_end(filters: dict[str, Any], key: str, code: str | None) -> None:
    refused = source(**filters).refuses_key(key)
    assert (refused.code if refused else None) == code


@pytest.mark.parametrize(
    ("filters", "size_bytes", "tags", "code"),
    [
        ({}, 0, {}, None),
        ({"smallest_bytes": 100}, 100, {}, None),
        ({"smallest_bytes": 100}, 99, {}, "other_size"),
        ({"largest_bytes": MIB}, MIB, {}, None),
        ({"largest_bytes": MIB}, MIB + 1, {}, "other_size"),
        ({"tag": ("cut", "yes")}, 1, {"cut": "yes", "other": "1"}, None),
        ({"tag": ("cut", "yes")}, 1, {"cut": "no"}, "other_tag"),
        ({"tag": ("cut", "yes")}, 1, {}, "other_tag"),
    ],
)
def test_an_object_is_taken_by_its_size_and_its_tag(
    filters: dict[str, Any], size_bytes: int, tags: dict[str, str], code: str | None
) -> None:
    refused = source(**filters).refuses_object(size_bytes, tags)
    assert (refused.code if refused else None) == code


def test_an_object_is_taken_when_one_source_takes_it() -> None:
    sources = [source(prefix="a/", tag=("cut", "yes")), source(prefix="a/b/", largest_bytes=10)]
    assert refuses_key(sources, "a/b/1.jpg") is None
    assert refuses_object(sources, "a/b/1.jpg", 5, {}) is None
    assert refuses_object(sources, "a/b/1.jpg", 50, {"cut": "yes"}) is None
    refused = refuses_object(sources, "a/b/1.jpg", 50, {})
    assert refused is not None and refused.code == "other_tag"
    elsewhere = refuses_key(sources, "c/1.jpg")
    assert elsewhere is not None and elsewhere.reason == "Only keys that begin with 'a/' are taken."


@pytest.mark.parametrize(
    ("size_bytes", "code", "said"),
    [
        (0, "empty", ["0 bytes", "Upload"]),
        (1, None, []),
        (100 * MIB, None, []),
        (100 * MIB + 1, "too_many_bytes", ["104,857,601 bytes", "100 MiB", "max_photo_mib", "Save it smaller"]),
    ],
)
def test_the_size_of_a_file_decides_whether_it_is_read(size_bytes: int, code: str | None, said: list[str]) -> None:
    refused = refuses_size(size_bytes, most_mib=100)
    assert (refused.code if refused else None) == code
    assert all(part in refused.reason for part in said) if refused else not said


def test_sources_are_read_back_from_a_text_without_what_is_default() -> None:
    sources = (source(), source(prefix="in/", suffixes=(".jpg",), smallest_bytes=1, tag=("cut", "yes")))
    text = sources_to_json(sources)
    assert text.startswith('[{"bucket":"photos"},')
    assert read_sources(text) == sources


def test_a_photo_has_what_is_its_sources_own() -> None:
    chosen = ByPhoto(others="all", of_sources=[(source(prefix="a/", suffixes=(".jpg",)), "a")])
    assert chosen("photos", "a/1.jpg") == "a"
    assert [chosen("photos", "a/1.png"), chosen("photos", "b/1.jpg"), chosen("others", "a/1.jpg")] == ["all"] * 3


def test_renditions_of_sources_are_read_back() -> None:
    own = [(source(prefix="a/"), (READY_MADE["web"], Rendition(name="small", longest_side=100)))]
    assert read_source_renditions(source_renditions_to_json(own)) == own


def test_names_of_renditions_are_read_back_by_photo() -> None:
    text = rendition_names_to_json(
        [READY_MADE["full"], READY_MADE["web"]], [(source(prefix="a/"), [READY_MADE["mask"]])]
    )
    names = read_rendition_names(text)
    assert (names("photos", "b/1.jpg"), names("photos", "a/1.jpg")) == (["full", "web"], ["mask"])
