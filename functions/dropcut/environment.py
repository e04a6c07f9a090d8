"""What each function is told by its environment: read once, at start, into one validated value.

A field's name in capitals is the variable's name (`work_bucket` is `WORK_BUCKET`). The stacks set exactly these
variables; a test in `tests/infra` holds the two lists against each other.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from dropcut.core.picture_limits import DecodeLimits


class EnvironmentIncompleteError(RuntimeError):
    """A variable that the function cannot do without is missing, empty or not a number."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What every function is told."""

    state_table: str

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """Build the value from environment variables.

        Raises:
            EnvironmentIncompleteError: names every variable that is missing or malformed, all at once.
        """
        values: dict[str, str | int | float] = {}
        wrong: list[str] = []
        for field in fields(cls):
            name = field.name.upper()
            text = variables.get(name, "")
            if not text and field.name not in _MAY_BE_EMPTY:
                wrong.append(f"{name} is missing")
                continue
            try:
                values[field.name] = field.type(text) if field.type in (int, float) else text
            except ValueError:
                wrong.append(f"{name} is {text!r}, not a number")
        if wrong:
            raise EnvironmentIncompleteError(
                f"{'; '.join(wrong)}. The pipeline stack sets these variables: deploy it again, do not edit them."
            )
        return cls(**values)  # type: ignore[arg-type]


_MAY_BE_EMPTY = {"input_prefix"}


@dataclass(frozen=True, kw_only=True)
class StageEnvironment(Environment):
    """What every stage is told."""

    work_bucket: str
    queue_url: str
    """The stage's own queue."""
    dead_letter_queue_url: str
    """The stage's own dead-letter queue."""


@dataclass(frozen=True, kw_only=True)
class ImagingEnvironment(StageEnvironment):
    """What the stages that decode photos are told."""

    max_photo_megapixels: float
    max_photo_mib: float
    """Size of a photo's file."""
    max_frames: int
    imaging_seconds: float
    """How long one picture may take to decode and encode."""
    imaging_memory_mib: int
    """How much memory the process that decodes may use."""

    @property
    def decode_limits(self) -> DecodeLimits:
        return DecodeLimits(max_pixels=round(self.max_photo_megapixels * 1_000_000), max_frames=self.max_frames)


@dataclass(frozen=True, kw_only=True)
class PrepareEnvironment(ImagingEnvironment):
    input_bucket: str
    input_prefix: str
    cut_queue_url: str
    deliver_queue_url: str
    """Where the outcome of a photo goes, whichever stage decided it."""


@dataclass(frozen=True, kw_only=True)
class CutEnvironment(StageEnvironment):
    deliver_queue_url: str
    """Where the outcome of a photo goes, whichever stage decided it."""
    api_key_secret: str
    """Name of the secret that holds the API key."""
    provider: str
    """`ezlink` or `stability`."""
    api_base_url: str
    api_timeout_seconds: float
    """The longest one call may take, from connecting to the answer's last byte."""
    rate_limit_requests: int
    rate_limit_seconds: float
    lockout_seconds: float
    output_format: str
    """`png` or `webp`."""
    credits_per_image: float
    daily_credit_limit: float
    """0 means no limit."""
    max_attempts: int
    max_possibly_paid: int
    """After so many calls that may have been charged without an answer, a picture is set aside."""
    retry_base_seconds: float
    pause_seconds: float
    pause_after_failures: int
    """So many failed calls in a row, as one worker sees them, mean that the API is down."""
    pace_table: str
    """The table with the key's pace: this stack's state table, or that of another stack that uses the same key."""
    keep_results_days: int


@dataclass(frozen=True, kw_only=True)
class DeliverEnvironment(ImagingEnvironment):
    output_bucket: str
    renditions: str
    """A list of renditions as JSON (core/rendition_setting.py)."""
    colour_profile: str
    """`keep` or `srgb`: what cut-outs at full size are in."""


@dataclass(frozen=True, kw_only=True)
class GatekeeperEnvironment(Environment):
    cut_function: str
    cut_event_source: str
    """Id of the event source mapping that feeds the cut function."""
    cut_timeout_seconds: int
    cut_queue_url: str
    deliver_queue_url: str
    pause_seconds: float
