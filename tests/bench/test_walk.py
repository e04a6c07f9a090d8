"""What the walk counts: files of the watched folder, and calls that come into one from elsewhere."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench.walk_sandbox import Watch

LIBRARY = """
def add(*numbers): return sum(numbers)
def count():
    yield 1
    yield 2
"""
CASES = {
    "a call to the same file": ("def start(library): inner()\ndef inner(): pass", 1, 1),
    "two calls to another file": ("def start(library): library.add(library.add(1))", 2, 3),
    "a call by way of the standard library": ("def start(library): list(map(library.add, [1]))", 2, 2),
    "a generator resumed, to its second value and to its end": ("def start(library): list(library.count())", 2, 4),
}


@pytest.mark.parametrize(("code", "files", "calls"), CASES.values(), ids=CASES)
def test_the_walk_counts(tmp_path: Path, code: str, files: int, calls: int) -> None:
    library, module = (_module(tmp_path / name, text) for name, text in (("library.py", LIBRARY), ("a.py", code)))
    watch = Watch(tmp_path)
    sys.setprofile(watch)
    try:
        module.start(library)
    finally:
        sys.setprofile(None)
    assert (len(set(watch.files)), len(watch.entered)) == (files, calls)


def _module(file: Path, text: str) -> ModuleType:
    file.write_text(text)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
