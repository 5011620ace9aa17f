"""Numbers, and the table they are shown in."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """One number, with the bound that it should keep."""

    value: float
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def kept(self) -> bool:
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def bound(self) -> str:
        return f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}" if self.least is not None else ""

    def __str__(self) -> str:
        return f"{self.value:.3g} {self.unit}".rstrip() if self.value < 100 else f"{self.value:.0f} {self.unit}".rstrip()


Figures = Mapping[str, Figure]


def median(runs: Sequence[Figures]) -> dict[str, Figure]:
    """Figure by figure."""
    return {name: first._replace(value=statistics.median(run[name].value for run in runs)) for name, first in runs[0].items()}


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by `share` of all."""
    return sorted(values)[max(0, min(len(values) - 1, round(share * len(values)) - 1))] if values else float("nan")


def table(title: str, columns: Mapping[str, Figures]) -> str:
    """A Markdown table: a row for each figure, a column for each measured thing; what misses its bound is marked."""
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    lines = [f"| {' | '.join([title, 'bound', *columns])} |", f"|{'---|' * (len(columns) + 2)}"]
    for name in names:
        cells = [figures.get(name) for figures in columns.values()]
        bound = next(cell.bound for cell in cells if cell)
        shown = ["" if cell is None else str(cell) if cell.kept else f"**{cell}** !" for cell in cells]
        lines.append(f"| {' | '.join([name, bound, *shown])} |")
    return "\n".join(lines)
