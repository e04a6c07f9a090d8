"""The stand-in API as a process of its own, so that it is reached as a real one is."""

import contextlib
import json
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path

from dropcut_cli.clone.places import PYTHON, REPOSITORY
from dropcut_cli.clone.programs import Program, start_program
from dropcut_cli.clone.surroundings import clean
from local.ports import LOOPBACK

_LIMITS = {
    "rate_limit_requests": "--window-requests",
    "rate_limit_seconds": "--window-seconds",
    "lockout_seconds": "--lockout-seconds",
    "credits_per_image": "--credits-per-image",
}
"""Settings that describe the API: the stand-in has the limits that the deployment knows."""
_SECONDS_TO_START = 30.0
_DEFAULT_PROVIDER = "ezlink"


def start_stand_in(folder: Path, *, port: int, settings: Mapping[str, str], leashed: bool) -> Program:
    """Start it on 127.0.0.1 in the profile of the settings' provider; returns when it answers."""
    command: list[str | Path] = [PYTHON, "-m", "stand_in", "--host", LOOPBACK, "--port", str(port)]
    command += ["--profile", settings.get("provider", _DEFAULT_PROVIDER)]
    for setting, option in _LIMITS.items():
        if setting in settings:
            command += [option, settings[setting]]
    program = start_program(
        "stand-in API",
        command,
        environment=clean() | {"PYTHONUNBUFFERED": "1"},
        folder=folder,
        cwd=REPOSITORY,
        leashed=leashed,
    )
    program.wait_until(lambda: _answers(port), seconds=_SECONDS_TO_START)
    return program


def _answers(port: int) -> bool:
    """Whether the stand-in, and not some other program on its port, answers there."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with (
        contextlib.suppress(OSError, ValueError, HTTPException),
        opener.open(f"http://{LOOPBACK}:{port}/_stand_in/config", timeout=5) as answer,
    ):
        return "window_requests" in json.load(answer)
    return False
