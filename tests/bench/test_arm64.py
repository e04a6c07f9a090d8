from pathlib import Path

import pytest

from bench.arm64 import check_entries
from bench.artifacts import Built
from dropcut_cli.clone.problem import Problem

ENTRIES = ("cut", "deliver", "feeder", "gatekeeper", "notify", "prepare")


def built(*entries: str) -> dict[str, Built]:
    return {entry: Built(Path("artifact.zip"), f"dropcut.entries.{entry}.handler", {}) for entry in entries}


def test_each_entry_has_a_function_that_is_tried() -> None:
    check_entries(built(*ENTRIES))


@pytest.mark.parametrize("entries", [ENTRIES[:-1], (*ENTRIES, "prepare_more")], ids=["one too few", "one too many"])
def test_entries_that_are_not_tried_end_the_benchmark(entries: tuple[str, ...]) -> None:
    with pytest.raises(Problem, match="prepare"):
        check_entries(built(*entries))
