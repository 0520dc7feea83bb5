"""Findings of the program: attacks, figures and notes."""

from collections.abc import Mapping, Sequence

import msgspec

from tests.chaos.attack import Report
from tests.chaos.beside import Noticed
from tests.chaos.figures import Figure


class Row(msgspec.Struct, frozen=True):
    """An attack, and what probes and listeners noticed while it ran."""

    report: Report
    beside: Noticed | None = None


class Outcome(msgspec.Struct, kw_only=True):
    """Everything that is printed."""

    rows: list[Row] = []
    figures: list[Figure] = []
    notes: list[str] = []

    @property
    def is_good(self) -> bool:
        return all(row.report.verdict == "ok" for row in self.rows) and all(figure.is_met for figure in self.figures)

    def figure(self, name: str, measured: str, goal: str, is_met: bool) -> None:
        self.figures.append(Figure(name=name, measured=measured, goal=goal, is_met=is_met))

    def figures_at_the_end(self, engine: str, held: Sequence[str], counters: Mapping[str, float]) -> None:
        """`held`: gauges that are not 0 although nothing is asked for; `counters`: the server's own series."""
        num_errors = sum(value for name, value in counters.items() if 'status="500"' in name)
        self.figure(f"slots and places held afterwards, {engine}", ", ".join(held) or "none", "none", not held)
        self.figure(f"answers of 500, {engine}", f"{num_errors:.0f}", "none", not num_errors)
