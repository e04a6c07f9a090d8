"""The terminal's picture: what a program said, with the colours that a terminal gives it."""

from typing import Any

import pytest

from bench import terminal_picture

SAID = """\
✓ cdk bootstrap 0.1 s
  cdk deploy: three stacks: 5 s so far
✓ cdk deploy: three stacks 9.2 s
delivered cup.png in 9 s, 2 credits
rejected a<b>.txt: no picture
"""


def test_the_demo_is_shown_as_a_terminal_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal_picture, "_said", lambda command: SAID)
    page = terminal_picture.demo_page()
    shown = page.partition("<pre>")[2].partition("</pre>")[0]
    assert shown.splitlines() == [
        "<b><i>$</i> make demo</b>",
        "<em>✓</em> cdk bootstrap <u>0.1 s</u>",
        "<em>✓</em> cdk deploy: three stacks <u>9.2 s</u>",
        "<em>delivered</em> cup.png in 9 s, 2 credits",
        "rejected a&lt;b&gt;.txt: no picture",
    ]


def test_the_system_is_ended_also_when_a_command_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def said(command: Any) -> str:
        ran.append(command[-1])
        if "put" in command:
            raise RuntimeError("the disk is full")
        return ""

    monkeypatch.setattr(terminal_picture, "_said", said)
    with pytest.raises(RuntimeError, match="the disk is full"):
        terminal_picture.command_page()
    assert ran == ["up", "--local", "down"]
