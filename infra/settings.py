"""Every setting of a deployment: its name, default, what is allowed, and what it is for.

Settings come from CDK context (`cdk deploy -c rate_limit_requests=100`), where everything from the command
line is text, so each value is parsed strictly. An unknown name or a bad value stops the synth, with one
sentence.

    python -m infra.settings                    prints the table of settings
    python -m infra.settings --write README.md  puts it between the markers of that file
"""

from __future__ import annotations

import argparse
import difflib
import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from dropcut import RELEASE
from dropcut.core.formats.photo_format import PHOTO_FORMATS
from dropcut.core.operation import REMOVE_BACKGROUND
from dropcut.core.rendition import Rendition, RenditionError
from dropcut.core.rendition_setting import FULL, read_renditions
from dropcut.environment import SECONDS_AROUND_IMAGING, Environment, cut_function_seconds

LONGEST_FUNCTION_SECONDS = 900
SECONDS_AROUND_A_PROBE = 30
"""What the gatekeeper needs beside the one run of `cut` that it waits for."""
LONGEST_API_TIMEOUT_SECONDS = (LONGEST_FUNCTION_SECONDS - SECONDS_AROUND_A_PROBE - cut_function_seconds(0)) // 2
"""A call lasts up to twice the time-out, and the gatekeeper waits for a whole run of the cut function."""

PHOTOS_AT_ONCE = 2
"""Photos that one function works on at the same time (`threads` in its entry)."""
LONGEST_IMAGING_SECONDS = 300
"""Cut-outs with the photo, then without it, and what is around them stay within a function's time."""
SECONDS_FOR_ANOTHER_RENDITION = 10
"""Added to `imaging_seconds` for each rendition after the first: reading the cut-out again, and encoding it."""
MOST_MEGAPIXELS = 400
"""The memory of a function that decodes two such photos at once is well below Lambda's 10,240 MB."""

LARGEST_ENCODER_MIB = 960
"""WebP of 40 megapixels, AVIF of 16 (measured: 21 and 27 bytes a pixel): larger ones are not written
(imaging/encode.py, core/rendition.py)."""
LARGEST_EPHEMERAL_STORAGE_MB = 10_240
"""Lambda's limit for a function's temporary folder."""

PROVIDERS: dict[str, str] = {"ezlink": "https://api.ezlinkai.com", "stability": "https://api.stability.ai"}
"""Base URL of each provider."""
_INTRODUCTION = r"|(?! )[ -~]{1,256}(?<! )"
"""Of the headers by which we introduce ourselves: 256 by the API's specification, no outer spaces by HTTP's."""


class SettingsError(ValueError):
    """A setting is unknown, malformed or contradicts another; the message says which, and what is allowed."""


Parser = Callable[[object], Any]
"""Turns a context value, text or JSON, into the setting's value. Raises ValueError when it is not allowed."""


def _setting(default: object, allowed: str, purpose: str, parse: Parser, shown_default: str = "") -> Any:
    about = {"allowed": allowed, "purpose": purpose, "parse": parse, "shown_default": shown_default}
    return field(default=default, metadata=about)


