"""The table of all rows as a chart: a panel for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import chart
from bench.columns import COLUMNS, time
from bench.measure import ADMITTED_OF

if TYPE_CHECKING:
    from bench.columns import Found, Results
    from bench.rows import Row

TITLES = {
    "hot": "One key, again and again",
    "random": "Random over {keys:,} keys (or as the table says)",
    "two processes": "Two processes on one key, median",
    "denied": "Denied: the limit is used up",
    "bytes": "Bytes for each key",
    "admitted": f"Admitted of {ADMITTED_OF:,}, four processes, at most",
}


def drawn(results: Results, keys: int) -> str:
    """The chart."""
    panels = [_panel(column, title.format(keys=keys), results) for column, title in TITLES.items()]
    return chart.draw("Gatekeeper (orange) and its peers (blue): shorter is better, scales are logarithmic", panels)


def _panel(column: str, title: str, results: Results) -> chart.Panel:
    def written(value: float) -> str:
        return f"{value:,.0f}" if column in {"bytes", "admitted"} else time(value)

    bars = [
        chart.Bar(row.title.replace("`", ""), value, written(value), row.ours)
        for row, found in results
        if (value := _value(column, row, found)) is not None
    ]
    return chart.Panel(title, bars, written)


def _value(column: str, row: Row, found: Found) -> float | None:
    if column == "admitted" and "admitted" in found:
        return float(found["admitted"]["most"])
    return COLUMNS[column](row, found)
