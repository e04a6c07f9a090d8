"""A process that a photo took over: each layer alone stops its attacks, and without layers nothing stops them."""

import contextlib
import ctypes
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dropcut.adapters.imaging_process import ImagingFailedError, ImagingProcess, Sandbox
from dropcut.imaging.sandbox import LAYERS

from tests.functions.adapters.ordered import fits, ordered

SECRET = ctypes.create_string_buffer(b"credential")
"""Of this process, which stands for the function."""

MODULE = f"attacked_{os.getpid()}"
Start = Callable[..., ImagingProcess]


@pytest.fixture
def start(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts imaging processes with some layers alone; each is a module of its own, which the fork server runs."""
    modules, scratch = tmp_path_factory.mktemp("modules"), tmp_path_factory.mktemp("scratch")
    monkeypatch.syspath_prepend(str(modules))
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    started: list[ImagingProcess] = []

    def start(*layers: str, **more: Any) -> ImagingProcess:
        name = "_".join([MODULE, *layers])
        text = f"from tests.functions.adapters.attacking_child import main\nmain({layers!r})\n"
        (modules / f"{name}.py").write_text(text)
        started.append(ImagingProcess(seconds=20, memory_mib=400, module=name, **more))
        return started[-1]

    yield start
    for imaging in started:
        imaging.close()
    assert list(scratch.iterdir()) == []


STOPPED_BY = {
    "read": {"landlock"},
    "write": {"landlock"},
    "change_the_photo": {"landlock"},
    "connect": {"landlock", "seccomp"},
    "read_memory_from_the_kernel": {"landlock", "seccomp"},
    "trace": {"landlock", "seccomp"},
    "signal_it": {"landlock", "seccomp"},
    "starve_it": {"seccomp"},
    "fork": {"seccomp"},
    "clone_by_hand": {"seccomp"},
    "run_a_program": {"landlock", "seccomp"},
    "leave_what_it_shares": {"seccomp"},
    "make_symlink": {"landlock", "seccomp"},
    "make_hard_link": {"seccomp"},
    "make_pipe": {"landlock", "seccomp"},
    "make_folder": {"landlock", "seccomp"},
    "outlive_the_server": {"seccomp"},
    "gain_privileges": {"no_new_privs"},
}


@pytest.fixture
def target(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What is attacked: another photo, a listener on loopback, and the function."""
    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_long(-1), 0, 0, 0)  # where yama protects us, let it stand aside
    (tmp_path / "other photo").write_text("somebody else's")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield {
            "path": str(tmp_path / "other photo"),
            "port": listener.getsockname()[1],
            "pid": os.getpid(),
            "address": ctypes.addressof(SECRET),
        }


def attacked(imaging: ImagingProcess, folder: Path, attack: str, target: dict[str, Any]) -> bool:
    """Whether the attack went well."""
    if attack != "run_a_program":
        return bool(ordered(imaging, folder, attack, **target)["went_well"])
    trace = folder / "trace"
    with contextlib.suppress(ValueError):
        ordered(imaging, folder, attack, path=str(trace))
    return trace.exists()


@pytest.mark.parametrize("attack", STOPPED_BY)
def test_each_attack_goes_well_where_no_layer_holds(
    start: Start, tmp_path: Path, target: dict[str, Any], attack: str
) -> None:
    assert attacked(start(), tmp_path, attack, target)


@pytest.mark.parametrize(
    ("layer", "attack"), [(layer, attack) for attack, layers in STOPPED_BY.items() for layer in sorted(layers)]
)
def test_each_attack_is_stopped_by_one_layer_alone(
    start: Start, tmp_path: Path, target: dict[str, Any], layer: str, attack: str
) -> None:
    imaging = start("no_new_privs", layer)  # without the first, only root may put on the others
    assert not attacked(imaging, tmp_path, attack, target)
    assert fits(imaging, tmp_path)


def test_calls_that_nobody_has_looked_at_are_absent(start: Start, tmp_path: Path) -> None:
    assert not ordered(start("no_new_privs", "seccomp"), tmp_path, "call_by_another_table")["went_well"]


@pytest.mark.parametrize("name", ["environ", "mem", "maps"])
def test_what_proc_tells_of_the_function_is_out_of_reach(start: Start, tmp_path: Path, name: str) -> None:
    assert not ordered(start("no_new_privs", "landlock"), tmp_path, "read", path=f"/proc/{os.getpid()}/{name}")[
        "went_well"
    ]


def test_a_process_that_forks_twice_and_leaves_its_group_is_ended(start: Start, tmp_path: Path) -> None:
    """Without the filter, which forbids the first fork."""
    assert ordered(start(), tmp_path, "fork_twice_and_stay") == {"went_well": True}
    assert len(processes_of(MODULE)) == 1  # the fork server
    assert not ordered(start("no_new_privs", "seccomp"), tmp_path, "fork_twice_and_stay")["went_well"]


def processes_of(module: str) -> list[Path]:
    """Wherever they belong; a forked process has its parent's command line."""
    return [line for line in Path("/proc").glob("[0-9]*/cmdline") if f"\0{module}\0".encode() in line.read_bytes()]


def test_all_layers_hold_on_this_kernel_and_are_reported(start: Start, tmp_path: Path) -> None:
    reported: list[Sandbox] = []
    assert fits(start(*LAYERS, report=reported.append), tmp_path)
    assert reported == [Sandbox(layers=dict.fromkeys(LAYERS, True), exposed=False)]


def test_nothing_is_decoded_where_credentials_are_exposed_if_that_is_wished(start: Start, tmp_path: Path) -> None:
    """By the same process whose layers are taken away: as root it may then read everything."""
    reported: list[Sandbox] = []
    assert fits(start(report=reported.append), tmp_path)
    assert reported == [Sandbox(layers={}, exposed=True)]
    with pytest.raises(ImagingFailedError, match="could read this function's credentials"):
        fits(start(refuse_exposed=True), tmp_path)
    assert fits(start("no_new_privs", "landlock", refuse_exposed=True), tmp_path)


def test_a_probe_tells_what_holds_and_decodes_nothing(start: Start) -> None:
    found = start("no_new_privs", "seccomp").probe()
    assert found.layers == {"no_new_privs": True, "seccomp": True}