def _integer(lowest: int, highest: int | None = None) -> Parser:
    def parse(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("not a whole number")
        if value < lowest or (highest is not None and value > highest):
            raise ValueError("out of range")
        return value

    return parse


def _number(lowest: float, highest: float = math.inf) -> Parser:
    def parse(value: object) -> float:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            value = float(value)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError("not a number")
        if not lowest <= value <= highest:
            raise ValueError("out of range")
        return float(value)

    return parse


def _above_zero(value: object) -> float:
    number = cast(float, _number(0)(value))
    if number == 0:
        raise ValueError("out of range")
    return number


def _text(pattern: str) -> Parser:
    def parse(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError("does not fit")
        return value

    return parse


def _choice(*names: str) -> Parser:
    return _text("|".join(names))


def _yes_or_no(value: object) -> bool:
    known = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in known:
        return known[value]
    raise ValueError("neither true nor false")


def _base_url(value: object) -> str:
    """An absolute URL without query or credentials: https, or http to this machine (a stand-in)."""
    if value == "":
        return ""  # the provider's own, filled in later
    if not isinstance(value, str) or not value.isascii() or re.search(r"[\s\\]", value):
        raise ValueError("not a URL")
    url = urlsplit(value)
    _ = url.port  # raises ValueError when it is not a port
    if not url.hostname or url.query or url.fragment or url.username is not None:
        raise ValueError("not a base URL")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.hostname)):
        raise ValueError("not https")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _renditions(value: object) -> tuple[Rendition, ...]:
    """Checked by the code that makes them. Empty when the full-size cut-out is all, whose format is another setting."""
    if value in ("", "[]", []):
        return ()
    try:
        return read_renditions(value)
    except RenditionError as error:
        raise ValueError(str(error).rstrip(".")) from error


