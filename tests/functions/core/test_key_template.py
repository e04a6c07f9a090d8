"""Which key templates are taken, and which two could give one photo the same key twice."""

import pytest
from dropcut.core.key_template import KeyTemplateError, check_key_template, could_collide, uses_edition

GOOD = "{folder}{stem}.{extension}"


@pytest.mark.parametrize(
    "template",
    [
        GOOD,
        "{folder}{name}.{extension}",
        "web/{folder}{stem}-{rendition}.{extension}",
        "{folder}{stem}/{sha256}.{extension}",
    ],
)
def test_a_template_that_names_every_photo_is_taken(template: str) -> None:
    check_key_template(template)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{stem}.{extension}", "whose picture"),
        ("{folder}a.{extension}", "whose picture"),
        ("{folder}{stem}.png", "does not end in .{extension}"),
        ("{folder}{extension}/{stem}.{extension}", "once"),
        ("/{folder}{stem}.{extension}", "begins with a slash"),
        ("../{folder}{stem}.{extension}", "two dots"),
        ("ü/{folder}{stem}.{extension}", "printable ASCII"),
        ("{folder}{stem!r}.{extension}", "contains {stem}"),
        ("{folder}{stem:>9}.{extension}", "contains {stem}"),
        ("{folder}{stem}{owner}.{extension}", "contains {owner}"),
        ("{folder}{stem.__class__}.{extension}", "contains {stem.__class__}"),
        ("{folder}{stem", "cannot be read"),
    ],
)
def test_a_template_that_could_lose_a_photo_is_refused_with_the_reason(template: str, said: str) -> None:
    with pytest.raises(KeyTemplateError) as refused:
        check_key_template(template)
    assert said in str(refused.value)
    assert "Allowed: " in str(refused.value)


@pytest.mark.parametrize(
    ("one", "other", "collide"),
    [
        ((GOOD, "a"), (GOOD, "b"), True),
        (("{folder}{stem}-{rendition}.{extension}", "a"), ("{folder}{stem}-{rendition}.{extension}", "b"), False),
        ((GOOD, "a"), ("{folder}{name}.{extension}", "b"), True),  # a photo without an extension
        (("web/{folder}{stem}.{extension}", "a"), ("{folder}web/{stem}.{extension}", "b"), True),
        (("{folder}{stem}-web.{extension}", "a"), ("{folder}{stem}-{rendition}.{extension}", "web"), True),
        (("a/{folder}{stem}.{extension}", "a"), ("b/{folder}{stem}.{extension}", "b"), False),
    ],
)
def test_two_renditions_that_may_meet_in_one_key_are_found(
    one: tuple[str, str], other: tuple[str, str], collide: bool
) -> None:
    assert could_collide(one, other) is could_collide(other, one) is collide


@pytest.mark.parametrize(
    ("template", "anew"),
    [(GOOD, False), ("{folder}{stem}-{version}.{extension}", True), ("{folder}{stem}-{sha256}.{extension}", True)],
)
def test_only_an_edition_gives_a_photo_that_comes_again_another_key(template: str, anew: bool) -> None:
    assert uses_edition(template) is anew
