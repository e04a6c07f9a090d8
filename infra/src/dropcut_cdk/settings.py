"""The settings of a deployment that are plain values: each with its default, what is allowed, and what it is for.

They are keyword arguments of `Dropcut`; our own deployment reads them from CDK context (`infra/settings.py`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from dropcut import RELEASE
from dropcut.core.formats.photo_format import PHOTO_FORMATS
from dropcut.core.rendition import Rendition
from dropcut.core.rendition_setting import FULL
from dropcut.core.webhook import EVENTS
from dropcut.core.webhook_receiver import Receiver

from dropcut_cdk import kinds
from dropcut_cdk.kinds import SettingsError
from dropcut_cdk.sizes import LONGEST_API_TIMEOUT_SECONDS, LONGEST_IMAGING_SECONDS, MOST_MEGAPIXELS

_INTRODUCTION = kinds.text(
    r"|(?! )[ -~]{1,256}(?<! )", "up to 256 printable ASCII characters, without spaces at either end"
)
"""256 by the API's specification, no outer spaces by HTTP's."""
_OUTCOMES = ("cutout.delivered", "cutout.rejected", "cutout.failed", "cutout.held")
_CREDIT_LIMIT = kinds.number(0, allowed="0, or a number of at least `credits_per_image`")
_HELD_DAYS = kinds.whole(1, 3649, allowed="a whole number from 1 to 3649, less than `keep_results_days`")
_EMAIL = kinds.text(r"|[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+", "an e-mail address, or nothing")


def _check_webhook_url(given: object) -> object:
    """Nothing, or a URL that webhooks can be sent to. Raises ValueError: it is none."""
    if given != "":
        receiver = Receiver.at(given)
        if re.fullmatch(r"[0-9.]+|.*:.*", receiver.host):  # an address; what a name leads to is checked by each call
            receiver.check_address(receiver.host)
    return given


_WEBHOOK_URL = kinds.Kind(
    allowed="a URL with https to a public address; http only to this machine (127.0.0.1, ::1, localhost), on the "
    "embedded AWS",
    check=_check_webhook_url,
)


@kinds.checked()
@dataclass(frozen=True, kw_only=True)
class Settings:
    """All have a default that works. Raises SettingsError for a value that is not allowed."""

    rate_limit_requests: Annotated[int, kinds.whole(1)] = 150
    """How many requests the API allows one key in `rate_limit_seconds`."""
    rate_limit_seconds: Annotated[float, kinds.ABOVE_ZERO] = 10.0
    """The window that `rate_limit_requests` counts in, in seconds."""
    lockout_seconds: Annotated[float, kinds.number(0, 3600)] = 60.0
    """How long the API locks a key out after too many requests, in seconds."""
    daily_credit_limit: Annotated[float, _CREDIT_LIMIT] = 0.0
    """No more than this many credits are spent in a UTC day by this deployment with one API key; 0 means no limit.
    `make deploy` asks for it."""
    alarm_credits_per_hour: Annotated[float, kinds.ABOVE_ZERO] = 1000.0
    """Alarm when more credits than this are spent in an hour."""
    output_format: Annotated[str, kinds.choice("png", "webp")] = "png"
    """Format of the cut-outs."""
    renditions: Annotated[Sequence[str | Mapping[str, object] | Rendition], kinds.RENDITIONS, "`full` alone"] = ()
    """What is made of each cut-out; without it the photo itself, full size, with its background gone."""
    colour_profile: Annotated[str, kinds.choice("keep", "srgb")] = "keep"
    """Whether cut-outs at full size keep the photo's colour profile or are converted to sRGB. All other renditions are
    sRGB, and so are photos of more than 8 bits, CMYK and grey; a cut-out has 8 bits."""
    alarm_email: Annotated[str, _EMAIL] = ""
    """Who gets the alarms; they get one message first, asking to confirm."""
    webhook_url: Annotated[str, _WEBHOOK_URL] = ""
    """Where events are sent as signed webhooks (docs/webhooks.md)."""
    webhook_events: Annotated[Sequence[str], kinds.words(*EVENTS)] = _OUTCOMES
    """Which events those are."""
    event_schemas: Annotated[bool, kinds.YES_OR_NO] = False
    """Whether the schemas of the events (docs/events.md) are put into EventBridge's schema registry."""
    max_concurrency: Annotated[int, kinds.whole(2, 1000)] = 7
    """Invocations of `cut` at once, with ten calls in flight each. The rate holds whatever this is; seven reach it
    while the API takes 3 s, two more are needed for each further second."""
    imaging_concurrency: Annotated[int, kinds.whole(2, 1000)] = 10
    """Invocations of `prepare`, and of `deliver`, at once, with two photos in work each."""
    api_timeout_seconds: Annotated[float, kinds.number(1, LONGEST_API_TIMEOUT_SECONDS)] = 75.0
    """How long the API may take over one answer, in seconds; the gateway itself gives up after 60."""
    max_attempts: Annotated[int, kinds.whole(1, 100)] = 5
    """Calls for one picture before it fails, if others' calls go well meanwhile. If none does, it waits
    (docs/pauses.md). Waiting is no attempt. 1 counts as 2, as the first failure alone shows neither."""
    max_possibly_paid: Annotated[int, kinds.whole(1, 100)] = 3
    """Calls for one picture that broke off after they were sent, and may have been charged, before it goes to the
    dead-letter queue."""
    pause_after_failures: Annotated[int, kinds.whole(2, 1000)] = 20
    """So many different pictures in trouble, or refused, without a call that went well in between, are not the
    pictures' fault: the spending is paused."""
    pause_after_possibly_paid: Annotated[int, kinds.whole(1, 10_000)] = 20
    """So many calls in an hour that may have been charged for nothing pause the spending."""
    client_id: Annotated[str, _INTRODUCTION] = "dropcut"
    """How each call introduces this application to the API (header `stability-client-id`); empty for not at all."""
    client_version: Annotated[str, _INTRODUCTION, "this release"] = RELEASE
    """How each call introduces its release to the API (`stability-client-version`); empty for not at all."""
    client_user_id: Annotated[str, kinds.choice("none", "folder")] = "none"
    """Whether each call tells the API's provider whose photo it is, by a hash of the photo's top folder
    (`stability-client-user-id`)."""
    retry_base_seconds: Annotated[float, kinds.number(0, 900)] = 2.0
    """The longest wait before the second attempt, in seconds; doubled for each one after that. A random part of it is
    waited."""
    pause_seconds: Annotated[float, kinds.number(1, 36000)] = 60.0
    """How long a picture waits before its next try while the account has a problem, in seconds."""
    keep_results_days: Annotated[int, kinds.whole(1, 3650)] = 30
    """How long an answer that was paid for is used again for the same picture, in days. It is kept for as long, and for
    29 days at least, since its photo may wait so long for its delivery."""
    keep_jobs_days: Annotated[int, kinds.whole(57, 3650)] = 90
    """How long the record of a photo that has ended is kept, in days. A photo that waits is kept for as long as it
    waits."""
    keep_versions_days: Annotated[int, kinds.whole(0, 3650)] = 90
    """How long a versioned bucket keeps photos and cut-outs that were deleted or replaced, in days; 0 means for
    ever."""
    expire_delivered_days: Annotated[int, kinds.whole(0, 3650)] = 0
    """So many days after its upload a delivered photo is removed from the input bucket, if that is one of our own; 0
    means never. What is made anew after that lacks what only the photo shows. A copy of a delivered photo takes the tag
    along, and may be removed while it waits: copy without tags."""
    hold_doubtful: Annotated[bool, kinds.YES_OR_NO] = False
    """Whether a doubtful cut-out waits under `held/` in the output bucket until a person decides (docs/quality.md);
    without it, it is delivered with its doubts."""
    held_days: Annotated[int, _HELD_DAYS] = 14
    """How long a held cut-out waits for a decision before its photo ends as failed, in days."""
    max_photo_megapixels: Annotated[float, kinds.number(5, MOST_MEGAPIXELS)] = 120.0
    """The largest photo taken, in millions of pixels; the functions get memory to match."""
    max_photo_mib: Annotated[float, kinds.number(1, 500)] = 100.0
    """The largest file taken, in MiB."""
    max_frames: Annotated[int, kinds.whole(1, 100_000)] = 1000
    """The longest animation taken (GIF, WebP; pages of a TIFF), in frames; only its first frame is cut out."""
    formats: Annotated[str | Sequence[str], kinds.FORMATS] = ",".join(PHOTO_FORMATS)
    """The formats of photos that are taken. Leave one out while its decoder is not to be trusted; such photos are
    rejected unread."""
    refuse_exposed: Annotated[bool, kinds.YES_OR_NO] = False
    """Decode nothing while the processes that decode could read the function's credentials (alarm
    `CredentialsExposed`); photos then wait, and end in the dead-letter queue."""
    imaging_seconds: Annotated[float, kinds.number(5, LONGEST_IMAGING_SECONDS)] = 40.0
    """How long decoding, shrinking and encoding one photo may take, in seconds. A photo that takes longer is rejected.
    One that is already paid for is delivered at the size sent to the API, with a note. Each rendition after the first
    adds 10 s, up to 300 in all."""
    versioned_input: Annotated[bool, kinds.YES_OR_NO] = False
    """Keep older versions of the photos in the input bucket."""
    rejection_alarm_percent: Annotated[int, kinds.whole(1, 100)] = 20
    """Alarm when more than this share of an hour's photos is rejected."""
    tracing: Annotated[bool, kinds.YES_OR_NO] = False
    """Whether X-Ray traces prepare, cut, deliver and notify; the gatekeeper and the feeder are never traced."""
    architecture: Annotated[str, kinds.choice("arm64", "x86_64")] = "arm64"
    """Processor of the functions."""
    bundle_for: Annotated[str, kinds.choice("lambda", "this_machine")] = "lambda"
    """`this_machine` is for the embedded AWS. Functions are built for the Python and processor that run the synth.
    Alarms by metric arithmetic or logs are left out, as it has neither."""

    def __post_init__(self) -> None:
        if self.webhook_url and Receiver.at(self.webhook_url).is_this_machine and not self.for_embedded_aws:
            raise SettingsError(
                f"Setting webhook_url is {self.webhook_url!r}: a function on AWS would send to itself. Allowed: a URL "
                "with https to another host, or bundle_for=this_machine."
            )
        if not self.webhook_url and self.webhook_events != Settings.webhook_events:
            raise SettingsError(
                f"Setting webhook_events is {self.webhook_events!r}, and nothing is sent without webhook_url. "
                "Allowed: a webhook_url, or no webhook_events."
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
