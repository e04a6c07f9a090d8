"""The demo's page: everything from outside is escaped, and every end of a photo's way has its words."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from local.page import Further, Picture, Row, Run, human_seconds, human_size, render_page
from local.preview import Preview, make_preview

HOSTILE = "<script>alert(1)</script>&\"'`${x} $title\n.png"
STANDS_IN = Run(seconds=3.2, stands_in=True, api_base_url="http://127.0.0.1:1", photos=1)


class Elements(HTMLParser):
    """The tags of a page and their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str, attribute: str) -> list[str]:
        return [
            attributes[attribute] or "" for name, attributes in self.tags if name == tag and attribute in attributes
        ]


def picture(file: Path, preview: Path | None = None) -> Picture:
    return Picture(file, Preview(preview, 40 if preview else 0, 30 if preview else 0), 1234)


def row(name: str, state: str, folder: Path, *, reason: str = "", after: bool = False) -> Row:
    return Row(
        name=name,
        state=state,
        before=picture(Path("/photos/x.png"), folder / "index.files/1-before.webp"),
        after=picture(folder / f"{name}", folder / "index.files/1-after.webp") if after else None,
        reason=reason,
        seconds=1.5,
        credits=2,
    )


def test_hostile_names_and_reasons_stay_text(tmp_path: Path) -> None:
    """A file's name or an API's message must not become a part of the page."""
    rows = [row(HOSTILE, "delivered", tmp_path, after=True), row("b.png", "rejected", tmp_path, reason=HOSTILE)]
    page = Elements(render_page(rows, STANDS_IN, folder=tmp_path))
    assert "script" not in [tag for tag, _ in page.tags]
    assert page.text.count(HOSTILE.replace("\n", r"\u000a")) == 2
    assert [unquote(link) for link in page.values("a", "href")] == [HOSTILE]


def test_no_control_character_comes_onto_the_page(tmp_path: Path) -> None:
    """Nor one that turns the order of letters round, so that `gpj.exe` is read as `exe.jpg`."""
    text = "a\x1b[31m\x9b\u202egpj.exe\u2066"
    rejected = row(text, "rejected", tmp_path, reason=text)
    delivered = replace(row(text, "delivered", tmp_path, after=True), note=text)
    page = render_page([rejected, delivered], STANDS_IN, folder=tmp_path)
    assert Elements(page).text.count(r"a\u001b[31m\u009b\u202egpj.exe\u2066") == 4
    assert page.replace("\n", "").isprintable()


def test_links_are_relative_and_the_photos_own_place_is_not_shown(tmp_path: Path) -> None:
    """The folder can be moved or sent to a friend."""
    page = Elements(render_page([row("a b/ü.png", "delivered", tmp_path, after=True)], STANDS_IN, folder=tmp_path))
    assert page.values("a", "href") == ["a%20b/%C3%BC.png"]
    assert page.values("img", "src") == ["index.files/1-before.webp", "index.files/1-after.webp"]
    assert "/photos" not in page.text


def test_further_renditions_and_the_note_stand_under_the_cutout(tmp_path: Path) -> None:
    """One is shown; of the others each has a link and a size."""
    further = (Further("web", tmp_path / "a" / "é-web.webp", 999), Further("m", tmp_path / "é-m.jpg", 1_200_000))
    delivered = replace(
        row("a.png", "delivered", tmp_path, after=True), further=further, note="The canvas <enlarged> it."
    )
    page = Elements(render_page([delivered], STANDS_IN, folder=tmp_path))
    assert page.values("a", "href")[-2:] == ["a/%C3%A9-web.webp", "%C3%A9-m.jpg"]
    assert "web · WEBP · 999 bytes" in page.text
    assert "m · JPG · 1.2 MB" in page.text
    assert "The canvas <enlarged> it." in page.text


def test_a_cutout_alone_has_nothing_under_it(tmp_path: Path) -> None:
    page = Elements(render_page([row("a.png", "delivered", tmp_path, after=True)], STANDS_IN, folder=tmp_path))
    assert {"remark", "further"}.isdisjoint(page.values("p", "class") + page.values("ul", "class"))


