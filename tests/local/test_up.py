"""`make up`: where it listens."""

import pytest

from local import up
from local.ports import any_free_port
from local.problem import Problem


@pytest.fixture(autouse=True)
def nothing_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_PORT", "API_PORT"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(("variable", "others"), [("AWS_PORT", "API_PORT"), ("API_PORT", "AWS_PORT")])
def test_the_port_that_was_asked_for_is_not_given_to_the_other_program(
    variable: str, others: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when the other would take it by itself."""
    port = any_free_port()
    monkeypatch.setattr(up, others, port)
    monkeypatch.setenv(variable, str(port))
    ports = up.choose_ports()
    assert {"AWS_PORT": ports.aws, "API_PORT": ports.api}[variable] == port
    assert ports.aws != ports.api


def test_one_port_asked_for_twice_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two programs would find it taken."""
    port = str(any_free_port())
    monkeypatch.setenv("AWS_PORT", port)
    monkeypatch.setenv("API_PORT", port)
    with pytest.raises(Problem, match=f"Port {port}.* is asked for twice"):
        up.choose_ports()
