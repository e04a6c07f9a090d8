"""Doubtful cut-outs that are held for a person, and what the person sends to decide."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

from dropcut.core.messages import Ended, OutcomeMessage, PaidAnswer, Upload
from dropcut.core.quality import Quality
from dropcut.core.rendition import RenditionFile
from dropcut.core.units import DAY_SECONDS

HELD_FOLDER = "held/"
"""Folder of the output bucket in which doubtful cut-outs wait, and into which reviewers put their own."""
DECIDED_AGAIN_AFTER_SECONDS = float(DAY_SECONDS)
"""A decision that was not carried out within a day makes room for another: its message is a dead letter by then."""
Word = Literal["accept", "reject", "replace"]

REJECTED = Ended(
    kind="rejected", code="rejected_by_reviewer", reason="A reviewer looked at the cut-out and rejected it."
)


def held_too_long(days: int) -> Ended:
    return Ended(
        kind="failed",
        code="held_too_long",
        reason=f"Nobody decided on the doubtful cut-out within {days} days (`held_days`). Upload the photo again: "
        "within `keep_results_days` the same picture is not paid for twice.",
    )


@dataclass(frozen=True, kw_only=True)
class Review:
    """A message in the deliver queue: a person's decision on a held photo."""

    bucket: str
    key: str
    """Of the photo."""
    decision: Word
    job_id: str | None = None
    """If given, only when this is the upload that is held."""
    picture: str | None = None
    """For `replace`: the key of the person's own cut-out, under `held/` in the output bucket."""

    def __post_init__(self) -> None:
        if any(not isinstance(value, str | None) for value in asdict(self).values()):
            raise TypeError("a value is no text")
        if self.decision not in get_args(Word):
            raise ValueError(f"the decision is {self.decision!r}; allowed: {', '.join(get_args(Word))}")
        if (self.picture is not None) != (self.decision == "replace"):
            raise ValueError("picture belongs to the decision replace, and to no other")

    @property
    def text(self) -> str:
        """The same for messages that ask for the same."""
        return f"{self.decision} {self.picture}" if self.picture else self.decision

    def to_fields(self) -> dict[str, Any]:
        """The message's JSON, without what is not given."""
        return {"review": {name: value for name, value in asdict(self).items() if value is not None}}


@dataclass(frozen=True)
class EndOldHeld:
    """A message in the deliver queue: end the photos on which nobody decided in time."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the job's record keeps of a held photo, so that a decision needs nothing made anew."""

    outcome: OutcomeMessage
    """With a paid answer."""
    files: Sequence[RenditionFile]
    """As they were made; `path` is the key in the output bucket."""
    renditions: str
    """How they were described, as JSON: the setting may be another when the decision comes."""
    note: str
    quality: Quality

    @property
    def answer(self) -> PaidAnswer:
        assert isinstance(self.outcome.outcome, PaidAnswer), "only cut-outs are held"
        return self.outcome.outcome

    @property
    def upload(self) -> Upload:
        return self.outcome.upload

    @property
    def keys(self) -> Sequence[str]:
        return [file.path for file in self.files]

    def to_json(self) -> str:
        return json.dumps(
            {
                "outcome": self.outcome.to_json(),
                "files": [asdict(file) for file in self.files],
                "renditions": self.renditions,
                "note": self.note,
                "quality": self.quality.to_fields(),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        values: Mapping[str, Any] = json.loads(text)
        known = {field.name for field in fields(RenditionFile)}
        return cls(
            outcome=OutcomeMessage.from_json(values["outcome"]),
            files=[RenditionFile(**{n: v for n, v in file.items() if n in known}) for file in values["files"]],
            renditions=values["renditions"],
            note=values["note"],
            quality=Quality.from_fields(values["quality"]),
        )
