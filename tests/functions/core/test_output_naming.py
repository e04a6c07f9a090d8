import hashlib
import re
from dataclasses import replace

import pytest
from dropcut.core.key_template import Edition
from dropcut.core.output_naming import MAX_KEY_BYTES, output_keys, version_name
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import FULL
from hypothesis import given
from hypothesis import strategies as st

KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=300).filter(
    lambda key: len(key.encode()) <= MAX_KEY_BYTES
)


@pytest.mark.parametrize(
    ("source", "first", "second"),
    [
        ("a.jpg", "a.png", "a.jpg.png"),
        ("shop/2024/a.jpg", "shop/2024/a.png", "shop/2024/a.jpg.png"),
        ("a.png", "a.png", "a.png.png"),
        ("a", "a.png", "a.png"),
        ("a.b.jpeg", "a.b.png", "a.b.jpeg.png"),
        ("folder.old/a", "folder.old/a.png", "folder.old/a.png"),
        (".hidden", ".hidden.png", ".hidden.png"),
        (".hidden.jpg", ".hidden.png", ".hidden.jpg.png"),
        ("a.", "a.png", "a..png"),
        ("..", "...png", "...png"),
        ("/a.jpg", "/a.png", "/a.jpg.png"),
        ("../a.jpg", "../a.png", "../a.jpg.png"),
        ("folder/", "folder/.png", "folder/.png"),
        ("a b+c%20.jpg", "a b+c%20.png", "a b+c%20.jpg.png"),
        ("日本.webp", "日本.png", "日本.webp.png"),
    ],
)
def test_the_folder_and_name_are_kept(source: str, first: str, second: str) -> None:
    assert list(output_keys(source))[:2] == [first, second]


def test_the_third_name_says_by_a_hash_whose_it_is() -> None:
    jpeg, webp = output_keys("x/a.jpg")[2], output_keys("x/a.webp")[2]
    assert jpeg.startswith("x/a.") and jpeg.endswith(".png")
    assert jpeg != webp


ALL_TEMPLATES = [FULL.key, "{folder}{stem}-{rendition}.{extension}", "x/{folder}{rendition}/{name}.{extension}"]


@given(KEYS | st.sampled_from(["photo.jpg", "a/" + "k" * 1018 + ".jpg", "日" * 341]), st.sampled_from(ALL_TEMPLATES))
def test_no_upload_can_take_a_photos_last_name(victim: str, template: str) -> None:
    """An attacker knows all names that the victim's cut-out may have, and uploads photos under names made of them."""
    rendition = replace(FULL, key=template, format="webp")
    names = output_keys(victim, rendition)
    for name in names:
        stem = name.removesuffix(".webp")
        for attacker in (name, stem, f"{stem}.jpg", f"{stem}.x.jpg", f"{stem}/a.jpg", stem.replace("-full", "")):
            if attacker != victim:
                assert names[-1] not in output_keys(attacker, rendition)


@pytest.mark.parametrize("victim", ["photo.jpg", "k" * 1020 + ".jpg", "日" * 341, "k" * 1024])
def test_a_photo_with_a_long_name_has_as_many_names_as_any_other(victim: str) -> None:
    names = output_keys(victim)
    assert len(names) == len(output_keys("photo.jpg")) == 4
    assert len(set(names)) == 4
    assert all(len(name.encode()) <= MAX_KEY_BYTES for name in names)


def test_a_photo_that_bears_the_mark_gets_a_last_name_of_its_own() -> None:
    marked = output_keys("photo.jpg")[-1]
    (only,) = output_keys(marked)
    assert only.startswith(marked.removesuffix(".png"))
    assert only != marked


def test_a_cut_out_under_a_name_of_the_version_before_keeps_it() -> None:
    """Whose a name is stands in its metadata; these are the ones that were there to be had."""
    owner = hashlib.sha256(b"shop/photo.jpg").hexdigest()[:8]
    before = ["shop/photo.png", "shop/photo.jpg.png", f"shop/photo.{owner}.png"]
    assert list(output_keys("shop/photo.jpg"))[:3] == before
    long = "k" * 1024
    assert output_keys(long)[0] == long[: 1024 - 13] + f"~{hashlib.sha256(long.encode()).hexdigest()[:8]}.png"


def test_the_extension_is_the_output_formats() -> None:
    assert all(key.endswith(".webp") for key in output_keys("a.jpg", replace(FULL, format="webp")))


