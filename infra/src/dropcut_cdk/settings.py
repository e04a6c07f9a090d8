"""The settings of a deployment that are plain values: each with its default, what is allowed, and what it is for.

They are keyword arguments of `Dropcut`; our own deployment reads them from CDK context (`infra/settings.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dropcut import RELEASE
from dropcut.core.formats.photo_format import PHOTO_FORMATS
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import FULL
from dropcut.core.webhook import EVENTS
from dropcut.core.webhook_receiver import Receiver

from dropcut_cdk.kinds import (
    ABOVE_ZERO,
    FORMATS,
    RENDITIONS,
    YES_OR_NO,
    Kind,
    SettingsError,
    check_settings,
    choice,
    number,
    setting,
    text,
    whole,
    words,
)
from dropcut_cdk.sizes import (
    LONGEST_API_TIMEOUT_SECONDS,
    LONGEST_IMAGING_SECONDS,
    MOST_MEGAPIXELS,
    SECONDS_FOR_ANOTHER_RENDITION,
)

_INTRODUCTION = text(r"|(?! )[ -~]{1,256}(?<! )", "up to 256 printable ASCII characters, without spaces at either end")
"""256 by the API's specification, no outer spaces by HTTP's."""


def _check_receiver(given: object) -> object:
    """Nothing, or a URL that webhooks can be sent to. Raises ValueError: it is none."""
    if given != "":
        Receiver.at(given)
    return given


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All have a default that works. Raises SettingsError for a value that is not allowed."""

    rate_limit_requests: int = setting(
        150, whole(1), "How many requests the API allows one key in `rate_limit_seconds`."
    )
    rate_limit_seconds: float = setting(
        10.0, ABOVE_ZERO, "The window that `rate_limit_requests` counts in, in seconds."
    )
    lockout_seconds: float = setting(
        60.0, number(0, 3600), "How long the API locks a key out after too many requests, in seconds."
    )
    daily_credit_limit: float = setting(
        0.0,
        number(0, allowed="0, or a number of at least `credits_per_image`"),
        "No more than this many credits are spent in a UTC day by this deployment with one API key; 0 means no limit. "
        "`make deploy` asks for it.",
    )
    alarm_credits_per_hour: float = setting(
        1000.0, ABOVE_ZERO, "Alarm when more credits than this are spent in an hour."
    )
    output_format: str = setting("png", choice("png", "webp"), "Format of the cut-outs.")
    renditions: Sequence[str | Mapping[str, object] | Rendition] = setting(
        (),
        RENDITIONS,
        "What is made of each cut-out; without it the photo itself, full size, with its background gone.",
        shown_default="`full` alone",
    )
    colour_profile: str = setting(
        "keep",
        choice("keep", "srgb"),
        "Whether cut-outs at full size keep the photo's colour profile or are converted to sRGB. All other renditions "
        "are sRGB, and so are photos of more than 8 bits, CMYK and grey; a cut-out has 8 bits.",
    )
    alarm_email: str = setting(
        "",
        text(r"|[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+", "an e-mail address, or nothing"),
        "Who gets the alarms; they get one message first, asking to confirm.",
    )
    webhook_url: str = setting(
        "",
        Kind(
            allowed="a URL with https; http only to this machine (127.0.0.1, ::1, localhost), on the embedded AWS",
            check=_check_receiver,
        ),
        "Where events are sent as signed webhooks (docs/webhooks.md).",
    )
    webhook_events: Sequence[str] = setting(
        ("cutout.delivered", "cutout.rejected", "cutout.failed", "cutout.held"),
        words(*EVENTS),
        "Which events those are.",
        shown_default="`cutout.delivered,cutout.rejected,cutout.failed,cutout.held`",
    )
    event_schemas: bool = setting(
        False,
        YES_OR_NO,
        "Whether the schemas of the events (docs/events.md) are put into EventBridge's schema registry.",
    )
    max_concurrency: int = setting(
        7,
        whole(2, 1000),
        "Invocations of `cut` at once, with ten calls in flight each. The rate holds whatever this is; seven reach it "
        "while the API takes 3 s, two more are needed for each further second.",
    )
    imaging_concurrency: int = setting(
        10, whole(2, 1000), "Invocations of `prepare`, and of `deliver`, at once, with two photos in work each."
    )
    api_timeout_seconds: float = setting(
        75.0,
        number(1, LONGEST_API_TIMEOUT_SECONDS),
        "How long the API may take over one answer, in seconds; the gateway itself gives up after 60.",
    )
    max_attempts: int = setting(
        5,
        whole(1, 100),
        "Calls for one picture before it fails, if others' calls go well meanwhile. If none does, it waits "
        "(docs/pauses.md). Waiting is no attempt. 1 counts as 2, as the first failure alone shows neither.",
    )
    max_possibly_paid: int = setting(
        3,
        whole(1, 100),
        "Calls for one picture that broke off after they were sent, and may have been charged, before it goes to the "
        "dead-letter queue.",
    )
    pause_after_failures: int = setting(
        20,
        whole(2, 1000),
        "So many different pictures in trouble, or refused, without a call that went well in between, are not the "
        "pictures' fault: the spending is paused.",
    )
    pause_after_possibly_paid: int = setting(
        20, whole(1, 10_000), "So many calls in an hour that may have been charged for nothing pause the spending."
    )
    client_id: str = setting(
        "dropcut",
        _INTRODUCTION,
        "How each call introduces this application to the API (header `stability-client-id`); empty for not at all.",
    )
    client_version: str = setting(
        RELEASE,
        _INTRODUCTION,
        "How each call introduces its release to the API (`stability-client-version`); empty for not at all.",
        shown_default="this release",
    )
    client_user_id: str = setting(
        "none",
        choice("none", "folder"),
        "Whether each call tells the API's provider whose photo it is, by a hash of the photo's top folder "
        "(`stability-client-user-id`).",
    )
    retry_base_seconds: float = setting(
        2.0,
        number(0, 900),
        "The longest wait before the second attempt, in seconds; doubled for each one after that. A random part of it "
        "is waited.",
    )
    pause_seconds: float = setting(
        60.0,
        number(1, 36000),
        "How long a picture waits before its next try while the account has a problem, in seconds.",
    )
    keep_results_days: int = setting(
        30,
        whole(1, 3650),
        "How long an answer that was paid for is used again for the same picture, in days. It is kept for as long, and "
        "for 29 days at least, since its photo may wait so long for its delivery.",
    )
    keep_jobs_days: int = setting(
        90,
        whole(57, 3650),
        "How long the record of a photo that has ended is kept, in days. A photo that waits is kept for as long as it "
        "waits.",
    )
    keep_versions_days: int = setting(
        90,
        whole(0, 3650),
        "How long a versioned bucket keeps photos and cut-outs that were deleted or replaced, in days; 0 means for "
        "ever.",
    )
    expire_delivered_days: int = setting(
        0,
        whole(0, 3650),
        "So many days after its upload a delivered photo is removed from the input bucket, if that is one of our own; "
        "0 means never. What is made anew after that lacks what only the photo shows. A copy of a delivered photo "
        "takes the tag along, and may be removed while it waits: copy without tags.",
    )
    hold_doubtful: bool = setting(
        False,
        YES_OR_NO,
        "Whether a doubtful cut-out waits under `held/` in the output bucket until a person decides "
        "(docs/quality.md); without it, it is delivered with its doubts.",
    )
    held_days: int = setting(
        14,
        whole(1, 3649, allowed="a whole number from 1 to 3649, less than `keep_results_days`"),
        "How long a held cut-out waits for a decision before its photo ends as failed, in days.",
    )
    max_photo_megapixels: float = setting(
        120.0,
        number(5, MOST_MEGAPIXELS),
        "The largest photo taken, in millions of pixels; the functions get memory to match.",
    )
    max_photo_mib: float = setting(100.0, number(1, 500), "The largest file taken, in MiB.")
    max_frames: int = setting(
        1000,
        whole(1, 100_000),
        "The longest animation taken (GIF, WebP; pages of a TIFF), in frames; only its first frame is cut out.",
    )
    formats: str | Sequence[str] = setting(
        ",".join(PHOTO_FORMATS),
        FORMATS,
        "The formats of photos that are taken. Leave one out while its decoder is not to be trusted; such photos are "
        "rejected unread.",
    )
    refuse_exposed: bool = setting(
        False,
        YES_OR_NO,
        "Decode nothing while the processes that decode could read the function's credentials (alarm "
        "`CredentialsExposed`); photos then wait, and end in the dead-letter queue.",
    )
    imaging_seconds: float = setting(
        40.0,
        number(5, LONGEST_IMAGING_SECONDS),
        "How long decoding, shrinking and encoding one photo may take, in seconds. A photo that takes longer is "
        "rejected. One that is already paid for is delivered at the size sent to the API, with a note. Each rendition "
        f"after the first adds {SECONDS_FOR_ANOTHER_RENDITION} s, up to {LONGEST_IMAGING_SECONDS} in all.",
    )
    versioned_input: bool = setting(False, YES_OR_NO, "Keep older versions of the photos in the input bucket.")
    rejection_alarm_percent: int = setting(
        20, whole(1, 100), "Alarm when more than this share of an hour's photos is rejected."
    )
    tracing: bool = setting(
        False,
        YES_OR_NO,
        "Whether X-Ray traces prepare, cut, deliver and notify; the gatekeeper and the feeder are never traced.",
    )
    architecture: str = setting("arm64", choice("arm64", "x86_64"), "Processor of the functions.")
    bundle_for: str = setting(
        "lambda",
        choice("lambda", "this_machine"),
        "`this_machine` is for the embedded AWS. Functions are built for the Python and processor that run the synth. "
        "Alarms by metric arithmetic or logs are left out, as it has neither.",
    )

    def __post_init__(self) -> None:
        check_settings(self, "Setting {}")
        if self.webhook_url and Receiver.at(self.webhook_url).is_this_machine and not self.for_embedded_aws:
            raise SettingsError(
                f"Setting webhook_url is {self.webhook_url!r}: a function on AWS would send to itself. Allowed: a URL "
                "with https to another host, or bundle_for=this_machine."
            )
        if self.hold_doubtful and self.keep_results_days <= self.held_days:
            raise SettingsError(
                f"Setting keep_results_days is {self.keep_results_days}, and cut-outs are held for {self.held_days} "
                "days (held_days): a photo that is uploaded again after that would be paid for again. "
                f"Allowed: keep_results_days of at least {self.held_days + 1}, or a smaller held_days."
            )

    @property
    def renditions_made(self) -> tuple[Rendition, ...]:
        """All renditions of each photo, `full` in the format of `output_format`."""
        return self.made_of(self.renditions)

    def made_of(self, asked: Sequence[object]) -> tuple[Rendition, ...]:
        """These renditions, or `full` alone when there are none; `full` is in the format of `output_format`."""
        return tuple(
            replace(rendition, format=self.output_format) if rendition == FULL else rendition
            for rendition in asked or (FULL,)
            if isinstance(rendition, Rendition)
        )

    @property
    def for_embedded_aws(self) -> bool:
        """Whether this deployment goes to the embedded AWS, which has no alarms by metric arithmetic."""
        return self.bundle_for == "this_machine"
