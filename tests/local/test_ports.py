"""Ports: the preferred one, the next, or a clear sentence."""

import socket
from collections.abc import Iterator

import pytest

from dropcut_cli.clone.problem import Problem
from local.ports import LOOPBACK, any_free_port, choose_port, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_free_preferred_port_is_taken() -> None:
    """Nothing asked for, nothing in the way."""
    port = any_free_port()
    assert choose_port(port, "NOT_SET_PORT") == port


def test_a_taken_preferred_port_gives_way_to_a_free_one(taken: int) -> None:
    """Nobody asked for that one in particular."""
    chosen = choose_port(taken, "NOT_SET_PORT")
    assert chosen != taken
    assert is_free(chosen)


def test_a_port_that_another_program_is_to_have_gives_way_too() -> None:
    """Nobody listens there yet."""
    port = any_free_port()
    assert choose_port(port, "NOT_SET_PORT", taken=port) != port


def test_a_port_that_was_asked_for_and_is_taken_is_a_problem(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one in its place would be a surprise."""
    monkeypatch.setenv("AWS_PORT", str(taken))
    with pytest.raises(Problem, match=f"Port {taken}, asked for in AWS_PORT"):
        choose_port(4566, "AWS_PORT")


@pytest.mark.parametrize("asked", ["http", "0", "65536", "-1", "8080x", "²"])
def test_what_is_no_port_is_a_problem(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the value that was given."""
    monkeypatch.setenv("AWS_PORT", asked)
    with pytest.raises(Problem, match="not a port"):
        choose_port(4566, "AWS_PORT")


def test_a_port_on_all_interfaces_counts_as_taken() -> None:
    """Whoever listens everywhere listens on loopback, too."""
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))  # what is tested
        listener.listen()
        assert not is_free(listener.getsockname()[1])
