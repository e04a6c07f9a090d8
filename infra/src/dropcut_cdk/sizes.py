"""What each function needs of Lambda: time, memory and disk, derived from the settings and from what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from dropcut.environment import SECONDS_AROUND_IMAGING, cut_function_seconds

from dropcut_cdk.kinds import SettingsError

if TYPE_CHECKING:
    from dropcut.core.rendition import Rendition

    from dropcut_cdk.settings import Settings

LONGEST_FUNCTION_SECONDS = 900
SECONDS_AROUND_A_PROBE = 30
"""What the gatekeeper needs beside the one run of `cut` that it waits for."""
LONGEST_API_TIMEOUT_SECONDS = (LONGEST_FUNCTION_SECONDS - SECONDS_AROUND_A_PROBE - cut_function_seconds(0)) // 2
"""A call lasts up to twice the time-out, and the gatekeeper waits for a whole run of the cut function."""

PHOTOS_AT_ONCE = 2
"""Photos that one function works on at the same time (`PHOTOS_AT_ONCE` of `imaging_stage.py`)."""
LONGEST_IMAGING_SECONDS = 300
"""Cut-outs with the photo, then without it, and what is around them stay within a function's time."""
SECONDS_FOR_ANOTHER_RENDITION = 10
"""Added to `imaging_seconds` for each rendition after the first: reading the cut-out again, and encoding it."""
MOST_MEGAPIXELS = 400
"""The memory of a function that decodes two such photos at once is well below Lambda's 10,240 MB."""
LARGEST_ENCODER_MIB = 960
"""WebP of 40 megapixels, AVIF of 16 (measured: 21 and 27 bytes a pixel): larger ones are not written
(imaging/encode.py, core/rendition.py)."""
SMALLEST_EPHEMERAL_STORAGE_MB, LARGEST_EPHEMERAL_STORAGE_MB = 512, 10_240
"""Lambda's limits for a function's temporary folder."""
_OF_THE_FUNCTION_MB = 320
"""Memory of a function beside its processes that decode."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """Of a function."""

    timeout_seconds: int
    memory_mb: int
    ephemeral_storage_mb: int = SMALLEST_EPHEMERAL_STORAGE_MB


@dataclass(frozen=True, kw_only=True)
class ImagingSize(Size):
    """Of a function that decodes photos."""

    imaging_seconds: float
    """How long one picture may take."""
    imaging_memory_mib: int
    """How much memory one process that decodes may use."""


def size_of_prepare(settings: Settings) -> ImagingSize:
    """Time for a photo, and half a minute for a batch. On the disk: a photo's file, and its first frame if turned."""
    photo_mb = math.ceil(settings.max_photo_mib * 1.05 + settings.max_photo_megapixels * 4)
    memory_mib = decoder_mib(settings)
    return ImagingSize(
        timeout_seconds=math.ceil(settings.imaging_seconds + SECONDS_AROUND_IMAGING + 30),
        memory_mb=PHOTOS_AT_ONCE * memory_mib + _OF_THE_FUNCTION_MB,
        ephemeral_storage_mb=SMALLEST_EPHEMERAL_STORAGE_MB + PHOTOS_AT_ONCE * photo_mb,
        imaging_seconds=settings.imaging_seconds,
        imaging_memory_mib=memory_mib,
    )


def size_of_cut(settings: Settings) -> Size:
    """Longer than the longest call, so that a paid answer is not lost with the function."""
    return Size(timeout_seconds=cut_function_seconds(settings.api_timeout_seconds), memory_mb=1024)


def size_of_deliver(settings: Settings, renditions: tuple[Rendition, ...]) -> ImagingSize:
    """Time for a photo, then for its answer alone, and a batch. WebP's encoder may need more memory than any decoder.

    Raises:
        SettingsError: Lambda has no disk that large.
    """
    more_seconds = SECONDS_FOR_ANOTHER_RENDITION * (len(renditions) - 1)
    seconds = max(settings.imaging_seconds, min(LONGEST_IMAGING_SECONDS, settings.imaging_seconds + more_seconds))
    memory_mib = max(decoder_mib(settings), 240 + LARGEST_ENCODER_MIB)
    return ImagingSize(
        timeout_seconds=min(LONGEST_FUNCTION_SECONDS, math.ceil(2 * seconds + SECONDS_AROUND_IMAGING + 30)),
        memory_mb=PHOTOS_AT_ONCE * memory_mib + _OF_THE_FUNCTION_MB,
        ephemeral_storage_mb=_disk_of_deliver(settings, renditions),
        imaging_seconds=seconds,
        imaging_memory_mib=memory_mib,
    )


def largest(sizes: Iterable[ImagingSize]) -> ImagingSize:
    """A size that holds each of them."""
    every = [asdict(size) for size in sizes]
    return ImagingSize(**{name: max(size[name] for size in every) for name in every[0]})


def size_of_gatekeeper(settings: Settings) -> Size:
    """It waits for a whole run of `cut`."""
    return Size(timeout_seconds=size_of_cut(settings).timeout_seconds + SECONDS_AROUND_A_PROBE, memory_mb=256)


def decoder_mib(settings: Settings) -> int:
    """How much memory one process that decodes photos may use.

    The hungriest (progressive JPEG in CMYK, interlaced PNG with 16 bits and alpha) take 8 bytes a pixel. The rest is
    for Python, the libraries and what is encoded.
    """
    return 240 + math.ceil(settings.max_photo_megapixels * 8)


def megapixels_that_fit(memory_mb: int) -> int:
    """The largest photo, in whole megapixels, that a function of so much memory decodes: `decoder_mib` turned round."""
    return ((memory_mb - _OF_THE_FUNCTION_MB) // PHOTOS_AT_ONCE - 240) // 8


def _disk_of_deliver(settings: Settings, renditions: tuple[Rendition, ...]) -> int:
    """Each photo's file, what is decoded of it, its renditions, in MB.

    Bytes a pixel: 3 for a turned photo while it is decoded, 4 for the cut-out, under 3 for it as a PNG.
    """
    full_size = sum(not (each.longest_side or each.canvas) for each in renditions)
    small = len(renditions) - full_size
    photo = settings.max_photo_mib * 1.05 + settings.max_photo_megapixels * (7 + 3 * full_size) + 20 * small
    needed = SMALLEST_EPHEMERAL_STORAGE_MB + PHOTOS_AT_ONCE * math.ceil(photo)
    if needed > LARGEST_EPHEMERAL_STORAGE_MB:
        raise SettingsError(
            f"Settings renditions and max_photo_megapixels: {full_size} renditions at the full size of "
            f"{settings.max_photo_megapixels:g} megapixels need {needed:,} MB of disk, of which Lambda has "
            f"{LARGEST_EPHEMERAL_STORAGE_MB:,}. Allowed: fewer renditions without longest_side and canvas, or "
            "fewer megapixels."
        )
    return needed
