"""Makes one rendition of a full-size cut-out: which part of it, at what size, on what ground, in what file."""

from dataclasses import dataclass, replace
from pathlib import Path

import pyvips

from dropcut.core.rendition import CHECKER, TRANSPARENT, Rendition, RenditionFile
from dropcut.imaging.colour import PROFILE, to_srgb, without_profile
from dropcut.imaging.encode import SMALL, Encoded, encode
from dropcut.imaging.full_size import cleared
from dropcut.imaging.shadow import NO_ROOM, SUBJECT_ALPHA, Room, room_for, shadow_layer
from dropcut.imaging.shop_check import shop_note

_LOOK_AT_PIXELS = 1000
"""Longer side of the reduced alpha in which the subject is looked for. The box is as exact as one of these pixels."""
_SHRINKING_STEPS = 6


@dataclass(frozen=True, kw_only=True)
class Window:
    """A part of a picture, in its pixels; it may reach beyond the edges, where nothing is."""

    left: float
    top: float
    width: float
    height: float

    @property
    def longer(self) -> float:
        """Its longer side."""
        return max(self.width, self.height)

    def grown(self, width: float, height: float) -> "Window":
        """Of another size around the same middle."""
        return Window(
            left=self.left + (self.width - width) / 2,
            top=self.top + (self.height - height) / 2,
            width=width,
            height=height,
        )

    def with_room(self, room: Room) -> "Window":
        """Larger by that room on each side."""
        return Window(
            left=self.left - room.beside,
            top=self.top - room.above,
            width=self.width + 2 * room.beside,
            height=self.height + room.above + room.below,
        )

    def moved_onto(self, other: "Window") -> "Window":
        """Of the same size around another one's middle."""
        return other.grown(self.width, self.height)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which part of the cut-out becomes a picture of which size."""

    window: Window
    width: int
    height: int
    note: str = ""
    """A sentence for people when the subject is not as large as asked for."""

    def shrunk(self, factor: float) -> "Plan":
        return replace(self, width=max(1, round(self.width * factor)), height=max(1, round(self.height * factor)))


def make_rendition(cutout: pyvips.Image, rendition: Rendition, path: Path) -> RenditionFile:
    """Write a rendition of a cut-out to a file of this name, to which the format's extension is added.

    Args:
        cutout: RGBA, 8 bits, straight alpha. It is read once; several times where the subject has to be found or a
            ceiling on the size to be kept.
    """
    notes = []
    subject = None
    if rendition.trim or rendition.centre or rendition.subject_percent:
        subject = subject_of(cutout)
        if subject is None:
            notes.append("Nothing of the picture is left, so there is no subject to trim to or to put in the middle.")
    plan = plan_of(rendition, cutout.width, cutout.height, subject)
    if rendition.canvas and plan.width > 1.01 * plan.window.width:
        notes.append(f"The photo is smaller than the canvas: enlarged {plan.width / plan.window.width:.1f} times.")
    encoded = encode(render(cutout, rendition, plan), rendition, path)
    encoded, more = _within_ceiling(cutout, rendition, plan, path, encoded)
    notes += [plan.note, encoded.note, more, shop_note(rendition.name, encoded.path)]
    return RenditionFile(
        rendition=rendition.name,
        path=str(encoded.path),
        format=encoded.format,
        width=encoded.width,
        height=encoded.height,
        size_bytes=encoded.size_bytes,
        note=" ".join(note for note in notes if note),
    )


def subject_of(cutout: pyvips.Image) -> Window | None:
    """The smallest box around what is not transparent; None when everything is.

    Looked for in a copy reduced by averaging: a lone pixel of noise is lost in it, a hair is not.
    """
    shrink = max(1, max(cutout.width, cutout.height) // _LOOK_AT_PIXELS)
    alpha = cutout[3].shrink(shrink, shrink, ceil=True) if shrink > 1 else cutout[3]
    alpha = (alpha >= SUBJECT_ALPHA).copy_memory()  # a megapixel: looked at twice
    columns, rows = alpha.project()
    left, right = _ends(columns)
    top, bottom = _ends(rows.rot270())
    if right == 0:
        return None
    left, top = left * shrink, top * shrink
    return Window(
        left=left,
        top=top,
        width=min(right * shrink, cutout.width) - left,
        height=min(bottom * shrink, cutout.height) - top,
    )


def plan_of(rendition: Rendition, width: int, height: int, subject: Window | None) -> Plan:
    """What becomes of a cut-out of this width and height whose subject is in that box."""
    frame = Window(left=0, top=0, width=width, height=height)
    subject = subject or frame
    window, share = frame, 1.0
    shadow = _room_for_shadow(rendition, subject)
    if rendition.trim:
        window = subject.with_room(shadow.at_least(rendition.margin_percent / 100 * subject.longer))
    elif rendition.subject_percent:
        window, share = subject, rendition.subject_percent / 100
    elif rendition.centre:
        window = frame.moved_onto(subject)
    canvas = rendition.canvas_size
    if canvas:
        return _on_canvas(canvas, window, share, shadow if rendition.subject_percent else NO_ROOM)
    scale = min(1.0, (rendition.longest_side or 1e9) / max(window.width, window.height))
    return Plan(window=window, width=max(1, round(window.width * scale)), height=max(1, round(window.height * scale)))


def _on_canvas(canvas: tuple[int, int], window: Window, share: float, shadow: Room) -> Plan:
    """The window in the middle of a canvas. It fills that share of it, or less if its shadow needs the space."""
    scale = share * _scale_onto(canvas, window.width, window.height)
    most = _scale_onto(canvas, window.width + 2 * shadow.beside, window.height + 2 * max(shadow.above, shadow.below))
    note = ""
    if most < scale:
        note = f"The subject fills {100 * share * most / scale:.1f} % of the canvas, so that its shadow has room."
        scale = most
    window = window.grown(canvas[0] / scale, canvas[1] / scale)
    return Plan(window=window, width=canvas[0], height=canvas[1], note=note)


def _scale_onto(canvas: tuple[int, int], width: float, height: float) -> float:
    return min(canvas[0] / width, canvas[1] / height)


def _room_for_shadow(rendition: Rendition, subject: Window) -> Room:
    shadow = rendition.shadow_cast
    return room_for(shadow, subject.width, subject.height) if shadow else NO_ROOM


def render(cutout: pyvips.Image, rendition: Rendition, plan: Plan) -> pyvips.Image:
    """The pixels of a rendition, 8 bits: RGBA, RGB on a background, or grey for the alpha alone."""
    if rendition.alpha_only:
        return _placed(without_profile(cutout[3]).copy(interpretation="b-w"), plan)
    image = _placed(cutout, plan)
    shadow = rendition.shadow_cast
    if shadow and image.width * image.height <= SMALL:
        image = image.copy_memory()  # looked at three times
    layer = shadow_layer(without_profile(image[3]), shadow) if shadow else None
    if image.get_typeof(PROFILE) and not rendition.is_as_photographed:
        image = to_srgb(image)
    if layer is not None:
        image = layer.composite2(image, "over").rint().cast("uchar")
    if rendition.background == TRANSPARENT:
        # Reducing leaves colour beside the subject, where its kernel overshoots. Lossy formats are left to it: black
        # ground would show in the colours that they blur over an edge.
        return image if rendition.is_as_photographed or rendition.first_quality else cleared(image[:3], image[3])
    if rendition.background == CHECKER:
        return _on_checker(image)
    colour = [int(rendition.background[place : place + 2], 16) for place in (1, 3, 5)]
    return image.flatten(background=colour)


def _ends(line: pyvips.Image) -> tuple[int, int]:
    """Where the first and after the last non-zero value of a row are; 0 and 0 when there is none."""
    filled = line > 0
    first = int(filled.profile()[1].avg()) if filled.max() else 0
    last = int(filled.flip("horizontal").profile()[1].avg()) if filled.max() else line.width
    return first, line.width - last


def _placed(image: pyvips.Image, plan: Plan) -> pyvips.Image:
    """The plan's window of a picture, at the plan's size.

    Only what lies inside the picture is resized, and then laid onto an empty ground. So a subject that ends at the
    photo's edge keeps a sharp one.
    """
    window = plan.window
    left, top = max(0, round(window.left)), max(0, round(window.top))
    right = min(image.width, max(left + 1, round(window.left + window.width)))
    bottom = min(image.height, max(top + 1, round(window.top + window.height)))
    across, down = plan.width / window.width, plan.height / window.height
    width = min(plan.width, max(1, round((right - left) * across)))
    height = min(plan.height, max(1, round((bottom - top) * down)))
    inside = image
    if (left, top, right, bottom) != (0, 0, image.width, image.height):
        inside = image.crop(left, top, right - left, bottom - top)
    inside = _resized(inside, width, height)
    if (width, height) == (plan.width, plan.height):
        return inside
    x = min(plan.width - width, max(0, round((left - window.left) * across)))
    y = min(plan.height - height, max(0, round((top - window.top) * down)))
    return inside.embed(x, y, plan.width, plan.height)


def _resized(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Exactly this large. Colours are weighted with their alpha, so that no dark fringe comes from what is empty."""
    if (width, height) == (image.width, image.height):
        return image
    has_alpha = image.bands == 4
    weighted = image.premultiply() if has_alpha else image
    resized = weighted.resize(width / image.width, vscale=height / image.height, kernel="lanczos3")
    if has_alpha:
        resized = resized.unpremultiply().rint().cast("uchar").copy(interpretation="srgb")
    if (resized.width, resized.height) != (width, height):  # libvips rounds by itself
        resized = resized.embed(0, 0, width, height, extend="copy")
    return resized


