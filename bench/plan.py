"""What a run is to measure, and the form in which a section of it is plugged in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

Facts = dict[str, Any]


class Cell(NamedTuple):
    """How many agents, and how many messages each has in flight."""

    agents: int
    window: int

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{self.agents}x{self.window}"


class Plan(msgspec.Struct, frozen=True):
    """The choices of one run."""

    quick: bool
    rounds: int
    seconds: float  # that each cell is counted in each round
    warmup_s: float  # three times as long where many are in flight: a reply may take seconds
    systems: tuple[str, ...]  # empty: all
    nats_program: str
    folder: Path  # for databases; on the disk that is measured, and empty at the beginning


class Section(NamedTuple):
    """A part of the run.

    `measure` returns what stands in the last line under the section's name, `show` the lines of
    Markdown that present it. A quick run leaves out what is not `quick`.
    """

    name: str
    measure: Callable[[Plan], Facts]
    show: Callable[[Facts], list[str]]
    quick: bool = False


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """A table in Markdown, readable as it stands; all columns but the first hold numbers."""
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]

    def line(cells: list[str]) -> str:
        first = cells[0].ljust(widths[0])
        return " | ".join(
            (first, *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True)))
        )

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return [f"| {line(cells)} |" for cells in (heads, rule, *rows)]
