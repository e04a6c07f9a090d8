"""A shop's rules, one by one: what holds is silent, what does not is said with both figures."""

from dataclasses import replace

import pytest
from dropcut.core.rendition_setting import READY_MADE
from dropcut.core.shop_rules import SHOPS, SeenPicture, unmet

AMAZON, GOOGLE = SHOPS["amazon_main"], SHOPS["google_shopping"]
SEEN = SeenPicture(width=2000, height=2000, size_bytes=400_000, darkest_border=255, subject_share=87)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, None),
        ({"darkest_border": 254}, "pure white (255) around the subject; the darkest place on the border is 254."),
        ({"subject_share": 84.9}, "a subject of 85 to 100 % of the picture; it takes 84.9 %."),
        ({"subject_share": 85.0}, None),
        ({"subject_share": 100.0}, None),
        ({"width": 999, "height": 999}, "1,000 to 10,000 pixels; it has 999."),
        ({"width": 999, "height": 1000}, None),
        ({"width": 10_000, "height": 10_000}, None),
        ({"width": 10_001}, "it has 10,001."),
        ({"size_bytes": 10_000_000}, None),
        ({"size_bytes": 10_000_001}, "at most 10,000,000 bytes; the file has 10,000,001."),
    ],
)
def test_what_does_not_hold_for_amazon_is_said_and_nothing_else(changed: dict[str, int], said: str | None) -> None:
    sentences = list(unmet(AMAZON, replace(SEEN, **changed)))
    if said is None:
        assert sentences == []
    else:
        (sentence,) = sentences
        assert sentence.startswith("Amazon ") and sentence.endswith(said)


@pytest.mark.parametrize(("share", "holds"), [(74.9, False), (75, True), (90, True), (90.1, False)])
def test_google_asks_for_room_around_the_subject(share: float, holds: bool) -> None:
    assert (list(unmet(GOOGLE, replace(SEEN, subject_share=share))) == []) is holds


def test_everything_that_does_not_hold_is_said() -> None:
    bad = SeenPicture(width=200, height=100, size_bytes=20_000_000, darkest_border=0, subject_share=0)
    assert len(list(unmet(GOOGLE, bad))) == 4


@pytest.mark.parametrize("name", SHOPS)
def test_the_ready_made_rendition_is_within_its_shops_rules(name: str) -> None:
    rendition, rules = READY_MADE[name], SHOPS[name]
    assert rendition.canvas_size is not None and rendition.subject_percent is not None
    assert rules.least_side <= max(rendition.canvas_size) <= rules.most_side
    assert rules.least_share < rendition.subject_percent < rules.most_share
    assert rendition.max_bytes == rules.most_bytes
    assert rendition.background == "#ffffff"
