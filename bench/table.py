"""The table of all rows, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.columns import pair, time
from bench.measure import ADMITTED_OF, PROCESSES

if TYPE_CHECKING:
    from bench.columns import Found, Results
    from bench.rows import Row


def header(keys: int) -> list[str]:
    """The head of the table."""
    return [
        f"| | hot | random over {keys:,} keys | two processes on one key: median / 99 % (share) | denied "
        f"| bytes per key | admitted of {ADMITTED_OF:,} |",
        "|---|---|---|---|---|---|---|",
    ]


def line(row: Row, found: Found, keys: int) -> str:
    """A row of the table."""
    title = f"**{row.title}**" if row.ours else row.title
    if "not_run" in found:
        return f"| {title} | not run: {found['not_run'].replace('|', '/')} | | | | | |"
    over = found["many"]["keys"]
    cells = [
        time(found["hot"]),
        time(found["many"]["ns"]) + (f" (over {over:,})" if over != keys else ""),
        _pair_cell(found),
        time(found["denied"]) if row.limits else "no limit",
        _size_cell(row, found),
        _admitted_cell(row, found),
    ]
    return f"| {title} | {' | '.join(cells)} |"


def _pair_cell(found: Found) -> str:
    if "pair" not in found:
        return "one process only"
    calls = [process["calls"] for process in found["pair"]]
    share = f"{min(calls) * 100 / sum(calls):.0f} : {max(calls) * 100 / sum(calls):.0f}"
    errors = sum(process["errors"] for process in found["pair"])
    failed = f", {errors * 100 / sum(calls):.1f} % errors" if errors else ""
    p99 = max(process["p99"] for process in found["pair"])
    return f"{time(pair(found) or 0)} / {time(p99)} ({share}{failed})"


def _size_cell(row: Row, found: Found) -> str:
    if row.ours and row.language != "Rust":
        return "as in Rust"
    sizes = found["many"]
    if row.kind != "file":
        return f"{sizes['redis']:,.0f} Redis" if row.kind == "redis" else f"{sizes['memory']:,.0f} memory"
    memory = f" + {sizes['memory']:,.0f} memory" if row.caches else ""
    return f"{sizes['file']:,.0f} file{memory}"


def _admitted_cell(row: Row, found: Found) -> str:
    if "admitted" not in found:
        return "one process only" if row.limits else "no limit"
    ends = sorted({found["admitted"]["least"], found["admitted"]["most"]})
    errors = found["admitted"]["errors"]
    return " to ".join(f"{end:,}" for end in ends) + (f" ({errors:,} errors)" if errors else "")


def notes(results: Results) -> list[str]:
    """What the columns mean, as they were measured in this run."""
    timers = [process["timer"] for _, found in results for process in found.get("pair", [])]
    rounds = sorted({found["admitted"]["rounds"] for _, found in results if "admitted" in found})
    overhead = f"{time(min(timers))} to {time(max(timers))}" if timers else "unknown"
    return [
        "- **hot**: one key, called again and again in one process; the median over batches of up to 1,000 calls. A "
        "subject that keeps the time of each call gets a fresh name every 1,000 calls, or it would slow down.",
        "- **random**: each key was called once before; then in an order far from that of creation.",
        f"- **two processes**: both call one key at once, and each call is timed ({overhead} of it is the clock's); "
        "the slower process' median and 99th percentile, and how many of all calls each got.",
        "- **denied**: one key that has used up its limit.",
        "- **bytes**: what a file, the process, or Redis (`used_memory`) took for each key.",
        f"- **admitted**: {PROCESSES} processes ask {ADMITTED_OF:,} times each for one key, whose limit is "
        f"{ADMITTED_OF:,}; least and most of {' or '.join(map(str, rounds))} rounds.",
    ]