def _formats(value: object) -> str:
    """In our order, each once."""
    named = value.split(",") if isinstance(value, str) else value
    if not isinstance(named, list) or not named or not set(named) <= set(PHOTO_FORMATS):
        raise ValueError("not a list of formats that are known")
    return ",".join(name for name in PHOTO_FORMATS if name in named)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One deployment's settings; `Settings()` is the default one."""

    stage: str = _setting(
        "prod",
        "1 to 16 of a-z, 0-9 and -, beginning with a letter",
        "Name of this deployment; several stages live side by side in one account.",
        _text(r"[a-z][a-z0-9-]{0,15}"),
    )
    provider: str = _setting(
        "ezlink",
        "`ezlink` or `stability`",
        "Whose API is called: the gateway EZLINK AI, or the maker Stability AI.",
        _choice(*PROVIDERS),
    )
    api_base_url: str = _setting(
        "",
        "a base URL with https; http only to this machine (127.0.0.1, ::1, localhost)",
        "Where the API is.",
        _base_url,
        "the provider's: " + ", ".join(f"`{url}`" for url in PROVIDERS.values()),
    )
    rate_limit_requests: int = _setting(
        150,
        "a whole number of at least 1",
        "How many requests the API allows one key in `rate_limit_seconds`.",
        _integer(1),
    )
    rate_limit_seconds: float = _setting(
        10.0, "a number above 0", "The window that `rate_limit_requests` counts in, in seconds.", _above_zero
    )
    lockout_seconds: float = _setting(
        60.0,
        "a number from 0 to 3600",
        "How long the API locks a key out after too many requests, in seconds.",
        _number(0, 3600),
    )
    credits_per_image: float = _setting(
        0.0,
        "a number above 0",
        "What one cut-out costs, in the provider's credits.",
        _above_zero,
        "the provider's: " + ", ".join(f"{credits:g} ({name})" for name, credits in REMOVE_BACKGROUND.credits.items()),
    )
    daily_credit_limit: float = _setting(
        0.0,
        "0, or a number of at least `credits_per_image`",
        "No more than this many credits are spent in a UTC day by this deployment with one API key; 0 means no limit. "
        "`make deploy` asks for it.",
        _number(0),
    )
    alarm_credits_per_hour: float = _setting(
        1000.0, "a number above 0", "Alarm when more credits than this are spent in an hour.", _above_zero
    )
    output_format: str = _setting("png", "`png` or `webp`", "Format of the cut-outs.", _choice("png", "webp"))
    renditions: tuple[Rendition, ...] = _setting(
        (),
        "a JSON list of names of ready-made renditions, descriptions, or both (docs/renditions.md)",
        "What is made of each cut-out; without it the photo itself, full size, with its background gone.",
        _renditions,
        "`full` alone",
    )
    colour_profile: str = _setting(
        "keep",
        "`keep` or `srgb`",
        "Whether cut-outs at full size keep the photo's colour profile or are converted to sRGB. All other renditions "
        "are sRGB, and so are photos of more than 8 bits, CMYK and grey; a cut-out has 8 bits.",
        _choice("keep", "srgb"),
    )
    input_prefix: str = _setting(
        "",
        "up to 512 ASCII characters, none of `* ? $`, no leading `/`",
        "Only objects whose key begins with this are photos; empty means all.",
        _text(r"(?!/)[ -#%-)+->@-~]{0,512}"),
        "none",
    )
    alarm_email: str = _setting(
        "",
        "an e-mail address, or nothing",
        "Who is told of alarms; they get one message first, asking to confirm.",
        _text(r"|[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+"),
        "none",
    )
    max_concurrency: int = _setting(
        7,
        "a whole number from 2 to 1000",
        "Invocations of `cut` at once, with ten calls in flight each. The rate holds whatever this is; seven reach it "
        "while the API takes 3 s, two more are needed for each further second.",
        _integer(2, 1000),
    )
    api_timeout_seconds: float = _setting(
        75.0,
        f"a number from 1 to {LONGEST_API_TIMEOUT_SECONDS}",
        "How long the API may take over one answer, in seconds; the gateway itself gives up after 60.",
        _number(1, LONGEST_API_TIMEOUT_SECONDS),
    )
    max_attempts: int = _setting(
        5,
        "a whole number from 1 to 100",
        "Real calls made for one picture before it goes to the dead-letter queue; waiting is not an attempt.",
        _integer(1, 100),
    )
    max_possibly_paid: int = _setting(
        3,
        "a whole number from 1 to 100",
        "Calls for one picture that broke off after they were sent, and may have been charged, before it goes to the "
        "dead-letter queue.",
        _integer(1, 100),
    )
    pause_after_failures: int = _setting(
        20,
        "a whole number from 2 to 1000",
        "So many different pictures in trouble, or refused, without a call that went well in between, are not the "
        "pictures' fault: the spending is paused.",
        _integer(2, 1000),
    )
    pause_after_possibly_paid: int = _setting(
        20,
        "a whole number from 1 to 10000",
        "So many calls in an hour that may have been charged for nothing pause the spending.",
        _integer(1, 10_000),
    )
    client_id: str = _setting(
        "dropcut",
        "up to 256 printable ASCII characters, without spaces at either end",
        "How each call introduces this application to the API (header `stability-client-id`); empty for not at all.",
        _text(_INTRODUCTION),
    )
    client_version: str = _setting(
        RELEASE,
        "up to 256 printable ASCII characters, without spaces at either end",
        "How each call introduces its release to the API (`stability-client-version`); empty for not at all.",
        _text(_INTRODUCTION),
    )
    client_user_id: str = _setting(
        "none",
        "`none` or `folder`",
        "Whether each call tells the API's provider whose photo it is, by a hash of the photo's top folder "
        "(`stability-client-user-id`).",
        _choice("none", "folder"),
    )
    pace_table: str = _setting(
        "",
        "the name of a DynamoDB table in the same account and region, or nothing",
        "The state table of another stack that uses the same API key (its output `StateTableName`), so that both "
        "together keep the rate.",
        _text(r"|[A-Za-z0-9_.-]{3,255}"),
        "none",
    )
    retry_base_seconds: float = _setting(
        2.0,
        "a number from 0 to 900",
        "Wait before the second attempt, in seconds; doubled for each one after that.",
        _number(0, 900),
    )
    pause_seconds: float = _setting(
        60.0,
        "a number from 1 to 36000",
        "How long a picture waits before its next try while the account has a problem, in seconds.",
        _number(1, 36000),
    )
    keep_results_days: int = _setting(
        30,
        "a whole number from 1 to 3650",
        "How long an answer that was paid for is used again for the same picture, in days. It is kept for as long, and "
        "for 29 days at least, since its photo may wait so long for its delivery.",
        _integer(1, 3650),
    )
    keep_jobs_days: int = _setting(
        90,
        "a whole number from 57 to 3650",
        "How long the record of a photo that has ended is kept, in days. A photo that waits is kept for as long as it "
        "waits.",
        _integer(57, 3650),
    )
    keep_versions_days: int = _setting(
        90,
        "a whole number from 0 to 3650",
        "Where a bucket is versioned: how long photos and cut-outs that were deleted or replaced are kept as older "
        "versions, in days; 0 means for ever.",
        _integer(0, 3650),
    )
    hold_doubtful: bool = _setting(
        False,
        "`true` or `false`",
        "Whether a doubtful cut-out waits under `held/` in the output bucket until a person decides "
        "(docs/quality.md); without it, it is delivered with its doubts.",
        _yes_or_no,
    )
    held_days: int = _setting(
        14,
        "a whole number from 1 to 3649, less than `keep_results_days`",
        "How long a held cut-out waits for a decision before its photo ends as failed, in days.",
        _integer(1, 3649),
    )
    max_photo_megapixels: float = _setting(
        120.0,
        f"a number from 5 to {MOST_MEGAPIXELS}",
        "The largest photo taken, in millions of pixels; the functions get memory to match.",
        _number(5, MOST_MEGAPIXELS),
    )
    max_photo_mib: float = _setting(
        100.0,
        "a number from 1 to 500",
        "The largest file taken, in MiB.",
        _number(1, 500),
    )
    max_frames: int = _setting(
        1000,
        "a whole number from 1 to 100000",
        "The longest animation taken (GIF, WebP; pages of a TIFF), in frames; only its first frame is cut out.",
        _integer(1, 100_000),
    )
    formats: str = _setting(
        ",".join(PHOTO_FORMATS),
        "some of these, with commas between them",
        "The formats of photos that are taken. Leave one out while its decoder is not to be trusted; such photos are "
        "rejected unread.",
        _formats,
    )
    refuse_exposed: bool = _setting(
        False,
        "`true` or `false`",
        "Decode nothing while the processes that decode could read the function's credentials (alarm "
        "`CredentialsExposed`); photos then wait, and end in the dead-letter queue.",
        _yes_or_no,
    )
    imaging_seconds: float = _setting(
        40.0,
        f"a number from 5 to {LONGEST_IMAGING_SECONDS}",
        "How long decoding, shrinking and encoding one photo may take, in seconds; a photo that takes longer is "
        "rejected; one that is already paid for is delivered at the size sent to the API, with a note. Each rendition "
        f"after the first adds {SECONDS_FOR_ANOTHER_RENDITION} s, up to {LONGEST_IMAGING_SECONDS} in all.",
        _number(5, LONGEST_IMAGING_SECONDS),
    )
    versioned_input: bool = _setting(
        False, "`true` or `false`", "Keep older versions of the photos in the input bucket.", _yes_or_no
    )
    rejection_alarm_percent: int = _setting(
        20,
        "a whole number from 1 to 100",
        "Alarm when more than this share of an hour's photos is rejected.",
        _integer(1, 100),
    )
    architecture: str = _setting(
        "arm64", "`arm64` or `x86_64`", "Processor of the functions.", _choice("arm64", "x86_64")
    )
    bundle_for: str = _setting(
        "lambda",
        "`lambda` or `this_machine`",
        "`this_machine` is for the embedded AWS: functions are built for the Python and processor that run "
        "the synth, and alarms by metric arithmetic, which it does not have, are left out.",
        _choice("lambda", "this_machine"),
    )

    def __post_init__(self) -> None:
        """Fill in what depends on the provider, then check what depends on more than one setting."""
        if not self.api_base_url:
            object.__setattr__(self, "api_base_url", PROVIDERS[self.provider])
        if not self.credits_per_image:
            object.__setattr__(self, "credits_per_image", REMOVE_BACKGROUND.credits[self.provider])
        if 0 < self.daily_credit_limit < self.credits_per_image:
            raise SettingsError(
                f"Setting daily_credit_limit is {self.daily_credit_limit:g}, less than one cut-out costs "
                f"(credits_per_image is {self.credits_per_image:g}), so nothing would ever be made. "
                "Allowed: 0 for no limit, or a number of at least credits_per_image."
            )
        if self.hold_doubtful and self.keep_results_days <= self.held_days:
            raise SettingsError(
                f"Setting keep_results_days is {self.keep_results_days}, and cut-outs are held for {self.held_days} "
                "days (held_days): a photo that is uploaded again after that would be paid for again. "
                f"Allowed: keep_results_days of at least {self.held_days + 1}, or a smaller held_days."
            )

    @property
    def cut_timeout_seconds(self) -> int:
        """Time-out of `cut`: longer than the longest call, so that a paid answer is not lost with it."""
        return cut_function_seconds(self.api_timeout_seconds)

    @property
    def prepare_timeout_seconds(self) -> int:
        """Time-out of `prepare`: time for a photo, and half a minute for a batch."""
        return math.ceil(self.imaging_seconds + SECONDS_AROUND_IMAGING + 30)

    @property
    def prepare_memory_mb(self) -> int:
        """Memory of `prepare`: for the processes that decode, and for the function itself."""
        return PHOTOS_AT_ONCE * self.imaging_memory_mib + 320

    @property
    def prepare_ephemeral_storage_mb(self) -> int:
        """Size of the temporary folder of `prepare`: the file of each photo, and its decoded first frame if turned."""
        return 512 + PHOTOS_AT_ONCE * math.ceil(self.max_photo_mib * 1.05 + self.max_photo_megapixels * 4)

    @property
    def renditions_made(self) -> tuple[Rendition, ...]:
        """All renditions of each photo, `full` in the format of `output_format`."""
        return tuple(
            replace(rendition, format=self.output_format) if rendition == FULL else rendition
            for rendition in self.renditions or (FULL,)
        )

    @property
    def deliver_timeout_seconds(self) -> int:
        """Time-out of `deliver`: for a photo, its answer alone after that, and a batch."""
        needed = math.ceil(2 * self.deliver_imaging_seconds + SECONDS_AROUND_IMAGING + 30)
        return min(LONGEST_FUNCTION_SECONDS, needed)

    @property
    def deliver_imaging_seconds(self) -> float:
        """How long making all renditions of one photo may take: more where there are more, within a function's time."""
        more = SECONDS_FOR_ANOTHER_RENDITION * (len(self.renditions_made) - 1)
        return max(self.imaging_seconds, min(LONGEST_IMAGING_SECONDS, self.imaging_seconds + more))

    @property
    def deliver_imaging_memory_mib(self) -> int:
        """How much memory one process that makes cut-outs may use: WebP's encoder may need more than any decoder."""
        return max(self.imaging_memory_mib, 240 + LARGEST_ENCODER_MIB)

    @property
    def deliver_memory_mb(self) -> int:
        """Memory of `deliver`: for the processes that make cut-outs, and for the function itself."""
        return PHOTOS_AT_ONCE * self.deliver_imaging_memory_mib + 320

    @property
    def deliver_ephemeral_storage_mb(self) -> int:
        """Size of the temporary folder of `deliver`: each photo's file, what is decoded of it, its renditions.

        Bytes a pixel: 3 for a turned photo while it is decoded, 4 for the cut-out, under 3 for it as a PNG.

        Raises SettingsError when Lambda has no disk that large.
        """
        full_size = sum(not (each.longest_side or each.canvas) for each in self.renditions_made)
        small = len(self.renditions_made) - full_size
        photo = self.max_photo_mib * 1.05 + self.max_photo_megapixels * (7 + 3 * full_size) + 20 * small
        needed = 512 + PHOTOS_AT_ONCE * math.ceil(photo)
        if needed > LARGEST_EPHEMERAL_STORAGE_MB:
            raise SettingsError(
                f"Settings renditions and max_photo_megapixels: {full_size} renditions at the full size of "
                f"{self.max_photo_megapixels:g} megapixels need {needed:,} MB of disk, of which Lambda has "
                f"{LARGEST_EPHEMERAL_STORAGE_MB:,}. Allowed: fewer renditions without longest_side and canvas, or "
                "fewer megapixels."
            )
        return needed

    @property
    def imaging_memory_mib(self) -> int:
        """How much memory one process that decodes photos may use.

        The hungriest photos (progressive JPEG in CMYK, interlaced PNG with 16 bits and alpha) take 8 bytes a pixel
        while they are decoded; the rest is for Python, the libraries and what is encoded.
        """
        return 240 + math.ceil(self.max_photo_megapixels * 8)

    @property
    def for_embedded_aws(self) -> bool:
        """Whether this deployment goes to the embedded AWS, which has no alarms by metric arithmetic."""
        return self.bundle_for == "this_machine"

    def values_of(self, environment: type[Environment]) -> dict[str, Any]:
        """The settings that a function needs as they are, by their names there."""
        return {field.name: getattr(self, field.name) for field in fields(environment) if field.name in _NAMES}

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> Settings:
        """Read the settings out of CDK context.

        Raises:
            SettingsError: the first unknown name or bad value, with what is allowed.
        """
        known = {setting.name: setting for setting in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in context.items():
            if belongs_to_cdk(name):
                continue
            if name not in known:
                raise SettingsError(_unknown(name, value, list(known)))
            values[name] = _parse(known[name], value)
        return cls(**values)


_NAMES = {setting.name for setting in fields(Settings)}


def belongs_to_cdk(name: str) -> bool:
    """CDK keeps feature flags, look-ups and its own options in the same context; their names show it."""
    return any(mark in name for mark in ":@/")


def _parse(setting: Field[Any], value: object) -> Any:
    try:
        return setting.metadata["parse"](value)
    except ValueError as cause:
        said = f"Setting {setting.name} is {value!r}: {cause}."
        if "Allowed: " not in said:  # renditions say it of the one option that is wrong
            said += f" Allowed: {setting.metadata['allowed'].replace('`', '')}."
        raise SettingsError(said) from cause


def _unknown(name: str, value: object, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"There is no setting {name} (given as {value!r}). {hint}Allowed: {', '.join(known)}."


def settings_table() -> str:
    """The settings as a Markdown table, ending in a newline."""
    lines = ["| setting | default | allowed | what it is for |", "|---|---|---|---|"]
    for setting in fields(Settings):
        about = setting.metadata
        default = about["shown_default"] or f"`{_as_text(setting.default)}`"
        lines.append(f"| `{setting.name}` | {default} | {about['allowed']} | {about['purpose']} |")
    return "\n".join(lines) + "\n"


def _as_text(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->"


def with_settings_table(document: str) -> str:
    """The document with what stands between the markers replaced by the table.

    Raises:
        SettingsError: the markers are missing or turned round.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SettingsError(f"The document needs a line {BEGIN.strip()} and, after it, a line {END}.")
    return before + BEGIN + settings_table() + END + after


def _main() -> None:
    options = argparse.ArgumentParser(prog="python -m infra.settings", description="Print the table of settings.")
    options.add_argument("--write", type=Path, metavar="FILE", help="put the table between the markers of this file")
    path: Path | None = options.parse_args().write
    if path is None:
        sys.stdout.write(settings_table())
        return
    try:
        path.write_text(with_settings_table(path.read_text(encoding="utf-8")), encoding="utf-8")
    except (OSError, SettingsError) as problem:
        sys.exit(f"{path} was left as it is: {problem}")


if __name__ == "__main__":
    _main()
