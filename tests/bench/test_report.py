"""Targets, tables and the document they go into."""

from pathlib import Path

import pytest

from bench.__main__ import BEGIN, END, write
from bench.report import Table, Target


@pytest.mark.parametrize(
    ("measured", "must_be_under", "met"),
    [(0.9, True, True), (1.0, True, False), (1.0, False, True), (1.1, False, False)],
)
def test_a_target_is_met_up_to_its_limit_or_only_under_it(measured: float, must_be_under: bool, met: bool) -> None:
    target = Target("time", measured, 1.0, "s", must_be_under=must_be_under)
    assert target.met is met
    assert ("MISSED" in str(target)) is not met


def test_a_table_reads_the_same_on_a_terminal_and_in_a_document() -> None:
    table = Table(["what", "time"], [["a", "10 ms"], ["longer", "9 ms"]])
    assert table.as_text().splitlines() == ["what     time", "------  -----", "a       10 ms", "longer   9 ms"]
    assert table.as_markdown().splitlines()[1:3] == ["| --- | ---: |", "| a | 10 ms |"]


def test_results_replace_those_between_the_markers_and_nothing_else(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text(f"above\n\n{BEGIN}\n\nold\n\n{END}\n\nbelow\n")
    write(document, ["first", "second"])
    write(document, ["new"])
    assert document.read_text() == f"above\n\n{BEGIN}\n\nnew\n\n{END}\n\nbelow\n"
