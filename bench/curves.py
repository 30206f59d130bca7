"""The cost of one verification in a database file as one parameter grows: a table and small plots."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from typing import Any

from bench.columns import time
from bench.curve_chart import short
from bench.processes import ROOT

PROGRAM = "target/release/curves"


def measured(seconds: float, most_keys: int) -> list[dict[str, Any]]:
    """All curves; up to ten million keys where `GATEKEEPER_BENCH_FULL` is set."""
    if os.environ.get("GATEKEEPER_BENCH_FULL") == "1":
        most_keys = 10_000_000
    with tempfile.TemporaryDirectory() as folder:
        command = (PROGRAM, folder, str(seconds), str(most_keys))
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def section(curves: list[dict[str, Any]]) -> list[str]:
    """The curves in Markdown."""
    return [
        "One verification in a database file, in Rust, as one parameter grows.",
        "`target/release/curves FOLDER SECONDS KEYS`",
        "",
        "| as this grows | cost of one verification |",
        "|---|---|",
        *(
            f"| {curve['title']} | {', '.join(f'{short(n)}: {time(ns)}' for n, ns in curve['points'])} |"
            for curve in curves
        ),
        "",
        "- **keys**: each seen before, in an order far from that of creation.",
        "- **threads**, **processes**: the time that passes for each verification of all of them together.",
        "- **maxReq**: the mean of all calls that fill a window from empty to full.",
        "- **roles**: on the key, each with a limit at the endpoint. **variables**: of 5 bytes each.",
        "",
        "![Cost of one verification in a database file as one parameter grows](curves.svg)",
    ]
