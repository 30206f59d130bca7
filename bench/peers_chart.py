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
    panels = [
        chart.Panel(
            TITLES[column].format(keys=keys), [bar for row, found in results if (bar := _bar(column, row, found))]
        )
        for column in COLUMNS
    ]
    return chart.draw("Gatekeeper and its peers: shorter is better, scales are logarithmic", panels)


def _bar(column: str, row: Row, found: Found) -> chart.Bar | None:
    value = float(found["admitted"]["most"]) if column == "admitted" and "admitted" in found else None
    if column != "admitted":
        value = COLUMNS[column](row, found)
    if value is None:
        return None
    words = f"{value:,.0f}" if column in {"bytes", "admitted"} else time(value)
    return chart.Bar(row.title.replace("`", ""), value, words, row.ours)
