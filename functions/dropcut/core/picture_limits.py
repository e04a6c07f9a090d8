"""What a photo may demand of the image library, what was found in it, and why one is refused.

Plain values: the functions hand them to the process that decodes and get them back, without an image library.
"""

from dataclasses import dataclass
from typing import Literal

PhotoFormat = Literal["jpeg", "png", "webp", "tiff", "bmp", "gif", "avif", "heic"]


@dataclass(frozen=True, kw_only=True)
class DecodeLimits:
    """Ceilings that are held against a picture's header, before any pixel is decoded."""

    max_pixels: int
    """Width times height, of the picture as it is stored."""
    max_frames: int
    """Frames of an animation or pages of a document; only the first is used."""


@dataclass(frozen=True, kw_only=True)
class PictureInfo:
    """What a picture's header says."""

    format: PhotoFormat
    width: int
    """As stored, in pixels, before the orientation is applied."""
    height: int
    orientation: int
    """1 to 8, as EXIF counts; 1 for formats that are turned while they are decoded (HEIC, AVIF)."""
    frames: int
    bands: int
    """Channels, alpha included."""
    bits: int
    """Per channel, as decoded: 8, 16 or 32."""
    interpretation: str
    """What the channels mean, in libvips's words: `srgb`, `b-w`, `cmyk`, `rgb16`, `grey16`, `lab` ..."""
    has_alpha: bool
    has_profile: bool
    """Whether an ICC profile is embedded."""

    @property
    def is_turned(self) -> bool:
        """Whether width and height change places when the picture is put upright."""
        return self.orientation >= 5

    @property
    def upright_width(self) -> int:
        return self.height if self.is_turned else self.width

    @property
    def upright_height(self) -> int:
        return self.width if self.is_turned else self.height


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A picture that the API takes, written to a file."""

    format: str
    """`jpeg`, `png` or `webp`."""
    width: int
    height: int
    note: str = ""
    """A sentence on what was assumed of the photo, for the event; mostly none."""


class PictureRefusedError(ValueError):
    """This picture cannot be used, for good. The text is a sentence for people: what is wrong, and what to do."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        """A stable word for programs, such as `too_many_pixels`."""
        self.reason = reason
