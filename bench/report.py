"""What a benchmark has to say: what was measured and how, its tables, and whether its targets are met."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A figure that must not exceed a limit; both in `unit`."""

    what: str
    measured: float
    limit: float
    unit: str
    must_be_under: bool = False
    """The limit itself is too much already ("under 60 s"); otherwise it is allowed ("at most 1/8")."""

    @property
    def met(self) -> bool:
        return self.measured < self.limit if self.must_be_under else self.measured <= self.limit

    def __str__(self) -> str:
        relation = "under" if self.must_be_under else "at most"
        verdict = "met" if self.met else "MISSED"
        measured, limit = _figure(self.measured, self.unit), _figure(self.limit, self.unit)
        return f"{self.what}: {measured}, target {relation} {limit}: {verdict}"


@dataclass(frozen=True)
class Table:
    """Rows of texts under headings. The first column is words, the others are figures."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    def as_text(self) -> str:
        """Columns side by side, for a terminal."""
        lines = [self.headings, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headings))]
        lines.insert(1, ["-" * width for width in widths])
        return "\n".join(
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def as_markdown(self) -> str:
        rule = ["---", *["---:"] * (len(self.headings) - 1)]
        return "\n".join(f"| {' | '.join(line)} |" for line in [self.headings, rule, *self.rows])


@dataclass(frozen=True, kw_only=True)
class Report:
    """The result of one benchmark."""

    title: str
    how: str
    """What was measured and how, in plain words."""
    tables: Sequence[Table]
    targets: Sequence[Target] = field(default_factory=tuple)

    @property
    def met(self) -> bool:
        return all(target.met for target in self.targets)

    def as_text(self) -> str:
        tables = "\n\n".join(table.as_text() for table in self.tables)
        targets = "\n".join(f"  {'✓' if target.met else '✗'} {target}" for target in self.targets)
        return "\n\n".join(part for part in (f"== {self.title}", self.how, tables, targets) if part)

    def as_markdown(self) -> str:
        tables = "\n\n".join(table.as_markdown() for table in self.tables)
        targets = "\n".join(f"- {target}" for target in self.targets)
        return "\n\n".join(part for part in (f"### {self.title}", self.how, tables, targets) if part)


def _figure(value: float, unit: str) -> str:
    digits = 0 if isinstance(value, int) or abs(value) >= 100 else 2
    return f"{value:,.{digits}f} {unit}".rstrip()
