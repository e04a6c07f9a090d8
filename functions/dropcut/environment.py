"""The settings of each function, as one validated value: the stacks build it, and the function reads it at its start.

A field's name in capitals is the variable's name (`work_bucket` is `WORK_BUCKET`). Times that follow from a function's
real time-out, such as the lease of a claim, are derived here and nowhere else.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Self

from dropcut.core.backoff import CLOCKS_APART_SECONDS
from dropcut.core.blame import BlameRules
from dropcut.core.pace import HORIZON_SECONDS
from dropcut.core.photo_source import PhotoSource, read_sources
from dropcut.core.picture_limits import DecodeLimits


class EnvironmentIncompleteError(RuntimeError):
    """A variable that the function cannot do without is missing, empty or not a number."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What every function needs. A field is a `str`, `int`, `float` or `bool`; a list is a text of JSON or commas."""

    state_table: str
    function_seconds: int
    """The function's time-out, as Lambda has it."""

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
                values[field.name] = _READ_AS.get(field.type, str)(text)
            except ValueError:
                wrong.append(f"{name} is {text!r}, not a number")
        if wrong:
            raise EnvironmentIncompleteError(
                f"{'; '.join(wrong)}. The pipeline stack sets these variables: deploy it again, do not edit them."
            )
        return cls(**values)  # type: ignore[arg-type]

    def to_variables(self) -> dict[str, str]:
        """The environment variables from which `read` builds this value."""
        return {name.upper(): _as_text(value) for name, value in asdict(self).items()}


_READ_AS: Mapping[object, Callable[[str], str | float]] = {int: int, float: float, bool: lambda text: bool(int(text))}
_MAY_BE_EMPTY = {"client_id", "client_version"}


def _as_text(value: str | float) -> str:
    """A whole number is written without a fraction, so that it can be read as one."""
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else repr(value)


@dataclass(frozen=True, kw_only=True)
class StageEnvironment(Environment):
    """What every stage needs."""

    account_id: str
    """Of the AWS account whose buckets these are."""
    inputs: str
    """Where photos come from, as JSON (core/photo_source.py)."""
    work_bucket: str
    queue_url: str
    """The stage's own queue."""
    dead_letter_queue_url: str
    """The stage's own dead-letter queue."""

    @property
    def sources(self) -> Sequence[PhotoSource]:
        return read_sources(self.inputs)


SECONDS_AROUND_IMAGING = 15
"""What a stage needs beside decoding one photo: reading it, writing what was made of it."""


@dataclass(frozen=True, kw_only=True)
class ImagingEnvironment(StageEnvironment):
    """What the stages that decode photos need."""

    max_photo_megapixels: float
    max_photo_mib: float
    """Size of a photo's file."""
    max_frames: int
    imaging_seconds: float
    """How long one picture may take to decode and encode."""
    imaging_memory_mib: int
    """How much memory the process that decodes may use."""
    formats: str
    """The formats of photos that are taken, with commas between them."""
    refuse_exposed: bool
    """Decode nothing while a process that decodes could read the function's credentials."""

    @property
    def needed_seconds(self) -> float:
        """Time without which no photo is begun."""
        return self.imaging_seconds + SECONDS_AROUND_IMAGING

    @property
    def decode_limits(self) -> DecodeLimits:
        return DecodeLimits(max_pixels=round(self.max_photo_megapixels * 1_000_000), max_frames=self.max_frames)


@dataclass(frozen=True, kw_only=True)
class PrepareEnvironment(ImagingEnvironment):
    rendition_names: str
    """What an uploader or a requester may choose from, as JSON (core/photo_source.py)."""
    cut_queue_url: str
    deliver_queue_url: str
    """Where the outcome of a photo goes, whichever stage decided it."""


CONNECT_SECONDS = 5.0
SEND_SECONDS = 30.0
"""For the whole form: 10 MiB need a line of 3 Mbit/s."""
AWS_CONNECT_SECONDS = 2
AWS_READ_SECONDS = 6
AWS_TRIES = 3
"""Of one call of AWS by the cut function. The time-outs are short, so that a hung connection does not use up the paid
call's time. There is more than one try, because a short failure of S3 must not lose a paid answer."""
AWS_BACKOFF_SECONDS = 3
"""The longest that botocore waits between three tries (standard mode: under 1 s, then under 2)."""
AWS_CALL_SECONDS = AWS_TRIES * (AWS_CONNECT_SECONDS + AWS_READ_SECONDS) + AWS_BACKOFF_SECONDS
"""The longest one call of AWS can take, all tries included."""
SECONDS_TO_BEGIN = 2 * AWS_CALL_SECONDS
"""For what a batch has to know before its first message: the key, and the snapshot of the state table."""
SECONDS_TO_STORE = AWS_CALL_SECONDS
"""Time that an answer still needs after the longest call: the payment is recorded, and the answer handed on beside
that."""


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
    client_id: str
    client_version: str
    client_user_id: str
    """`none` or `folder`."""
    rate_limit_requests: int
    rate_limit_seconds: float
    lockout_seconds: float
    credits_per_image: float
    daily_credit_limit: float
    """0 means no limit."""
    max_attempts: int
    max_possibly_paid: int
    """After so many calls that may have been charged without an answer, a picture fails."""
    retry_base_seconds: float
    pause_seconds: float
    pause_after_failures: int
    """So many different pictures in trouble, without a call that went well, mean that the API is down."""
    pause_after_possibly_paid: int
    """So many calls of an hour that may have been charged in vain stop the spending."""
    pace_table: str
    """The table with the key's pace: this stack's state table, or that of another stack that uses the same key."""
    keep_results_days: int

    @property
    def needed_seconds(self) -> float:
        """No picture is begun with less time left: for its slot, its call, and the steps after that."""
        return HORIZON_SECONDS + self.call_needs_seconds

    @property
    def call_needs_seconds(self) -> float:
        """Time without which no call is begun: for the longest one, for storing its answer, and for recording it."""
        return call_needs_seconds(self.api_timeout_seconds)

    @property
    def lease_seconds(self) -> float:
        """Longer than the function lives: while it does, nobody else buys the picture."""
        return self.function_seconds + CLOCKS_APART_SECONDS

    @property
    def blame(self) -> BlameRules:
        """At a picture's first failure nobody knows yet whether others' calls go well: it has two calls at least."""
        return BlameRules(
            max_attempts=max(2, self.max_attempts),
            max_possibly_paid=self.max_possibly_paid,
            pause_after_failures=self.pause_after_failures,
            pause_after_possibly_paid=self.pause_after_possibly_paid,
        )


