from typing import Any

import pytest
from dropcut.core.choices import (
    LONGEST_METADATA,
    LONGEST_REFERENCE,
    NO_CHOICES,
    Choices,
    ChoicesError,
    choices_of_photo,
)
from dropcut.core.rendition_setting import read_renditions

ALL = Choices(renditions=("web", "full"), reference="order 4711", metadata={"sku": "42"})
DEPLOYED = read_renditions(["full", "amazon_main", "web"])


@pytest.mark.parametrize("choices", [ALL, NO_CHOICES, Choices(reference="ü")])
def test_choices_survive_json(choices: Choices) -> None:
    assert Choices.from_fields(choices.to_fields()) == choices


def test_a_photos_metadata_names_renditions_and_a_reference() -> None:
    metadata = {"dropcut-renditions": " web, full,", "dropcut-reference": "order 4711", "camera": "x"}
    assert choices_of_photo(metadata) == Choices(renditions=("web", "full"), reference="order 4711")
    assert choices_of_photo({"dropcut-renditions": "", "dropcut-reference": ""}) == NO_CHOICES


def test_what_a_requester_left_open_is_as_the_uploader_chose() -> None:
    assert Choices(reference="mine").over(ALL) == Choices(
        renditions=("web", "full"), reference="mine", metadata={"sku": "42"}
    )
    assert ALL.over(Choices(renditions=("mask",), reference="another")) == ALL


@pytest.mark.parametrize(
    "wrong",
    [
        {"renditions": "web"},
        {"renditions": ["web", 7]},
        {"renditions": ["a b"]},
        {"renditions": [""]},
        {"renditions": ["n"] * 51},
        {"reference": 7},
        {"reference": ""},
        {"reference": "two\r\nlines"},
        {"reference": "r" * (LONGEST_REFERENCE + 1)},
        {"metadata": ["sku"]},
        {"metadata": {"sku": 42}},
        {"metadata": {"SKU": "42"}},
        {"metadata": {"s k": "42"}},
        {"metadata": {"n" * 33: "42"}},
        {"metadata": {f"n{number}": "" for number in range(20)}},
        {"metadata": {"sku": "4" * (LONGEST_METADATA - len("dropcut-meta-sku") + 1)}},
    ],
    ids=str,
)
def test_what_cannot_be_chosen_is_refused_by_name_with_what_is_allowed(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ChoicesError, match=rf"(?s)^{name} is .*\. Allowed: .*\.$"):
        Choices.from_fields(wrong)


@pytest.mark.parametrize(
    "right",
    [
        {"renditions": ["n"] * 50},
        {"reference": "ü" * LONGEST_REFERENCE},
        {"metadata": {"sku": "4" * (LONGEST_METADATA - len("dropcut-meta-sku"))}},
    ],
    ids=lambda right: next(iter(right)),
)
def test_as_much_as_is_allowed_is_taken(right: dict[str, Any]) -> None:
    Choices.from_fields(right)


def test_a_rendition_that_is_not_made_here_is_named_with_those_that_are() -> None:
    assert ALL.refuses_names(["full", "web"]) == ""
    assert NO_CHOICES.refuses_names(["full"]) == ""
    assert ALL.refuses_names(["mask", "full"]) == "There is no rendition 'web' here. Allowed: full, mask."


@pytest.mark.parametrize(
    ("chosen", "made"),
    [
        (("web", "full"), ["full", "web"]),
        ((), ["full", "amazon_main", "web"]),
        (("mask",), ["full", "amazon_main", "web"]),
    ],
    ids=["in the deployment's order", "all", "what is no longer made"],
)
def test_the_chosen_renditions_are_made(chosen: tuple[str, ...], made: list[str]) -> None:
    assert [each.name for each in Choices(renditions=chosen).chosen_from(DEPLOYED)] == made


def test_cut_outs_tell_the_reference_and_the_metadata_under_names_of_their_own() -> None:
    assert ALL.output_metadata() == {"dropcut-reference": "order 4711", "dropcut-meta-sku": "42"}
    assert NO_CHOICES.output_metadata() == {}
