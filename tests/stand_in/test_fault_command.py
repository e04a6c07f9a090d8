"""`python -m stand_in fault`: a fault of a running stand-in is switched on by one short command."""

import json
from pathlib import Path

import pytest

from stand_in import fault_command
from stand_in.__main__ import main
from stand_in.faults import FAULTS
from stand_in.stand_in import StandIn
from tests.stand_in.client import Client


def test_a_fault_is_switched_on_for_some_calls_and_off(gateway: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """Each answer says what is on from now on."""
    url = ["--url", gateway.api.base_url]
    for arguments, said in [
        (["internal_error"], "internal_error (the next call)"),
        (["edge_504", "--times", "3"], "internal_error (the next call), edge_504 (the next 3 calls)"),
        (["--off"], "none"),
        (["payment_required", "--lasting"], "payment_required (every call)"),
    ]:
        assert main(["fault", *arguments, *url]) == 0
        assert capsys.readouterr().out == f"Switched on: {said}.\n"
    assert gateway.cut().status_code == 402


def test_without_a_name_all_faults_of_the_profile_are_listed(maker: Client, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fault", "--url", maker.api.base_url]) == 0
    *faults, last = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in faults] == [
        name for name, fault in FAULTS.items() if "stability" in fault.profiles
    ]
    assert last == "Switched on: none."


def test_an_unknown_fault_is_refused_in_a_sentence(gateway: Client, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fault", "nonsense", "--url", gateway.api.base_url]) == 1
    assert "nonsense" in capsys.readouterr().err


def test_the_stand_in_of_make_up_is_found_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fault_command, "STACK_FILE", tmp_path / "stack.json")
    with StandIn("ezlink", segmentation=False) as api:
        (tmp_path / "stack.json").write_text(json.dumps({"api_base_url": api.base_url}))
        assert main(["fault", "banned"]) == 0
        assert "banned (the next call)" in capsys.readouterr().out
    assert main(["fault", "banned"]) == 1
    assert capsys.readouterr().err.startswith(f"No stand-in answers at {api.base_url}. Start one with `make up`")


def test_the_stand_ins_help_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python -m stand_in fault NAME" in " ".join(capsys.readouterr().out.split())
