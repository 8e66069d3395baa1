"""One measured figure, and the table of them."""

from collections.abc import Iterable
from dataclasses import dataclass

MB = 1024.0 * 1024.0
HEADER = ("work", "measured", "budget", "", "peer", "ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`value`, `budget` and `peer_value` are in `unit`: "s", "MB", "%" or "" for a count.

    `peer` names a public program that does alike.
    """

    work: str
    value: float
    unit: str
    budget: float | None = None
    peer: str = ""
    peer_value: float | None = None

    def cells(self) -> tuple[str, ...]:
        within = "" if self.budget is None else "ok" if self.value <= self.budget else "OVER"
        budget = "" if self.budget is None else f"<= {_amount(self.budget, self.unit)}"
        peer = "" if self.peer_value is None else f"{self.peer}: {_amount(self.peer_value, self.unit)}"
        ratio = f"{self.value / self.peer_value:.1f}x" if self.peer_value else ""
        return (self.work, _amount(self.value, self.unit), budget, within, peer, ratio)


def table(figures: Iterable[Figure]) -> str:
    rows = [HEADER, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _amount(value: float, unit: str) -> str:
    if unit == "MB":
        return f"{value / MB:.0f} MB"
    if unit != "s":
        return f"{value:.1f}%" if unit == "%" and value < 10 else f"{value:.0f}{unit}"
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.1f} ms"
