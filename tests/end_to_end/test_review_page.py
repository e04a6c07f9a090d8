"""`dropcut review --serve` on the deployed system, in headless Chromium: held photos end as a person's clicks say."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from bench.chromium_window import Window
from tests.end_to_end.dropcut_in_use import DropcutInUse, until
from tests.end_to_end.test_command import SECONDS, Clone
from tests.end_to_end.test_review import held, paid_calls

pytestmark = pytest.mark.timeout(300)
OWN = Image.new("RGBA", (96, 80), (10, 200, 30, 128))


@pytest.fixture
def holding(dropcut: DropcutInUse) -> Iterator[DropcutInUse]:
    with dropcut.configured("Deliver", {"HOLD_DOUBTFUL": "1"}):
        yield dropcut


@pytest.fixture
def clone(dropcut: DropcutInUse, tmp_path: Path) -> Clone:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "stack.json").write_text(json.dumps(dropcut.system.description()))
    return Clone(tmp_path)


def test_held_photos_end_as_a_persons_clicks_say(holding: DropcutInUse, clone: Clone, tmp_path: Path) -> None:
    outcomes = [held(holding) for _each in range(3)]
    OWN.save(tmp_path / "mine.png")
    words = dict(zip((outcome.key for outcome in outcomes), ("accept", "reject", "replace"), strict=True))
    with clone.start("review", "--serve", "--json") as process, Window(tmp_path / "chromium") as window:
        assert process.stderr
        (address,) = re.findall(r"open (http://\S+)", process.stderr.readline())
        window.open(address)
        window.until("document.querySelector('article')?.frame")
        for number, key in enumerate(window.ask("entries.map((entry) => entry.key)")):
            word = words.get(key, "reject")  # what other tests left held
            if word == "replace":
                window.ask(f"goTo({number})")
                window.press("p")
                window.choose_file("#file", tmp_path / "mine.png")
            else:
                window.click(f"#card-{number} [value={word}]")
            window.until(f"entries[{number}].decision === '{word}'")
        window.click("#send")
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    sent = [json.loads(line) for line in out.splitlines()]
    assert {line["key"]: line["decision"] for line in sent if line["key"] in words} == words
    ends = [holding.outcome(outcome.key, number=2).kind for outcome in outcomes]
    assert ends == ["delivered", "rejected", "delivered"]
    replaced = holding.outcome(outcomes[2].key, number=2)
    delivered = holding.cutout(replaced.detail["output_key"])
    assert delivered.image.convert("RGBA").getpixel((5, 5)) == (10, 200, 30, 128)
    assert [paid_calls(holding, outcome) for outcome in outcomes] == [1, 1, 1]


def test_ctrl_c_ends_it_and_leaves_photos_held(holding: DropcutInUse, clone: Clone) -> None:
    outcome = held(holding)
    with clone.start("review", "--serve") as process:
        assert process.stderr
        until(lambda: "Ctrl-C ends it" in process.stderr.readline(), "an address")  # type: ignore[union-attr]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err.strip()) == (130, "", "Stopped. Run the same command to go on.")
    assert holding.record(outcome.key)["status"] == "held"
