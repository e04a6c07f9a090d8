"""The page of before and after that the demo leaves. Everything that came from outside is escaped here."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from dropcut.core.plain_text import shown

from local.preview import Preview

_TEMPLATE = Path(__file__).with_name("page.html")
_STATES = {
    "delivered": "delivered",
    "rejected": "rejected",
    "failed": "failed",
    "skipped": "skipped",
    "held": "held",
    "unwritten": "not written",
    "unsent": "not sent",
    "unanswered": "no answer",
}
"""What the page calls the end of a photo's way. The last three are the demo's own, not the product's."""


@dataclass(frozen=True)
class Picture:
    """A file, and how the page shows it."""

    file: Path
    preview: Preview
    size_bytes: int


@dataclass(frozen=True)
class Further:
    """A rendition of a photo besides the one that is shown: a line with a link."""

    rendition: str
    file: Path
    size_bytes: int


@dataclass(frozen=True)
class Row:
    """One photo on the page."""

    name: str
    state: str
    """One of `_STATES`."""
    before: Picture
    after: Picture | None
    reason: str
    seconds: float | None
    """From the start of its upload until its outcome was known."""
    credits: float | None
    note: str = ""
    """What is not as asked for in what was delivered."""
    further: Sequence[Further] = ()


@dataclass(frozen=True)
class Run:
    """What holds for all photos of a demo."""

    seconds: float
    """From the first upload to the last outcome."""
    stands_in: bool
    """The cut-outs came from the stand-in and not from the real API."""
    api_base_url: str
    photos: int
    """All that were to be dropped: more than the page's rows when the demo was stopped."""


def render_page(rows: Sequence[Row], run: Run, *, folder: Path) -> str:
    """The page's HTML; links are relative to `folder`, where the page goes."""
    delivered = sum(row.state == "delivered" for row in rows)
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=as_text(f"{delivered} of {counted(run.photos, 'photo')} cut out"),
        note=_stopped(run.photos - len(rows)) + _note(run),
        totals="\n".join(
            f"<li><b>{as_text(figure)}</b><span>{as_text(of)}</span></li>" for figure, of in _totals(rows, run)
        ),
        photos="\n".join(_article(row, folder) for row in rows),
        footer="A picture opens in full when clicked. The checkerboard shows through where a cut-out is transparent.",
    )


def as_text(text: str) -> str:
    """Text as HTML: without markup, and without characters that would lie about the order of others."""
    return escape(shown(text))


def counted(number: int, noun: str) -> str:
    """`1 photo`, `2 photos`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def human_size(size_bytes: int) -> str:
    """`81 kB`, `1.2 MB`."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    if size_bytes < 999_500:
        return f"{size_bytes / 1000:.0f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"


def human_seconds(seconds: float) -> str:
    """`0.84 s`, `12 s`, `3 min 5 s`. The rounded value decides, so that there is no `10.00 s` beside `10 s`."""
    if round(seconds, 2) < 10:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60} s"


def _note(run: Run) -> str:
    """Whose cut-outs and whose times these are: nobody is to take them for the product's."""
    if run.stands_in:
        return (
            "Cut out by the stand-in API on this machine, which is good enough to see the whole way at work. "
            "The real API cuts much better, hair included. Everything ran on this one machine: the times include the "
            "functions' cold start and the stand-in's own work."
        )
    return (
        f"Cut out by {as_text(run.api_base_url)}. All else ran on this one machine: the times include the functions' "
        "cold start."
    )


def _stopped(missing: int) -> str:
    """What the page does not show."""
    if not missing:
        return ""
    return f"The demo was stopped: {counted(missing, 'photo')} had reached no end and cannot be seen here. "


def _totals(rows: Sequence[Row], run: Run) -> list[tuple[str, str]]:
    counts = [(state, sum(row.state == state for row in rows)) for state in _STATES]
    totals = [(str(count), _STATES[state]) for state, count in counts if count or state == "delivered"]
    waits = sorted(row.seconds for row in rows if row.state == "delivered" and row.seconds is not None)
    if waits:
        totals.append((human_seconds(waits[len(waits) // 2]), "typical time from upload to cut-out, started cold"))
    totals.append((human_seconds(run.seconds), "for all of them"))
    spent = sum(row.credits or 0 for row in rows)
    totals.append((f"{spent:g}", "credits, if it were the real API" if run.stands_in else "credits"))
    return totals


def _article(row: Row, folder: Path) -> str:
    facts = [human_seconds(row.seconds)] if row.seconds is not None else []
    if row.credits:
        facts.append(counted_credits(row.credits))
    return f"""<article>
<header><h2>{as_text(row.name)}</h2><span class="state {row.state}">{_STATES[row.state]}</span>
<p class="facts">{as_text(" · ".join(facts))}</p></header>
<div class="pair">
{_figure("Before", row.before, folder, plain=True)}
{_figure("After", row.after, folder, below=_below(row, folder)) if row.after else _reason(row)}
</div>
</article>"""


def counted_credits(credits: float) -> str:
    """`1 credit`, `2 credits`, `0.5 credits`."""
    return f"{credits:g} credit{'' if credits == 1 else 's'}"


def _figure(title: str, picture: Picture, folder: Path, *, plain: bool = False, below: str = "") -> str:
    preview = picture.preview
    if preview.file:
        link, source = _link(picture.file, folder), _link(preview.file, folder)
        image = f'<img src="{source}" alt="{title}" loading="lazy">'
        content = f'<a href="{link}">{image}</a>' if link else image
    else:
        content = f"<p>{as_text(_why_not_shown(picture))}</p>"
    pixels = f" · {preview.width:,} &times; {preview.height:,}" if preview.width else ""
    kind = _kind(picture.file)
    caption = f"<b>{title}</b>{pixels}{f' · {as_text(kind)}' if kind else ''} · {human_size(picture.size_bytes)}"
    stage = "stage plain" if plain or not preview.file else "stage"
    return f'<figure><div class="{stage}">{content}</div><figcaption>{caption}{below}</figcaption></figure>'


def _below(row: Row, folder: Path) -> str:
    """What stands under a cut-out: the note, and its further renditions."""
    note = f'<p class="remark">{as_text(row.note)}</p>' if row.note else ""
    lines = "".join(
        f'<li><a href="{_link(each.file, folder)}">{as_text(each.rendition)}</a>'
        f" · {as_text(_kind(each.file))} · {human_size(each.size_bytes)}</li>"
        for each in row.further
    )
    return note + (f'<ul class="further">{lines}</ul>' if lines else "")


def _why_not_shown(picture: Picture) -> str:
    if picture.file.suffix.lower() in (".heic", ".heif"):
        return "A HEIC photo, which browsers do not show."
    if picture.preview.too_large:
        return "A picture of too many pixels to be shown here."
    if picture.size_bytes == 0:
        return "An empty file."
    return "Not a picture that can be shown here."


def _reason(row: Row) -> str:
    text = row.reason or "No reason was given."
    return (
        f'<figure><div class="stage plain"><p class="why">{as_text(text)}</p></div>'
        f"<figcaption><b>No cut-out</b></figcaption></figure>"
    )


def _kind(file: Path) -> str:
    return file.suffix.lstrip(".").upper()[:8]


def _link(path: Path, folder: Path) -> str:
    """A relative link that any name survives; empty for a file elsewhere, whose path is nobody's business."""
    if not path.is_relative_to(folder):
        return ""
    return escape(quote(path.relative_to(folder).as_posix()))
