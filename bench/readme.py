"""Copies the figures of the last measurement from `bench/RESULTS.md` into the README and `docs/measurements.md`.

python -m bench.readme [--check]

The README gets a short table and its chart, `bench/calls.svg`; the page gets every table. With `--check`, the command
fails if one of the files shows other figures.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import chart
from bench.columns import time
from bench.measure import ADMITTED_OF

ROOT = Path(__file__).resolve().parent.parent
README, PAGE, CHART = "README.md", "docs/measurements.md", "bench/calls.svg"

PEERS = "Against peers"
SHOWN = (
    "Gatekeeper, Rust (file)",
    "Gatekeeper, Python (file)",
    "Gatekeeper, Node (file)",
    "better-auth (API keys)",
    "djangorestframework-api-key",
    "rate-limiter-flexible (memory)",
    "governor (memory)",
    "Redis EVALSHA (one round trip)",
    "rate-limiter-flexible (Redis)",
    "limits (Redis)",
)
"""The rows of the README's table: packages that verify keys, and the fastest and the most common ones that count."""
COLUMNS = {
    "hot": "one key",
    "two processes": "two processes on one key",
    "denied": "denied",
    "admitted": f"admitted of {ADMITTED_OF:,}",
}
"""The columns of the README's table: how each heading begins in the results, and its name in the README."""
UNITS = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "s": 1e9}


def sections(document: str) -> dict[str, str]:
    """Return the text below each second-level heading; the text above the first one is under the empty name."""
    parts = f"\n{document}".split("\n## ")
    return {"": parts[0].strip()} | {
        heading: text.strip() for heading, _, text in (part.partition("\n") for part in parts[1:])
    }


def cells(line: str) -> list[str]:
    """Return the cells of a row of a Markdown table."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def calls(document: str) -> dict[str, list[str]]:
    """Return the rows of the README's table by package, with a cell for each column."""
    heading, _, *rows = sections(document)[PEERS].split("\n\n")[0].splitlines()
    names = ["", *cells(heading.removeprefix("| |"))]
    positions = [next(at for at, name in enumerate(names) if name.startswith(column)) for column in COLUMNS]
    by_title = {row[0].strip("*"): row for row in map(cells, rows)}
    # Of `median / 99 % (share)`, the median.
    return {title: [by_title[title][at].split(" / ")[0] for at in positions] for title in SHOWN}


def calls_table(document: str) -> str:
    """Return the README's table."""
    rows = (
        f"| {f'**{title}**' if title.startswith('Gatekeeper') else title} | {' | '.join(shown)} |"
        for title, shown in calls(document).items()
    )
    return "\n".join([f"| | {' | '.join(COLUMNS.values())} |", f"|---{'|---' * len(COLUMNS)}|", *rows])


def calls_chart(document: str) -> str:
    """Return the README's chart: the first column of its table as bars."""
    bars = [
        chart.Bar(title, ns(shown[0]), shown[0], title.startswith("Gatekeeper"))
        for title, shown in calls(document).items()
    ]
    panel = chart.Panel("One verification of one key, in one process", bars, time)
    return chart.draw("Shorter is better; the scale is logarithmic", [panel])


def ns(cell: str) -> float:
    """Return the nanoseconds of a cell such as `1.08 µs`."""
    number, unit = cell.split()
    return float(number) * UNITS[unit]


def blocks(document: str) -> dict[str, dict[str, str]]:
    """Return the text between the markers of each file, by file and name of the marker."""
    found = sections(document)
    # The title, and the line that says when and where it was measured.
    _, measured, *_ = found[""].split("\n\n")
    peers, ahead, *_ = found[PEERS].split("\n\n")
    shown = "\n\n".join([calls_table(document), "![One verification, as bars](bench/calls.svg)", measured])
    return {
        README: {"calls": shown},
        PAGE: {
            "memory": "\n\n".join([measured, found["Beside SHA-256"]]),
            "peers": "\n\n".join([peers, ahead, "![Every column as bars](../bench/peers.svg)"]),
            "services": found["Usage and logins"],
            "server": found["The server"],
        },
    }


def filled(text: str, shown: dict[str, str]) -> str:
    """Return the text of a file with these blocks between its markers."""
    for name, block in shown.items():
        start, end = f"<!-- bench:{name} -->\n", f"<!-- bench:{name} end -->"
        before, rest = text.split(start)
        text = f"{before}{start}{block}\n{end}{rest.split(end)[1]}"
    return text


def files(document: str) -> dict[str, str]:
    """Return the text that each file must have."""
    pages = {name: filled((ROOT / name).read_text(), shown) for name, shown in blocks(document).items()}
    return pages | {CHART: calls_chart(document)}


def write(document: str, *, check: bool = False) -> None:
    """Write the files, or with `check` fail if one of them differs."""
    for name, text in files(document).items():
        path = ROOT / name
        if check and (not path.exists() or path.read_text() != text):
            sys.exit(f"{name} shows other figures than bench/RESULTS.md: run python -m bench.readme")
        if not check:
            path.write_text(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    write((ROOT / "bench/RESULTS.md").read_text(), check=parser.parse_args().check)
