"""What is known of one photo of a demo, and the line that tells it."""

from dataclasses import dataclass, field
from pathlib import Path

from dropcut.core.plain_text import shown
from rich.markup import escape

from local.page import counted_credits, human_seconds
from local.photos import Photo

_COLOURS = {"delivered": "green", "rejected": "red", "failed": "red", "unanswered": "red", "unwritten": "red"}
_WORDS = {"unsent": "not sent", "unwritten": "not written"}


@dataclass(frozen=True)
class Cutout:
    """One rendition of a photo, in the folder of results."""

    rendition: str
    file: Path


@dataclass
class Result:
    """What is known of one photo so far."""

    photo: Photo
    key: str
    state: str = "unanswered"
    """One of the page's states. `delivered`: all its files are in the folder of results."""
    reason: str = ""
    started: float = 0.0
    ended: float = 0.0
    note: str = ""
    credits: float | None = None
    same_as: str = ""
    """The name of the photo whose picture this is too, so that it was not paid again."""
    cutouts: list[Cutout] = field(default_factory=list)
    """The first is the one that the page shows."""

    @property
    def seconds(self) -> float | None:
        """From the start of the upload until the outcome was known."""
        return self.ended - self.started if self.ended and self.started else None

    @property
    def remarks(self) -> str:
        """What is to be known of what was delivered; empty when it is as asked for."""
        again = f"Not paid again: the same picture as {self.same_as}." if self.same_as else ""
        return f"{again} {self.note}".strip()


def line_for(result: Result) -> str:
    """One line about one photo (rich markup)."""
    colour = _COLOURS.get(result.state, "yellow")
    name = escape(shown(result.photo.name))
    if result.state == "delivered":
        paid = f", {counted_credits(result.credits)}" if result.credits else ""
        if result.same_as:
            paid = f", not paid again: the same picture as {escape(shown(result.same_as))}"
        note = f"\n          {escape(shown(result.note))}" if result.note else ""
        return f"[{colour}]delivered[/] {name} [dim]in {human_seconds(result.seconds or 0)}{paid}[/]{note}"
    state = _WORDS.get(result.state, result.state)
    return f"[{colour}]{state:<9}[/] {name}: {escape(shown(result.reason or 'no reason given'))}"