@pytest.mark.parametrize("character", ["x", "é", "日", "🐱"])
@pytest.mark.parametrize("shift", range(4))
def test_a_name_too_long_is_cut_between_characters(character: str, shift: int) -> None:
    source = "s" * shift + character * ((MAX_KEY_BYTES - shift) // len(character.encode()))
    for key in output_keys(source):
        assert len(key.encode()) <= MAX_KEY_BYTES
        stem = key.split("~")[0]
        assert set(stem) <= {"s", character}
        assert key.endswith(".png")


def test_two_long_names_that_differ_at_their_end_never_meet() -> None:
    one, other = "k" * 1020 + "1.jp", "k" * 1020 + "2.jp"
    assert not set(output_keys(one)) & set(output_keys(other))


def test_a_name_of_just_the_longest_length_is_not_cut() -> None:
    assert output_keys("k" * 1020 + ".jpg")[0] == "k" * 1020 + ".png"
    assert "~" in output_keys("k" * 1020 + ".jpg")[1]


@given(KEYS, st.sampled_from(["png", "webp"]))
def test_every_key_gets_names_that_s3_takes(source: str, extension: str) -> None:
    for key in output_keys(source, extension=extension):
        assert 0 < len(key.encode("utf-8", "surrogatepass")) <= MAX_KEY_BYTES
        assert key.endswith(f".{extension}")


@given(KEYS, KEYS)
def test_the_last_names_of_two_sources_differ(one: str, other: str) -> None:
    if one != other:
        assert output_keys(one)[-1] != output_keys(other)[-1]


WHITE = Rendition(name="white", format="jpeg", background="#ffffff")


@pytest.mark.parametrize(
    ("source", "key", "names"),
    [
        ("shop/a.jpg", WHITE.key, ["shop/a-white.jpg", "shop/a.jpg-white.jpg"]),
        ("a", WHITE.key, ["a-white.jpg", "a-white.jpg"]),
        ("shop/a.jpg", "white/{folder}{stem}.{extension}", ["white/shop/a.jpg", "white/shop/a.jpg.jpg"]),
        ("shop/a.jpg", "{folder}{rendition}/{name}.{extension}", ["shop/white/a.jpg.jpg", "shop/white/a.jpg.jpg"]),
        ("shop/{stem}.jpg", WHITE.key, ["shop/{stem}-white.jpg", "shop/{stem}.jpg-white.jpg"]),
    ],
)
def test_a_rendition_is_named_by_its_template(source: str, key: str, names: list[str]) -> None:
    *first, third, last = output_keys(source, replace(WHITE, key=key))
    assert first == names
    assert third not in names
    assert last not in [*names, third]


def test_a_rendition_that_became_another_format_has_that_ones_extension() -> None:
    assert output_keys("a.jpg", replace(FULL, format="webp"), extension="png")[0] == "a.png"


def test_two_renditions_of_a_photo_with_a_long_name_never_meet() -> None:
    source = "k" * 1020 + ".jpg"
    other = replace(WHITE, name="other")
    assert not set(output_keys(source, WHITE)) & set(output_keys(source, other))
    assert all(len(key.encode()) <= MAX_KEY_BYTES for key in output_keys(source, WHITE))


def test_names_in_another_folder_are_those_in_it_and_no_longer() -> None:
    assert output_keys("b/a.jpg", prefix="held/")[:2] == ["held/b/a.png", "held/b/a.jpg.png"]
    for name in output_keys("n" * 1020 + ".jpg", prefix="held/"):
        assert name.startswith("held/n")
        assert len(name) == MAX_KEY_BYTES


# ---- what tells a later picture from an earlier one

EDITION = Edition(version="v7", sha256="0123456789ab")


@pytest.mark.parametrize(
    ("version_id", "expected"),
    [
        ("QUpfdndhfd8438MNFDN93jdnJFkdmqnh", "QUpfdndhfd8438MNFDN93jdnJFkdmqnh"),
        ("a.b-c_d", "a.b-c_d"),
        ("f" * 64, "f" * 64),
        (None, ""),
        ("", ""),
        ("null", ""),
        ("3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo", "c8d8b2b5db2166b8cd55e9283834c61f"),
    ],
)
def test_a_version_is_s3s_as_long_as_it_is_plain(version_id: str | None, expected: str) -> None:
    assert version_name(version_id) == expected


HOSTILE = [
    "..",
    ".",
    "a..b",
    ".a",
    "a.",
    "../../x",
    "a/b",
    "a b",
    "a\n",
    "a%2Fb",
    "{folder}",
    "日本",
    "\ud800",
    "f" * 65,
]


@pytest.mark.parametrize("version_id", HOSTILE)
def test_a_version_that_could_spoil_a_key_is_replaced_by_its_hash(version_id: str) -> None:
    assert re.fullmatch("[0-9a-f]{32}", version_name(version_id))


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
def test_two_versions_never_look_alike(one: str, other: str) -> None:
    names = [version_name(version) for version in (one, other)]
    assert (names[0] == names[1]) is (one == other)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("{folder}{stem}-{version}.{extension}", "shop/a-v7.jpg"),
        ("amazon/{folder}{stem}-{sha256}.{extension}", "amazon/shop/a-0123456789ab.jpg"),
        ("{folder}{name}/{version}-{sha256}.{extension}", "shop/a.jpg/v7-0123456789ab.jpg"),
    ],
)
def test_a_template_may_name_the_version_and_the_hash(key: str, name: str) -> None:
    assert output_keys("shop/a.jpg", replace(WHITE, key=key), edition=EDITION)[0] == name


@pytest.mark.parametrize("name", ["full", "white"])
@pytest.mark.parametrize("later", [replace(EDITION, version="v8"), replace(EDITION, sha256="ba9876543210")])
def test_a_later_picture_of_a_photo_with_a_long_name_has_another_key(name: str, later: Edition) -> None:
    rendition = replace(WHITE, name=name, key="{folder}{stem}-{version}-{sha256}.{extension}")
    first, second = (output_keys("k" * 1020, rendition, edition=edition) for edition in (EDITION, later))
    assert not set(first) & set(second)
    assert all(len(key.encode()) <= MAX_KEY_BYTES for key in (*first, *second))


def test_a_name_that_says_neither_is_the_same_for_every_picture() -> None:
    assert output_keys("k" * 1020, WHITE, edition=EDITION) == output_keys("k" * 1020, WHITE)
