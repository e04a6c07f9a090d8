"""Writes an ICC profile that says what a stated colour says: three primaries and a curve, or a curve for grey.

Source: ICC.1:2022 (version 4.4), 8.3 and 10.18; adaptation to D50 by Bradford's matrix, as its annex E says.
"""

import struct
from collections.abc import Sequence

from dropcut.core.formats.stated_colour import Chromaticities, StatedColour

Matrix = tuple[tuple[float, ...], ...]
"""Three rows."""

_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_D50 = (0.9642, 1.0, 0.8249)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def rgb_profile(stated: StatedColour) -> bytes:
    """Of a picture in colour; its transfer is a curve, not one that reaches beyond white."""
    red, green, blue = columns(_to_d50(stated.primaries))
    curve = _curve(stated)
    tags = {b"rXYZ": _xyz(red), b"gXYZ": _xyz(green), b"bXYZ": _xyz(blue)}
    return _profile(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def grey_profile(stated: StatedColour) -> bytes:
    """Of a grey picture."""
    return _profile(b"GRAY", {b"kTRC": _curve(stated)})


def to_xyz(primaries: Chromaticities) -> Matrix:
    """What makes CIE XYZ of linear red, green and blue, with white at Y = 1."""
    red, green, blue, white = (_of_place(*primaries[at : at + 2]) for at in (0, 2, 4, 6))
    unscaled = columns((red, green, blue))
    scales = times(inverse(unscaled), columns((white,)))
    return tuple(tuple(value * scale[0] for value, scale in zip(row, scales, strict=True)) for row in unscaled)


def columns(matrix: Sequence[Sequence[float]]) -> Matrix:
    """Rows as columns."""
    return tuple(zip(*matrix, strict=True))


def times(one: Matrix, other: Matrix) -> Matrix:
    across = columns(other)
    return tuple(tuple(sum(a * b for a, b in zip(row, column, strict=True)) for column in across) for row in one)


def inverse(matrix: Matrix) -> Matrix:
    """Of three rows of three.

    Raises:
        ZeroDivisionError: it has none.
    """
    (a, b, c), (d, e, f), (g, h, i) = matrix
    whole = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    rows = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return tuple(tuple(value / whole for value in row) for row in rows)


def _of_place(x: float, y: float) -> tuple[float, float, float]:
    return x / y, 1.0, (1 - x - y) / y


def _to_d50(primaries: Chromaticities) -> Matrix:
    white = _of_place(*primaries[6:])
    cones, wanted = (times(_BRADFORD, columns((each,))) for each in (white, _D50))
    scale = tuple(
        tuple(wanted[row][0] / cones[row][0] if row == column else 0.0 for column in range(3)) for row in range(3)
    )
    adapted = times(times(inverse(_BRADFORD), scale), _BRADFORD)
    return times(adapted, to_xyz(primaries))


def _curve(stated: StatedColour) -> bytes:
    kind, numbers = (0, (stated.gamma,)) if stated.transfer == "gamma" else (3, _SRGB_CURVE)
    return b"para" + struct.pack(">IHH", 0, kind, 0) + b"".join(_fixed(number) for number in numbers)


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in values)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65_536))


def _text(words: str) -> bytes:
    content = words.encode("utf-16-be")
    return b"mluc" + struct.pack(">III4sII", 0, 1, 12, b"enUS", len(content), 28) + content


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    whole = {b"desc": _text("As the photo says"), b"cprt": _text("No rights reserved"), b"wtpt": _xyz(_D50), **tags}
    at, listed, behind = 132 + 12 * len(whole), b"", b""
    for name, content in whole.items():
        listed += struct.pack(">4sII", name, at + len(behind), len(content))
        behind += content + bytes(-len(content) % 4)
    size = at + len(behind)
    header = struct.pack(">I4xI4s4s4s12s4s", size, 0x04400000, b"mntr", space, b"XYZ ", bytes(12), b"acsp")
    header = header.ljust(68, b"\0") + b"".join(_fixed(value) for value in _D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(whole)) + listed + behind
