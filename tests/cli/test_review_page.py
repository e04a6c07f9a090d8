"""The page of `dropcut review` in headless Chromium, by real clicks and keys."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from dropcut.core.deliver_message import read_deliver_message
from dropcut.core.review import Review
from PIL import Image

from bench.chromium_window import Window
from dropcut_cli.deployment import Deployment
from dropcut_cli.held import held_photos
from dropcut_cli.review_server import ReviewServer
from tests.cli.conftest import Dropcut, bodies
from tests.cli.held_photos import encoded, hold, photo_and_cutout
from tests.functions.cloud import OUTPUT

PICTURES = photo_and_cutout()
MOST_SECONDS_TO_FIRST, MOST_SECONDS_TO_NEXT = 5.0, 2.0
"""On a machine with two cores that others use, too. Alone, it takes about a tenth of that."""
FIRST_IS_SHOWN = "document.querySelector('article')?.frame"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    with Window(tmp_path_factory.mktemp("chromium")) as window:
        yield window


class ServedHere(ReviewServer):
    """Served by a thread of the test."""

    loop: threading.Thread


@contextmanager
def served(held: Sequence[Any]) -> Iterator[ServedHere]:
    with (
        TemporaryDirectory() as folder,
        ServedHere(held, port=0, folder=Path(folder), most_mib=50, on_sent=lambda _sent: None) as server,
    ):
        server.loop = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        server.loop.start()
        yield server
        server.shutdown()


def opened(window: Window, address: str) -> None:
    window.said.clear()
    window.open("about:blank")
    window.open(address)
    window.until(FIRST_IS_SHOWN)


def decisions(deployment: Deployment) -> dict[str, str]:
    reviews = [read_deliver_message(body) for body in bodies(deployment, "Deliver")]
    return {review.key: review.decision for review in reviews if isinstance(review, Review)}


def test_photos_are_accepted_rejected_and_replaced_by_clicks_and_keys(
    deployment: Deployment, window: Window, tmp_path: Path
) -> None:
    for number, key in enumerate(("a.jpg", "b.jpg", "c.jpg", "d.jpg")):
        hold(deployment, key, score=number / 100, pictures=PICTURES)
    mine = tmp_path / "mine.png"
    mine.write_bytes(encoded(Image.new("RGBA", (90, 90), (10, 200, 30, 128))))
    with served(held_photos(deployment)) as server:
        opened(window, server.address)
        assert server.address.partition("#")[2] not in window.ask("location.href")
        window.press("a")
        assert window.ask("document.activeElement.id") == "card-1"
        window.click("#card-1 [value=reject]")
        window.press("r")
        window.press("u")
        assert window.text("#count") == "2 of 4 decided"
        assert window.text("#card-2 .said").strip() == ""
        window.press("p")
        window.choose_file("#file", mine)
        window.until("entries[2].decision === 'replace'")
        assert decisions(deployment) == {}
        window.click("#send")
        window.until("document.querySelector('#card-0 .said').innerText === 'Accepted and sent.'")
        window.press("u")  # too late
        window.press("a")
        window.click("#send")
        window.until("document.querySelector('#note').innerText.startsWith('Everything is decided')")
        server.loop.join(5)
        assert not server.loop.is_alive()
    assert decisions(deployment) == {"a.jpg": "accept", "b.jpg": "reject", "c.jpg": "replace", "d.jpg": "accept"}
    (own,) = deployment.client("s3").list_objects_v2(Bucket=OUTPUT, Prefix="held/replaced/")["Contents"]
    stored = deployment.client("s3").get_object(Bucket=OUTPUT, Key=own["Key"])
    assert stored["Body"].read() == mine.read_bytes()
    assert window.said == []


def test_it_shows_the_place_of_the_doubt_and_another_one_by_click_and_keys(
    deployment: Deployment, window: Window
) -> None:
    hold(deployment, "a.jpg", pictures=PICTURES)
    with served(held_photos(deployment)) as server:
        opened(window, server.address)
        place = window.ask("document.querySelector('article').place")
        assert (round(place["x"], 1), round(place["y"], 1)) == (0.8, 0.2)  # the hole is at 700 and 200 of 900
        assert window.ask(PIXEL.format(tile=".before")) == [20, 40, 160, 255]
        assert window.ask(PIXEL.format(tile=".white"))[3] == 0
        window.click(".look", at=(0.6, 0.8))
        window.until("document.querySelector('article').place.y > 0.7")
        assert window.ask(PIXEL.format(tile=".white"))[3] == 255
        before = window.ask("document.querySelector('article').place.x")
        window.ask("document.querySelector('.look').focus()")
        window.press("ArrowRight")
        window.until(f"document.querySelector('article').place.x > {before}")


PIXEL = (
    "(([x, y]) => {{ const tile = document.querySelector('{tile}'), side = tile.width;"
    "const card = document.querySelector('article');"
    "const at = [700 - card.place.x * 900 + side / 2, 200 - card.place.y * 900 + side / 2].map(Math.round);"
    "const inside = at.every((each) => each >= 0 && each < side) ? at : [side / 2, side / 2];"
    "return [...tile.getContext('2d').getImageData(...inside, 1, 1).data]; }})([0, 0])"
)
"""The colour in a tile at the hole, if it shows the hole; in its middle otherwise."""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1440])
def test_nothing_moves_or_sticks_out(deployment: Deployment, window: Window, width: int, dark: bool) -> None:
    hold(deployment, "a" * 200 + ".jpg", pictures=PICTURES)
    hold(deployment, "gone.jpg", score=0.2)
    with served(held_photos(deployment)) as server:
        window.resize(width, 900, dark=dark)
        opened(window, server.address)
        window.press("a")
        window.until("document.querySelector('#card-1 .said').innerText.includes('gone')")
        assert window.ask("document.documentElement.scrollWidth") == width
        assert window.ask(SHIFTS) == []
        background = window.ask("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(19, 21, 24)" if dark else "rgb(245, 245, 243)")
        assert window.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    window.resize(1440, 900)


SHIFTS = (
    "new Promise((found) => { const moved = [];"
    "new PerformanceObserver((list) => list.getEntries().forEach((shift) => moved.push(...shift.sources.map("
    "({node}) => node?.outerHTML ?? node?.textContent)))).observe({type: 'layout-shift', buffered: true});"
    "setTimeout(() => found(moved), 200); })"
)
"""What of the page moved by itself."""


def test_a_decision_is_sent_by_itself_after_ten_seconds(deployment: Deployment, window: Window) -> None:
    hold(deployment, "a.jpg", pictures=PICTURES)
    hold(deployment, "b.jpg", score=0.2, pictures=PICTURES)
    with served(held_photos(deployment)) as server:
        opened(window, server.address)
        window.press("a")
        window.ask("entries[0].at -= 7000")
        window.ask("new Promise((done) => setTimeout(done, 1000))")
        assert not window.ask("entries[0].sent")
        window.ask("entries[0].at -= 3000")
        window.until("document.querySelector('#card-0 .said').innerText === 'Accepted and sent.'")
    assert decisions(deployment) == {"a.jpg": "accept"}


def test_another_decision_takes_the_place_of_an_own_picture(
    deployment: Deployment, window: Window, tmp_path: Path
) -> None:
    hold(deployment, "a.jpg", pictures=PICTURES)
    mine = tmp_path / "mine.png"
    mine.write_bytes(encoded(Image.new("RGBA", (90, 90))))
    with served(held_photos(deployment)) as server:
        opened(window, server.address)
        window.press("p")
        window.choose_file("#file", mine)
        window.until("entries[0].decision === 'replace'")
        window.press("r")
        window.click("#send")
        server.loop.join(5)
    assert decisions(deployment) == {"a.jpg": "reject"}
    assert "Contents" not in deployment.client("s3").list_objects_v2(Bucket=OUTPUT, Prefix="held/replaced/")


def test_leaving_the_page_sends_what_was_decided(deployment: Deployment, window: Window) -> None:
    hold(deployment, "a.jpg", pictures=PICTURES)
    hold(deployment, "b.jpg", score=0.2, pictures=PICTURES)
    with served(held_photos(deployment)) as server:
        opened(window, server.address)
        window.press("r")
        window.open("about:blank")
        for _try in range(500):
            if server.decided:
                break
            time.sleep(0.01)
    assert decisions(deployment) == {"a.jpg": "reject"}


def test_a_reload_shows_what_was_sent(deployment: Deployment, window: Window) -> None:
    hold(deployment, "a.jpg", pictures=PICTURES)
    hold(deployment, "b.jpg", score=0.2, pictures=PICTURES)
    with served(held_photos(deployment)) as server:
        opened(window, server.address)
        window.press("a")
        window.click("#send")
        window.until("document.querySelector('#card-0 .said').innerText === 'Accepted and sent.'")
        window.open(server.address.partition("#")[0])
        window.until(FIRST_IS_SHOWN)
        assert window.text("#count") == "1 of 2 decided"
        assert window.text("#card-0 .said") == "Accepted and sent."


def test_what_could_not_be_sent_can_be_saved(deployment: Deployment, window: Window) -> None:
    hold(deployment, "a.jpg", pictures=PICTURES)
    with served(held_photos(deployment)) as server:
        opened(window, server.address)
    window.press("a")
    window.click("#send")
    window.until("document.querySelector('#send').innerText === 'Save'")
    assert "does not answer any more" in window.text("#note")
    assert decisions(deployment) == {}
    window.ask("undo()")


def test_a_written_page_saves_a_file_that_the_command_carries_out(
    deployment: Deployment, dropcut: Dropcut, window: Window, tmp_path: Path
) -> None:
    hold(deployment, "shop/ä b.jpg", pictures=PICTURES)
    hold(deployment, "b.jpg", score=0.2, pictures=PICTURES)
    hold(deployment, "gone.jpg", score=0.3)
    assert dropcut("review", str(tmp_path / "page")).exit_code == 0
    opened(window, (tmp_path / "page" / "index.html").as_uri())
    assert round(window.ask("document.querySelector('article').place.x"), 1) == 0.8
    window.press("j")
    window.press("r")
    window.press("k")
    window.press("k")
    window.press("a")
    window.click("#send")
    saved = window.folder / "decisions.jsonl"
    window.until("undoable.length === 0")
    while not saved.exists():
        pass
    assert [json.loads(line)["key"] for line in saved.read_text().splitlines()] == ["shop/ä b.jpg", "b.jpg"]
    assert dropcut("review", "--apply", str(saved)).exit_code == 0
    assert decisions(deployment) == {"shop/ä b.jpg": "accept", "b.jpg": "reject"}
    assert window.said == []


@dataclass(frozen=True)
class Held:
    """One of many."""

    number: int

    @property
    def fields(self) -> dict[str, Any]:
        key = f"shop/{self.number}.jpg"
        named = {"bucket": "photos", "key": key, "name": key, "job_id": f"{self.number:032}"}
        return {**named, "score": self.number / 10_000, "doubts": ["Holes in the subject."]}

    def picture(self, side: str) -> bytes:
        return PICTURES[side == "after"]


def test_thousands_stay_smooth(window: Window) -> None:
    with served([Held(number) for number in range(3000)]) as server:
        window.open("about:blank")
        window.open(server.address)
        first = window.until(FIRST_IS_SHOWN)
        window.click("#on")
        following = window.until("document.querySelector('#card-10')?.frame")
        window.ask("goTo(2990)")
        last = window.until("document.querySelector('#card-2990')?.frame")
        assert window.ask("document.querySelectorAll('article').length") == 10
        assert window.text("#page") == "300 of 300"
        assert first < MOST_SECONDS_TO_FIRST
        assert max(following, last) < MOST_SECONDS_TO_NEXT