@pytest.mark.parametrize(
    "state", ["delivered", "rejected", "failed", "skipped", "held", "unwritten", "unsent", "unanswered"]
)
def test_every_end_has_its_row_and_its_total(tmp_path: Path, state: str) -> None:
    page = Elements(render_page([row("a.png", state, tmp_path, reason="because")], STANDS_IN, folder=tmp_path))
    assert ("span", {"class": f"state {state}"}) in page.tags
    assert "because" in page.text


def test_a_stopped_demos_page_says_how_many_photos_it_does_not_show(tmp_path: Path) -> None:
    rows = [row("a.png", "delivered", tmp_path, after=True)]
    page = Elements(render_page(rows, replace(STANDS_IN, photos=60), folder=tmp_path)).text
    assert "1 of 60 photos cut out" in page
    assert "The demo was stopped: 59 photos had reached no end" in page
    assert "stopped" not in Elements(render_page(rows, STANDS_IN, folder=tmp_path)).text


def test_the_page_says_that_the_stand_in_stood_in(tmp_path: Path) -> None:
    """Nobody is to take its cut-outs for the API's."""
    assert "stand-in" in render_page([], STANDS_IN, folder=tmp_path)
    real = render_page([], Run(1, stands_in=False, api_base_url="https://api.example", photos=0), folder=tmp_path)
    assert "stand-in" not in real
    assert "https://api.example" in real


def test_the_typical_time_is_said_to_be_this_machines(tmp_path: Path) -> None:
    """Nobody is to take a cold start beside the stand-in's work for the product's speed."""
    rows = [row("a.png", "delivered", tmp_path, after=True)]
    assert "cold start and the stand-in's own work" in Elements(render_page(rows, STANDS_IN, folder=tmp_path)).text
    real = Elements(render_page(rows, replace(STANDS_IN, stands_in=False), folder=tmp_path)).text
    assert "cold start" in real
    assert "from upload to cut-out, started cold" in real
    assert "stand-in" not in real


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "empty.png", "An empty file"),
        (b"text", "text.png", "Not a picture"),
        (b"\0\0\0\x18ftypheic", "x.HEIC", "HEIC"),
    ],
)
def test_what_cannot_be_shown_is_explained(tmp_path: Path, content: bytes, name: str, words: str) -> None:
    """In the picture's place."""
    file = tmp_path / name
    file.write_bytes(content)
    preview = make_preview(file, tmp_path / "preview.webp")
    before = Picture(file, preview, len(content))
    rows = [Row(name, "rejected", before, None, "no", 0.1, None)]
    assert words in Elements(render_page(rows, STANDS_IN, folder=tmp_path)).text


def test_a_preview_is_small_upright_and_keeps_its_alpha(tmp_path: Path) -> None:
    """A phone's photo is stored sideways; a cut-out is transparent."""
    sideways, cutout = tmp_path / "sideways.jpg", tmp_path / "cutout.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (3000, 2000), "red").save(sideways, exif=exif)
    Image.new("RGBA", (1200, 600), (0, 0, 0, 0)).save(cutout)
    upright = make_preview(sideways, tmp_path / "1.webp")
    assert (upright.width, upright.height) == (2000, 3000)
    with Image.open(tmp_path / "1.webp") as shown:
        assert shown.height > shown.width
        assert max(shown.size) <= 1000
    make_preview(cutout, tmp_path / "2.webp")
    with Image.open(tmp_path / "2.webp") as shown:
        assert shown.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (12_340_000, "12.3 MB"),
    ],
)
def test_sizes_are_written_in_words(size: int, words: str) -> None:
    """Rounded as people say them."""
    assert human_size(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.844, "0.84 s"),
        (9.994, "9.99 s"),
        (9.996, "10 s"),
        (12.3, "12 s"),
        (99.4, "99 s"),
        (99.6, "1 min 40 s"),
        (119.7, "2 min 0 s"),
        (185, "3 min 5 s"),
    ],
)
def test_times_are_written_in_words(seconds: float, words: str) -> None:
    """The shorter the more exact; what looks the same is written the same."""
    assert human_seconds(seconds) == words
