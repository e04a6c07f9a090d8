"""The command `dropcut ... --local` as a process of its own, on the system that the tests have deployed."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from dropcut_cli.clone.places import REPOSITORY
from local.system import System

SECONDS = 120


@dataclass(frozen=True)
class Clone:
    """A folder in which `--local` finds the system."""

    folder: Path

    @classmethod
    def of(cls, system: System, folder: Path) -> Self:
        (folder / ".local").mkdir()
        (folder / ".local" / "stack.json").write_text(json.dumps(system.description()))
        return cls(folder)

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """Ctrl-C reaches it, also when the tests run in the background of a shell, which has them ignore it."""
        words = [sys.executable, "-m", "dropcut_cli", *arguments, "--local"]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY / "cli" / "src")}
        return subprocess.Popen(
            words,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            **more,
        )

    def run(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, stdin=subprocess.PIPE) as process:
            out, err = process.communicate(typed, timeout=SECONDS)
        assert "Traceback" not in err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)