def longest_call_seconds(api_timeout_seconds: float) -> float:
    """The connection, the form, then the time-out twice: the last read of the answer may begin just before it is up."""
    return CONNECT_SECONDS + SEND_SECONDS + 2 * api_timeout_seconds


def call_needs_seconds(api_timeout_seconds: float) -> float:
    """The longest call of the API, and two calls of AWS after it: one stores the answer, one records the payment."""
    return longest_call_seconds(api_timeout_seconds) + 2 * AWS_CALL_SECONDS


def cut_function_seconds(api_timeout_seconds: float) -> int:
    """The time-out that the cut function has to have: a batch that has just begun can still make its calls."""
    return math.ceil(SECONDS_TO_BEGIN + HORIZON_SECONDS + call_needs_seconds(api_timeout_seconds))


@dataclass(frozen=True, kw_only=True)
class DeliverEnvironment(ImagingEnvironment):
    output_bucket: str
    renditions: str
    """A list of renditions as JSON (core/rendition_setting.py)."""
    input_renditions: str
    """Inputs whose photos have renditions of their own, as JSON (core/photo_source.py)."""
    colour_profile: str
    """`keep` or `srgb`: what cut-outs at full size are in."""
    keep_jobs_days: int
    """How long the record of an ended photo is kept."""
    hold_doubtful: bool
    """Whether doubtful cut-outs wait for a person's decision; else they are delivered."""
    held_days: int
    stage_roles: str
    """Unique ids of the roles of the functions that write to deliver's queue, with commas: none of them decides."""

    @property
    def needed_seconds(self) -> float:
        """With the photo, then without it: a minute at most, which is plenty at the answer's size."""
        return super().needed_seconds + min(self.imaging_seconds, 60.0)


@dataclass(frozen=True, kw_only=True)
class GatekeeperEnvironment(Environment):
    cut_function: str
    cut_event_source: str
    """Id of the event source mapping that feeds the cut function."""
    cut_timeout_seconds: int
    cut_queue_url: str
    cut_dead_letter_queue_url: str
    deliver_queue_url: str
    api_key_secret: str
    """Name of the secret that holds the API key."""

    @property
    def invoke_seconds(self) -> float:
        """How long the gatekeeper waits for one run of the cut function: longer than that can last."""
        return self.cut_timeout_seconds + 5


@dataclass(frozen=True, kw_only=True)
class FeederEnvironment(Environment):
    account_id: str
    """Of the AWS account whose buckets these are."""
    inputs: str
    """Where photos come from, as JSON (core/photo_source.py)."""
    rendition_names: str
    """Those that are made of a photo, as JSON (core/photo_source.py)."""
    work_bucket: str
    intake_queue_url: str
    cut_queue_url: str
    rule_name: str
    """Of the EventBridge rule that wakes it."""
    api_key_secret: str
    """Name of the secret that holds the API key: the day's credits are counted by its fingerprint."""
    credits_per_image: float
    daily_credit_limit: float
    """0 means no limit; then the key is not read."""
    rate_limit_requests: int
    rate_limit_seconds: float

    @property
    def sources(self) -> Sequence[PhotoSource]:
        return read_sources(self.inputs)


WEBHOOK_SECONDS = 15.0
"""For one try, from connecting to the answer's headers."""
LOOKUP_SECONDS = 10
"""For the receiver's name, by `RESOLVER_OPTIONS`: two tries of 2 s, and of the name's other forms."""
RESOLVER_OPTIONS = "timeout:2 attempts:2"
"""Variable RES_OPTIONS of the C library, which else waits for 5 s at a time."""


@dataclass(frozen=True, kw_only=True)
class NotifyEnvironment(Environment):
    queue_url: str
    dead_letter_queue_url: str
    webhook_url: str
    webhook_secret: str
    """Name of the secret that holds the keys which sign."""

    @property
    def needed_seconds(self) -> float:
        """Time without which no webhook is begun: for one try, and for saying what came of it."""
        return LOOKUP_SECONDS + WEBHOOK_SECONDS + AWS_CALL_SECONDS


def notify_function_seconds() -> int:
    """The time-out of the notify function: a batch that has just begun can still make its tries."""
    return math.ceil(SECONDS_TO_BEGIN + LOOKUP_SECONDS + WEBHOOK_SECONDS + AWS_CALL_SECONDS)
