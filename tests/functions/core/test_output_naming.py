from dataclasses import replace

import pytest
from dropcut.core.output_naming import MAX_KEY_BYTES, output_keys
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


def test_the_last_resort_is_a_name_that_nobody_else_has() -> None:
    jpeg, webp = output_keys("x/a.jpg")[2], output_keys("x/a.webp")[2]
    assert jpeg.startswith("x/a.") and jpeg.endswith(".png")
    assert jpeg != webp


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
def test_the_last_resorts_of_two_sources_differ(one: str, other: str) -> None:
    if one != other:
        assert output_keys(one)[2] != output_keys(other)[2]


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
    *first, last = output_keys(source, replace(WHITE, key=key))
    assert first == names
    assert last not in names


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