def _on_checker(image: pyvips.Image) -> pyvips.Image:
    """On the squares of white and light grey that stand for transparency everywhere."""
    side = max(8, max(image.width, image.height) // 50)
    place = (pyvips.Image.xyz(image.width, image.height) / side).cast("uint")
    squares = ((place[0] + place[1]) % 2 * 51 + 204).cast("uchar")
    ground = squares.bandjoin([squares, squares]).copy(interpretation="srgb")
    return ground.composite2(image, "over")[:3].cast("uchar")


def _within_ceiling(
    cutout: pyvips.Image, rendition: Rendition, plan: Plan, path: Path, encoded: Encoded
) -> tuple[Encoded, str]:
    """The file made smaller in pixels when even the lowest quality is above the ceiling; and what is to be said of it.

    An exact canvas stays as large as it is: then the ceiling is not kept, and the note says so.
    """
    ceiling = rendition.max_bytes
    if not ceiling or encoded.size_bytes <= ceiling:
        return encoded, ""
    if not rendition.canvas:
        for _step in range(_SHRINKING_STEPS):
            factor = (ceiling / encoded.size_bytes) ** 0.5 * 0.97
            plan = plan.shrunk(factor)
            encoded = encode(render(cutout, rendition, plan), rendition, path, at_lowest=True)
            if encoded.size_bytes <= ceiling:
                return encoded, f"Shrunk to {plan.width} x {plan.height} pixels to keep max_bytes ({ceiling:,})."
    return encoded, f"{encoded.size_bytes:,} bytes, more than max_bytes ({ceiling:,}) even at the lowest quality."
