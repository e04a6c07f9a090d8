"""Whether a cut-out is good: what was measured on photo and answer (imaging/quality.py) becomes a score and doubts.

The rules are a table. Each holds one measure against two levels: up to `fine` it costs nothing, from `doubtful` on a
person should look. They were chosen on the calibration half of `bench/quality.py`, between what it measured on good
cut-outs and on bad ones; real samples and white things on white were given the most room.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What was found in the photo and the answer's alpha, both reduced. Shares are from 0 to 1.

    An outline is loose where the photo's colours change too little along with alpha: the photo has no edge there.
    """

    kept: float
    """Mean of alpha."""
    kept_of_frame: float
    """Mean of alpha along the photo's four sides."""
    steepness: float
    """How steep alpha's edges are: 1 for steps from clear to opaque, 0 where there is no edge."""
    opaque: float
    """Of all that is not clear, the share that is opaque."""
    loose_outline: float
    """Of the outline, the share that is loose."""
    pieces: int
    """Separate parts of the subject; specks do not count."""
    loose_pieces: int
    """Those of them, less the largest, whose outline is loose, and that are large beside the largest."""
    loose_islands: int
    """Those that are small beside the largest."""
    loose_holes: int
    """Holes whose outline is loose."""
    more_of_it: float
    """Area that was removed and has the subject's colours rather than the frame's, per area kept."""
    something_else: float
    """Area that was removed in the middle of the photo and has colours that the frame has not, per area kept."""


@dataclass(frozen=True)
class Doubt:
    """One reason to look at a cut-out."""

    code: str
    """A stable word for programs, such as `cut_off`."""
    sentence: str
    """For people."""


@dataclass(frozen=True)
class Quality:
    """The verdict on a cut-out."""

    score: float
    """From 0 to 1; 0.5 or less exactly when there are doubts."""
    doubts: tuple[Doubt, ...] = ()

    @property
    def is_doubtful(self) -> bool:
        return bool(self.doubts)

    def to_fields(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"score": self.score, "doubts": [asdict(doubt) for doubt in self.doubts]}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Of `to_fields`. Raises KeyError or TypeError for anything else."""
        return cls(float(fields["score"]), tuple(Doubt(**doubt) for doubt in fields["doubts"]))


@dataclass(frozen=True)
class Rule:
    """What one measure means. `doubtful` is above `fine` where much is bad, and below it where little is bad."""

    code: str
    measure: str
    fine: float
    doubtful: float
    sentence: str
    """With `{value}`, which `shown` writes."""
    shown: str = ".0%"
    says_all: bool = False
    """Whether the rules after it say nothing more once this one holds."""

    def severity(self, measures: Measures) -> float:
        """0 for fine, 1 and more for doubtful."""
        value = float(getattr(measures, self.measure))
        return max(0.0, (value - self.fine) / (self.doubtful - self.fine))

    def doubt(self, measures: Measures) -> Doubt:
        value = format(getattr(measures, self.measure), self.shown)
        return Doubt(self.code, self.sentence.format(value=value))


RULES: Sequence[Rule] = (
    Rule("nothing_left", "kept", 0.006, 0.002,
         "Only {value} of the photo is left: the subject was not found.", ".1%", says_all=True),
    Rule("nothing_removed", "kept", 0.92, 0.985,
         "{value} of the photo is left: the background was not removed.", ".1%", says_all=True),
    Rule("background_kept", "kept_of_frame", 0.7, 0.85,
         "{value} of the photo's border is left: the background may have been kept in place of the subject."),
    Rule("soft_all_over", "steepness", 0.3, 0.15,
         "The cut-out is soft all over: its edges are {value} as steep as those of a sharp one."),
    Rule("soft_all_over", "opaque", 0.3, 0.03,
         "The cut-out is half transparent all over: {value} of it is opaque."),
    Rule("cut_off", "loose_outline", 0.07, 0.14,
         "{value} of the outline runs where the photo has no edge: part of the subject may be missing, "
         "or background be kept."),
    Rule("pieces", "pieces", 6, 16, "The cut-out is in {value} pieces.", "d"),
    Rule("pieces", "loose_pieces", 0, 1,
         "{value} more pieces of the cut-out end where the photo has no edge: the subject may have been torn apart.", "d"),
    Rule("background_islands", "loose_islands", 0, 1,
         "Islands beside the subject, {value} of them, end where the photo has no edge: background may have been kept.",
         "d"),
    Rule("holes", "loose_holes", 0, 1,
         "Holes in the cut-out, {value} of them, end where the photo has no edge.", "d"),
    Rule("part_missing", "more_of_it", 0.15, 0.35,
         "What was removed holds more of the subject's colours, {value} of the area kept: part of it may be missing."),
    Rule("subject_too_small", "something_else", 0.4, 0.8,
         "The middle of the photo shows more than was kept: {value} of the area kept was removed there and looks unlike "
         "the background."),
)  # fmt: skip


def verdict(measures: Measures) -> Quality:
    """Score and doubts. The worst measure alone gives the score; no code is told twice."""
    worst, doubts = 0.0, dict[str, Doubt]()
    for rule, severity in _severities(measures):
        worst = max(worst, severity)
        if severity >= 1:
            doubts.setdefault(rule.code, rule.doubt(measures))
    return Quality(round(1 / (1 + worst**2), 3), tuple(doubts.values()))


def _severities(measures: Measures) -> Iterator[tuple[Rule, float]]:
    for rule in RULES:
        severity = rule.severity(measures)
        yield rule, severity
        if rule.says_all and severity >= 1:
            return
