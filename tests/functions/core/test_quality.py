"""What the measures of a cut-out mean: the rules' table, rule by rule."""

import json
from dataclasses import asdict, fields, replace
from itertools import pairwise

import pytest
from dropcut.core.quality import RULES, Doubt, Measures, Quality, Rule, quality_of

GOOD = Measures(
    kept=0.3,
    kept_of_frame=0.1,
    steepness=0.6,
    opaque=0.9,
    loose_outline=0.01,
    longest_loose=0.02,
    pieces=1,
    loose_pieces=0,
    loose_islands=0,
    loose_holes=0,
    more_of_it=0.0,
    something_else=0.0,
)
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.measure}")


def having(rule: Rule, value: float) -> Measures:
    """Good in all but one measure."""
    return replace(GOOD, **{rule.measure: value})


def past(rule: Rule, share: float) -> float:
    """A value on the way from fine (0) to doubtful (1), or beyond."""
    return rule.fine + share * (rule.doubtful - rule.fine)


def test_a_good_cut_out_has_the_highest_score_and_no_doubt() -> None:
    assert quality_of(GOOD) == Quality(1.0, ())


@each_rule
def test_a_measure_costs_nothing_as_long_as_it_is_fine(rule: Rule) -> None:
    assert quality_of(having(rule, rule.fine)) == Quality(1.0, ())
    assert quality_of(having(rule, past(rule, -0.1))) == Quality(1.0, ())


@each_rule
def test_a_measure_raises_its_doubt_from_its_doubtful_level_on(rule: Rule) -> None:
    assert quality_of(having(rule, past(rule, 0.99))).doubts == ()
    for share in (1.001, 2):
        doubted = quality_of(having(rule, past(rule, share)))
        assert [doubt.code for doubt in doubted.doubts] == [rule.code]


@each_rule
def test_the_score_falls_with_the_measure_and_passes_half_at_the_doubt(rule: Rule) -> None:
    scores = [quality_of(having(rule, past(rule, share))).score for share in (0.2, 0.6, 0.9999, 1.001, 1.5, 3)]
    assert all(one > next_one for one, next_one in pairwise(scores))
    assert scores[2] > 0.5 >= scores[3]
    assert 0 < scores[-1] < 0.11


@each_rule
def test_a_doubt_says_the_measured_value_in_a_whole_sentence(rule: Rule) -> None:
    doubt = rule.doubt(having(rule, 7))
    assert "7" in doubt.sentence
    assert not doubt.sentence[0].islower() and doubt.sentence.endswith(".")
    assert "{" not in doubt.sentence


@pytest.mark.parametrize(("kept", "code"), [(0.0, "nothing_left"), (1.0, "nothing_removed")])
def test_where_all_or_nothing_is_left_nothing_else_is_said(kept: float, code: str) -> None:
    bad = replace(GOOD, kept=kept, kept_of_frame=1.0, steepness=0.0, opaque=0.0, something_else=900.0)
    quality = quality_of(bad)
    assert [doubt.code for doubt in quality.doubts] == [code]
    assert quality.score < 0.2


def test_each_code_is_said_once_and_the_worst_measure_makes_the_score() -> None:
    soft = replace(GOOD, steepness=0.1, opaque=0.0, loose_outline=0.15)
    quality = quality_of(soft)
    assert [doubt.code for doubt in quality.doubts] == ["soft_all_over", "cut_off"]
    assert quality.score == min(quality_of(replace(GOOD, **part)).score for part in (
        {"steepness": 0.1}, {"opaque": 0.0}, {"loose_outline": 0.15}))  # fmt: skip


def test_every_measure_has_a_rule_and_every_rule_a_measure() -> None:
    assert {rule.measure for rule in RULES} == {field.name for field in fields(Measures)}


def test_a_verdict_is_the_same_after_json() -> None:
    for quality in (Quality(1.0), quality_of(replace(GOOD, loose_holes=2, pieces=20))):
        assert Quality.from_fields(json.loads(json.dumps(quality.to_fields()))) == quality
    assert Quality(0.4, (Doubt("holes", "There are two."),)).to_fields() == {
        "score": 0.4,
        "doubts": [{"code": "holes", "sentence": "There are two."}],
    }


@pytest.mark.parametrize("fields_", [{}, {"score": 1.0}, {"score": 0.4, "doubts": [{"code": "holes"}]}])
def test_what_is_no_verdict_is_not_read_as_one(fields_: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        Quality.from_fields(fields_)


def test_a_verdict_in_short_is_one_word_for_the_score_and_one_for_the_codes() -> None:
    assert Quality(1.0).short == "1"
    assert Quality(0.25, (Doubt("pieces", "Many."), Doubt("holes", "Two."))).short == "0.25 pieces,holes"


def test_the_longest_verdict_in_short_leaves_room_in_an_objects_metadata() -> None:
    every = Quality(0.123, tuple(Doubt(code, "") for code in dict.fromkeys(rule.code for rule in RULES)))
    assert len(every.short) < 150
    assert every.short.isascii()


def test_measures_are_the_same_after_json() -> None:
    assert Measures.from_fields(json.loads(json.dumps(asdict(GOOD)))) == GOOD


@pytest.mark.parametrize(
    "changed",
    [
        {"kept": float("nan")},
        {"kept": float("inf")},
        {"kept": -0.1},
        {"kept": "0.3"},
        {"kept": True},
        {"kept": None},
        {"kept": 10**400},
        {"pieces": 1.0},
        {"pieces": -1},
        {"pieces": [1]},
        {"more": 1},
    ],
    ids=str,
)
def test_what_is_no_measure_is_not_believed(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="measure"):
        Measures.from_fields(asdict(GOOD) | changed)


@pytest.mark.parametrize("given", [None, [], "measures", {}, {"kept": 1.0}])
def test_what_is_no_set_of_measures_is_not_believed(given: object) -> None:
    with pytest.raises(ValueError, match="not the measures"):
        Measures.from_fields(given)
