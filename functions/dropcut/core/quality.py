"""Whether a cut-out is good: measures of photo and answer (imaging/quality.py) become a score and doubts.

The rules are a table, RULES. Its levels come from the calibration half of `bench/quality.py`: they stand between what
was measured there on good cut-outs and on bad ones. White things on white and photos from a camera got the most room.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

_LARGEST = 1e9
"""More than any measure can be: none counts more than a picture's pixels."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What was found in the photo and in the answer's alpha. Shares and means are from 0 to 1.

    An outline is loose where the photo's colours do not change along with alpha: the photo has no edge there.
    """

    kept: float
    """Mean of alpha."""
    kept_of_frame: float
    """Mean of alpha along the photo's four sides."""
    steepness: float
    """How steep alpha's edges are: about 0.65 for those of a sharp cut-out, 0 where there is no edge."""
    opaque: float
    """Share of what is not clear that is opaque."""
    loose_outline: float
    """Share of the outline that is loose."""
    longest_loose: float
    """Length of the longest connected stretch of it that is loose, as a part of the photo's diagonal."""
    pieces: int
    """Separate parts of the subject, without specks."""
    loose_pieces: int
    """Parts with a loose outline that are large beside the largest part, which does not count itself."""
    loose_islands: int
    """Parts with a loose outline that are small beside the largest part."""
    loose_holes: int
    """Holes with a loose outline."""
    more_of_it: float
    """Removed area in the subject's colours, which are not the frame's, as a multiple of the kept area."""
    something_else: float
    """Removed area in the middle, in colours that the frame does not have, as a multiple of the kept area."""

    @classmethod
    def from_fields(cls, given: object) -> Self:
        """Read what a process says that strangers' files may have taken over.

        Raises:
            ValueError: other fields, or one that is no number from 0 to _LARGEST, or no whole one where parts count.
        """
        kinds = {field.name: field.type for field in fields(cls)}
        if not isinstance(given, Mapping) or given.keys() != kinds.keys():
            raise ValueError("These are not the measures of a cut-out")
        for name, value in given.items():
            is_number = type(value) is int or (type(value) is float and kinds[name] is float)
            if not is_number or not 0 <= value <= _LARGEST:
                raise ValueError(f"The measure {name} of a cut-out is {value!r}")
        return cls(**given)


@dataclass(frozen=True)
class Doubt:
    """One reason why a person should look at a cut-out."""

    code: str
    """A stable word for programs, such as `cut_off`."""
    sentence: str
    """For people."""


@dataclass(frozen=True)
class Quality:
    """The verdict on a cut-out."""

    score: float
    """0 to 1, three digits: at most 0.5 with a doubt, more than 0.5 without one."""
    doubts: tuple[Doubt, ...] = ()

    @property
    def short(self) -> str:
        """Score and codes in one line of ASCII, such as `0.121 cut_off,pieces`, for an object's metadata."""
        return f"{self.score:g} {','.join(doubt.code for doubt in self.doubts)}".rstrip()

    def to_fields(self) -> dict[str, Any]:
        """The value as JSON has it."""
        return {"score": self.score, "doubts": [asdict(doubt) for doubt in self.doubts]}

    def to_json(self) -> str:
        return json.dumps(self.to_fields())

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `to_fields` made. Raises KeyError or TypeError for anything else."""
        return cls(float(fields["score"]), tuple(Doubt(**doubt) for doubt in fields["doubts"]))


@dataclass(frozen=True)
class Rule:
    """What one measure means. `doubtful` lies above `fine` where much is bad, and below it where little is bad."""

    code: str
    measure: str
    fine: float
    """Up to here the measure costs nothing."""
    doubtful: float
    """From here on a person should look."""
    sentence: str
    """With a place for the measure's value."""
    is_final: bool = False
    """Whether the rules after this one say nothing more once it holds."""

    def severity(self, measures: Measures) -> float:
        """0 for fine, 1 or more for doubtful."""
        value = float(getattr(measures, self.measure))
        return max(0.0, (value - self.fine) / (self.doubtful - self.fine))

    def doubt(self, measures: Measures) -> Doubt:
        return Doubt(self.code, self.sentence.format(getattr(measures, self.measure)))


RULES: Sequence[Rule] = (
    Rule("nothing_left", "kept", 0.003, 0.002,
         "Only {:.1%} of the photo is left: the API did not find the subject.", is_final=True),
    Rule("nothing_removed", "kept", 0.98, 0.985,
         "{:.1%} of the photo is left: the API did not remove the background.", is_final=True),
    Rule("background_kept", "kept_of_frame", 0.7, 0.85,
         "{:.0%} of the photo's border is left: the cut-out may be the background without the subject."),
    Rule("soft_all_over", "steepness", 0.3, 0.15,
         "The edges of the cut-out are soft everywhere: their steepness is {:.2f}, sharp ones have 0.65."),
    Rule("soft_all_over", "opaque", 0.3, 0.03,
         "The cut-out is half transparent everywhere: only {:.0%} of it is opaque."),
    Rule("cut_off", "loose_outline", 0.07, 0.14,
         "On {:.0%} of the outline the photo has no edge: part of the subject is missing, or background is kept."),
    Rule("cut_off", "longest_loose", 0.06, 0.09,
         "The photo has no edge along a stretch of the outline that is {:.0%} as long as its diagonal. Part of the "
         "subject is missing, or background is kept."),
    Rule("pieces", "loose_pieces", 0, 1,
         "Further large pieces end where the photo has no edge ({} in all): the subject is torn."),
    Rule("pieces", "pieces", 6, 16,
         "The cut-out is in {} pieces."),
    Rule("background_islands", "loose_islands", 0, 1,
         "Small pieces beside the subject end where the photo has no edge ({} in all): they are background."),
    Rule("holes", "loose_holes", 0, 1,
         "Holes in the subject end where the photo has no edge ({} in all)."),
    Rule("part_missing", "more_of_it", 0.15, 0.35,
         "The removed part of the photo holds the subject's colours, on {:.0%} of the kept area: part of it may be "
         "missing."),
    Rule("subject_too_small", "something_else", 0.4, 0.8,
         "The middle of the photo shows something else than its border, {:.1f} times as large as what is kept."),
)  # fmt: skip


def quality_of(measures: Measures) -> Quality:
    """Score and doubts. The most severe measure alone makes the score; each code is given once."""
    worst, doubts = 0.0, dict[str, Doubt]()
    for rule, severity in _severities(measures):
        worst = max(worst, severity)
        if severity >= 1:
            doubts.setdefault(rule.code, rule.doubt(measures))
    # Rounded up, so that a score without a doubt never becomes 0.5.
    return Quality(math.ceil(1000 / (1 + worst**2)) / 1000, tuple(doubts.values()))


def _severities(measures: Measures) -> Iterator[tuple[Rule, float]]:
    for rule in RULES:
        severity = rule.severity(measures)
        yield rule, severity
        if rule.is_final and severity >= 1:
            return
