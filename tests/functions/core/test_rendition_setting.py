"""Lists of renditions: ready-made ones by name, descriptions, both; and what two of them may not share."""

import json
from dataclasses import replace
from typing import Any

import pytest
from dropcut.core.rendition import Rendition, RenditionError
from dropcut.core.rendition_setting import FULL, READY_MADE, read_renditions, renditions_to_json

SMALL = {"name": "small", "format": "webp", "longest_side": 600}


@pytest.mark.parametrize("nothing", ["", None, [], "[]"])
def test_nothing_asked_for_is_the_full_size_cutout(nothing: object) -> None:
    assert read_renditions(nothing, full_format="webp") == (replace(FULL, format="webp"),)


@pytest.mark.parametrize("as_text", [True, False])
def test_names_and_descriptions_stand_side_by_side(as_text: bool) -> None:
    given = ["full", "amazon_main", SMALL]
    read = read_renditions(json.dumps(given) if as_text else given)
    assert read == (FULL, READY_MADE["amazon_main"], Rendition(name="small", format="webp", longest_side=600))


def test_a_ready_made_one_can_be_changed_by_describing_the_difference() -> None:
    (changed,) = read_renditions([{"name": "main", "like": "amazon_main", "canvas": "1600x1600"}])
    assert changed == replace(READY_MADE["amazon_main"], name="main", canvas="1600x1600")


@pytest.mark.parametrize(
    "given",
    [
        list(READY_MADE),
        ["full", SMALL],
        [{"name": "amazon_main", "like": "amazon_main", "quality": 70}],
        [{"name": "web", "like": "web", "trim": False, "margin_percent": 0}],
        [{"name": "other", "like": "web", "trim": False, "margin_percent": 0}],
    ],
)
@pytest.mark.parametrize("full_format", ["png", "webp"])
def test_what_is_written_reads_the_same_again(given: list[Any], full_format: str) -> None:
    renditions = read_renditions(given, full_format=full_format)
    assert read_renditions(renditions_to_json(renditions)) == renditions


def test_ready_made_ones_are_written_by_their_names() -> None:
    assert renditions_to_json(tuple(READY_MADE.values())) == json.dumps(list(READY_MADE), separators=(",", ":"))


def test_all_ready_made_ones_can_be_made_together() -> None:
    assert len(read_renditions(list(READY_MADE))) == len(READY_MADE)


@pytest.mark.parametrize("name", ["amazon_main", "google_shopping", "white_square"])
def test_a_shops_main_picture_is_a_white_square_filled_by_its_subject(name: str) -> None:
    rendition = READY_MADE[name]
    width, height = rendition.canvas_size or (0, 0)
    assert (rendition.format, rendition.background, width) == ("jpeg", "#ffffff", height)
    assert rendition.subject_percent is not None and 75 <= rendition.subject_percent <= 90


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("full", "not JSON"),
        ('"full"', "not a list"),
        ({"name": "a"}, "not a list"),
        (["ful"], "Did you mean full?"),
        ([5], "A rendition is 5"),
        (["full", "full"], "Two renditions are named 'full'"),
        ([{"name": "full"}], "the name of a ready-made one"),
        ([{"name": "a", "like": "no"}], "There is no ready-made rendition 'no'"),
        ([{"name": "a", "like": 1}], "like is 1"),
        ([{"name": "a", "like": "web", "longest_side": 5}], "16 to 10000"),
        ([{"name": "a", "like": "web", "canvas": "10x10"}], "one of them"),
        (["full", {"name": "a", "format": "webp", "key": "{folder}{stem}.{extension}"}], "could get the same key"),
        ([{"name": "a"}, {"name": "b", "key": "{folder}{stem}-a.{extension}"}], "could get the same key"),
        ([{"name": "a", "key": "x{folder}{stem}.{extension}"}, {"name": "b", "key": "{folder}x{stem}.{extension}"}],
         "could get the same key"),
        ([{"name": "a", "key": "{folder}{stem}-{sha256}.{extension}"},
          {"name": "b", "key": "{folder}{stem}-{sha256}.{extension}"}], "could get the same key"),
        (["full", {"name": "a", "key": "{folder}{name}.{extension}"}], "could get the same key"),
        ([{"name": "a", "key": "w/{folder}{stem}.{extension}"}, {"name": "b", "key": "{folder}w/{stem}.{extension}"}],
         "could get the same key"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_made_is_refused_with_what_is_allowed(given: object, said: str) -> None:
    with pytest.raises(RenditionError) as refusal:
        read_renditions(given)
    assert said in str(refusal.value)
    assert "Allowed: " in str(refusal.value)
