"""Which sentences `make check` names, and which it leaves alone."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tools.sentences import Block, Finding, hard_sentences, words_of_code

LONG = "One " + "two " * 24 + "end."
FITS = "One " + "two " * 23 + "end."


def texts(blocks: Iterable[Block]) -> list[str]:
    return [" ".join(block.text.split()) for block in blocks if block.text.strip()]


def found(folder: Path, **files: str) -> list[Finding]:
    """What is found in files that are named by keywords: `app_py` is app.py, `docs__a_md` is docs/a.md."""
    for name, text in files.items():
        path = folder / ".".join(name.replace("__", "/").rsplit("_", 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return hard_sentences(folder)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("README_md", f"# Title\n\nShort.\n{LONG}\n", 4),
        ("README_md", f"{FITS[:-5]} ... e.g. that.\n", 1),
        ("docs__page_md", f"- An entry.\n- {LONG}\n", 2),
        ("docs__page_md", f"| a | b |\n|---|---|\n| {FITS} | {LONG} |\n", 3),
        ("app_py", f'"""{LONG}"""\n', 1),
        ("functions__a_py", f'def f():\n    """Short.\n\n    {LONG}\n    """\n', 4),
        ("infra__a_py", f'A = 1\n"""Short. {LONG}"""\n', 2),
        ("cli__a_py", f"A = 1  # {LONG}\n", 1),
        ("bench__a_py", f"# Short.\n# {LONG}\n", 2),
        ("local__a_py", f'raise ValueError("{LONG}")\n', 1),
        ("stand_in__a_py", f'print(f"{{a}} {LONG}")\n', 1),
        ("tests__a_py", f"# {LONG}\n", 1),
    ],
)
def test_a_long_sentence_is_named_with_its_line(tmp_path: Path, name: str, text: str, line: int) -> None:
    [finding] = found(tmp_path, **{name: text})
    assert (finding.line, finding.trouble) == (line, "27 words" if name == "stand_in__a_py" else "26 words")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README_md", f"{FITS} {FITS}\n"),
        ("README_md", f"{FITS} pip " + "two " * 23 + "end."),
        ("README_md", f"| {FITS[:-5]} | {FITS[:-5]} |\n|---|---|\n| {FITS[:-5]} | {FITS[:-5]} |\n"),
        ("README_md", f"```\n| {LONG} |\n```\n"),
        ("README_md", f"```\n{LONG}\n```\n"),
        ("README_md", f"One `{LONG}` is code.\n"),
        ("README_md", "- One" + " two" * 20 + "\n- three" + " four" * 20 + "\n"),
        (
            "functions__a_py",
            f'def f():\n    """Short.\n\n    Args:\n        a: {FITS[:-5]}\n        b: {FITS[:-5]}\n    """\n',
        ),
        ("functions__a_py", f'"""Rows.\n\n{LONG.replace(" ", "   ")}\n"""\n'),
        ("functions__a_py", f'text = "{FITS}\\n{FITS}"\n'),
        ("tests__a_py", f'assert said == "{LONG}"\n'),
        ("out__a_py", f"# {LONG}\n"),
    ],
)
def test_what_nobody_reads_as_one_long_sentence_is_left_alone(tmp_path: Path, name: str, text: str) -> None:
    assert found(tmp_path, **{name: text}) == []


@pytest.mark.parametrize(
    ("sentence", "better"),
    [
        ("The message is set\naside.", "dead-letter"),
        ("It sets the message aside.", "dead-letter"),
        ("The cutter is told.", "publish, notify, say"),
        ("An event tells of it.", "publish, notify, say"),
        ("The API was mended.", "fix"),
        ("It reads the gate's standing first.", "state, status"),
        ("One round holds ten messages.", "batch"),
        ("The payment unit is its hash.", "payment key"),
        ("It waits a little longer by chance.", "jitter, at random"),
        ("All slots are booked up today.", "fully booked"),
        ("It has no scratch room left.", "disk, ephemeral storage"),
        ("It stays whole, were it to come back.", "if it ..."),
    ],
)
def test_a_word_that_was_replaced_is_named_with_the_better_one(tmp_path: Path, sentence: str, better: str) -> None:
    [finding] = found(tmp_path, docs__page_md=sentence)
    assert finding.trouble.endswith(f"better {better}")


@pytest.mark.parametrize(
    "sentence",
    [
        "Run one unit test first.",
        "A read request unit costs little.",
        "The figure is rounded to one digit.",
        "One round trip takes 20 ms.",
        "The subject is a round cup.",
        "The log tells why it stopped.",
        "The cup is standing on a table.",
        "It has a chance to recover.",
        "We recommend `told` and `the standing`.",
        "It was set up, and they were to come.",
    ],
)
def test_the_same_words_in_their_usual_sense_are_fine(tmp_path: Path, sentence: str) -> None:
    assert found(tmp_path, docs__page_md=sentence) == []


def test_a_finding_is_a_line_that_an_editor_can_open() -> None:
    assert str(Finding("docs/a.md", 3, "31 words", "So it")) == 'docs/a.md:3: 31 words: "So it"'


def test_comments_after_each_other_are_one_block_and_pragmas_none() -> None:
    source = "# One\n# block.\na = 1  # Another.\nb = 2  # noqa: E501 - hidden\n"
    assert texts(words_of_code(source, messages=False)) == ["One block.", "Another."]
