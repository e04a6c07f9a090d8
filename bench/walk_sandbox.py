"""The sandbox of the checkout in the current folder, with its handler watched: `STAGE CLOCK_FILE DESCRIPTOR`.

Writes `walk-STAGE` beside the clock's file: files and calls of the first invocation, as JSON.
"""

import importlib
import importlib.util
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any


class Watch:
    """Notes each call that enters a file of a folder; to be given to `sys.setprofile`."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}/"
        self.files: list[str] = []
        self.entered: list[str] = []
        """One for each call from another file. Lists, because threads append to them at the same time."""

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        file = frame.f_code.co_filename
        if event != "call" or not file.startswith(self._folder):
            return
        self.files.append(file)
        caller = frame.f_back
        while caller and not caller.f_code.co_filename.startswith(self._folder):
            caller = caller.f_back
        if caller is None or caller.f_code.co_filename != file:
            self.entered.append(file)


def main() -> None:
    stage, clock_file = sys.argv[1:3]
    process = _load(Path.cwd() / "tests" / "resilience" / "sandbox_process.py")
    entry = importlib.import_module(f"dropcut.entries.{stage}")
    entry.handler = _watched(entry.handler, Path(clock_file).with_name(f"walk-{stage}"))  # type: ignore[attr-defined]
    process.main()


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _watched(handler: Callable[[Any, Any], Any], result: Path) -> Callable[[Any, Any], Any]:
    def watched(event: object, context: object) -> object:
        if result.exists():
            return handler(event, context)
        watch = Watch(Path.cwd() / "functions")
        threading.setprofile(watch)
        sys.setprofile(watch)
        try:
            return handler(event, context)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            result.write_text(json.dumps({"files": len(set(watch.files)), "calls": len(watch.entered)}))

    return watched


if __name__ == "__main__":
    main()
