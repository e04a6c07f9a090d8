"""The description of a shadow: what may be said, and what is said when it may not."""

import json

import pytest
from dropcut.core.shadow import RANGES, Shadow, ShadowError


def test_the_word_soft_is_the_default_shadow() -> None:
    assert Shadow.read("soft") == Shadow()
    assert Shadow().to_json() == "soft"


@pytest.mark.parametrize("shadow", [Shadow(), Shadow(opacity_percent=60), Shadow(blur_percent=0, offset_percent=4.5)])
def test_a_shadow_is_the_same_after_json(shadow: Shadow) -> None:
    assert Shadow.read(json.loads(json.dumps(shadow.to_json()))) == shadow


def test_what_is_left_out_is_as_in_the_soft_one() -> None:
    assert Shadow.read({"opacity_percent": 50}) == Shadow(opacity_percent=50)


@pytest.mark.parametrize("field", RANGES)
def test_a_value_may_reach_its_limits_and_not_go_beyond(field: str) -> None:
    least, most = RANGES[field]
    for allowed in (least, most):
        assert getattr(Shadow.read({field: allowed}), field) == allowed
    for refused in (least - 0.1, most + 0.1, "5", None, True, float("nan")):
        with pytest.raises(ShadowError, match=f"{field} is .*Allowed: {least:g} to {most:g}"):
            Shadow.read({field: refused})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("hard", "it is 'hard'. Allowed: 'soft'"),
        (True, "it is True"),
        (["soft"], "it is"),
        ({"colour": "#000000"}, "there is no 'colour'. Allowed: opacity_percent, blur_percent, offset_percent"),
    ],
)
def test_what_is_no_shadow_is_refused_with_what_is_allowed(given: object, said: str) -> None:
    with pytest.raises(ShadowError) as refused:
        Shadow.read(given)
    assert str(refused.value).startswith(said)


def test_the_room_that_a_shadow_needs_grows_with_offset_and_blur() -> None:
    assert Shadow(offset_percent=2, blur_percent=3).reach_percent == 11
