"""The description of a shadow: what may be said, and what is said when it may not."""

import pytest
from dropcut.core.shadow import RANGES, Shadow, ShadowError


def test_the_word_soft_is_the_default_shadow() -> None:
    assert Shadow.read("soft") == Shadow()


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
        ("hard", "shadow is 'hard'. Allowed: 'soft'"),
        (True, "shadow is True"),
        (["soft"], "shadow is ['soft']"),
        ({"colour": "#000000"}, "shadow has no 'colour'. Allowed: opacity_percent, blur_percent, offset_percent"),
    ],
)
def test_what_is_no_shadow_is_refused_with_what_is_allowed(given: object, said: str) -> None:
    with pytest.raises(ShadowError) as refused:
        Shadow.read(given)
    assert str(refused.value).startswith(said)
