"""Brings a cut-out to the size of the photo: alpha follows the photo's own edges, colours are the photo's own pixels.

The photo is read once for a reduced copy and once more, from top to bottom, while the result is written; whatever is
held in memory has the size of the API's answer, or that of a strip. At full size, with the answer's alpha and
everything that the small matte knows enlarged:

    alpha  = small alpha + slopes · (photo - enlarged reduced photo)
    colour = photo + (1 - alpha) x contrast

The first adds to alpha exactly the detail that the API never saw; where colour says nothing, slopes are 0 and alpha is
enlarged as usual. The second is the mixture photo = alpha x subject + (1 - alpha) x background, solved for the subject:
it leaves an opaque pixel untouched to the last bit, and elsewhere takes the old background's share out.
Away from edges neither is worked out at all.
"""

from pathlib import Path
from typing import Literal

import pyvips

from dropcut.imaging.small_matte import EDGE, SmallMatte, small_matte

TILE = 128
"""Pixels a side: what is worked out, or left out, at once."""
_PROFILE = "icc-profile-data"


def full_size_cutout(
    original: Path, answer: Path, limits: DecodeLimits, *, colour: Literal["srgb", "keep"]
) -> pyvips.Image:
    """The photo's pixels with the answer's alpha at the photo's size.

    Args:
        original: the photo as it was uploaded.
        answer: the API's cut-out of it; any size, the same proportions.
        limits: what is refused.
        colour: `srgb` converts; `keep` leaves the photo's own profile attached.

    Returns:
        An upright image of four bands of 8 bits, RGB and straight alpha, lazy: it is computed strip by strip while it
        is written, and can be written once. Pixels with alpha 0 are black.

    Raises:
        PictureRefusedError: one of the pictures cannot be decoded within the limits. One that is cut off may
            be found out only while the image is written, as a `pyvips.Error`.
    """
