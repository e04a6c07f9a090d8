"""`dropcut pause` and `dropcut resume`."""

import json

from dropcut.adapters.gate_record import GateRecord
from dropcut.core.gate import Gate

from dropcut_cli.deployment import Deployment
from tests.cli.conftest import Dropcut
from tests.cli.recorded import NOW


def test_a_pause_by_hand_shows_its_reason_until_it_is_resumed(deployment: Deployment, dropcut: Dropcut) -> None:
    assert dropcut("resume").exit_code == 9
    assert dropcut("pause", "--reason", "The shop moves.").exit_code == 0
    assert "gate      by hand (paused_by_hand): The shop moves." in dropcut("status").out
    assert json.loads(dropcut("resume", "--json").out) == {"gate": "opening"}
    again = dropcut("resume")
    assert (again.exit_code, again.out) == (9, "")
    assert "opens already" in again.err


def test_resuming_a_pause_that_trouble_caused_lets_one_call_be_tried(deployment: Deployment, dropcut: Dropcut) -> None:
    GateRecord(table=deployment.table).close(Gate(code="no_credits", reason="Buy some.", until=NOW * 2))
    assert json.loads(dropcut("resume", "--json").out) == {"gate": "due"}
    assert "was due, and is due now. The pause is over: the next picture is tried" in dropcut("resume").out


def test_a_pause_needs_a_reason_that_can_be_read(deployment: Deployment, dropcut: Dropcut) -> None:
    ran = dropcut("pause", "--reason", " ")
    assert (ran.exit_code, ran.out, deployment.gate.get().is_closed) == (2, "", False)
    assert "--reason is empty" in ran.err
