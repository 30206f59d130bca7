"""The first table: one verification in `memory:` beside a SHA-256 of its key, in each language."""

import json
import os
import subprocess
import sys
from typing import Any

from bench.processes import ROOT

MILLION = 1_000_000


def run(*command: str) -> str:
    """The standard output of a command; its standard error goes to the terminal."""
    print(f"… {' '.join(command)}", file=sys.stderr, flush=True)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def criterion(name: str) -> float:
    """The median in nanoseconds that criterion found in its last run."""
    estimates = ROOT / "target/criterion/memory" / name / "new/estimates.json"
    return float(json.loads(estimates.read_text())["median"]["point_estimate"])


def ratio_row(what: str, nanoseconds: float, reference: str, by: float, aim: float | None) -> str:
    """A row of the table of ratios."""
    ratio = nanoseconds / by
    verdict = "" if aim is None else f"{aim:g} × {'✓' if ratio <= aim else '✗ missed'}"
    return f"| {what} | {nanoseconds:,.0f} ns | {ratio:.2f} × | {reference} ({by:,.0f} ns) | {verdict} |"


def rust_rows() -> list[str]:
    """The core's rows."""
    run("cargo", "bench", "--quiet", "-p", "gatekeeper-native", "--bench", "verify")
    keys = int(os.environ.get("GATEKEEPER_BENCH_KEYS", MILLION))
    names = ("sha256", "hot", "scope", "validate", "malformed", "random")
    sha256, hot, scope, validate, malformed, everywhere = map(criterion, names)
    return [
        ratio_row("Rust, verify", hot, "`aws-lc-rs` SHA-256", sha256, 4),
        ratio_row("Rust, verify with a scope", scope, "Rust, verify", hot, 1.3),
        ratio_row("Rust, validate", validate, "Rust, verify", hot, 1.3),
        ratio_row(f"Rust, over {keys:,} keys", everywhere, "Rust, verify", hot, 6),
        ratio_row("Rust, malformed key rejected", malformed, "Rust, verify", hot, 0.5),
    ]


def language_rows(language: str, report: dict[str, Any]) -> list[str]:
    """The rows of a binding; those without an aim are of peers, measured against ours."""
    reference, by = f"`{report['reference']['name']}`", report["reference"]["ns"]
    rows = []
    for row in report["rows"]:
        if "ratio_to_verify" in row:
            ours = row["ns"] / row["ratio_to_verify"]
            rows.append(ratio_row(f"{language}, {row['name']}", row["ns"], "our verify", ours, row.get("aim")))
        else:
            rows.append(ratio_row(f"{language}, {row['name']}", row["ns"], reference, by, row.get("aim")))
    return rows


def memory_rows() -> list[str]:
    """Resident memory of slots and of cached keys."""
    program = ("cargo", "run", "--release", "--quiet", "-p", "gatekeeper-tests", "--bin", "memory", "--")
    slots, keys = (json.loads(run(*program, what, str(MILLION))) for what in ("slots", "keys"))
    # The memory of each cached key includes one slot.
    cached = keys["taken"] - slots["taken"]
    rows = [("1,000,000 cached keys", cached, 200), ("1,000,000 slots of one entry", slots["taken"], 160)]
    lines = [
        f"| {what} | {size / 1e6:,.0f} MB | {aim} MB {'✓' if size / 1e6 <= aim else '✗ missed'} |"
        for what, size, aim in rows
    ]
    records = keys["records"]
    return [
        *lines,
        f"| the records of 1,000,000 keys in `memory:` | {records / 1e6:,.0f} MB | |",
    ]


def section() -> list[str]:
    """Measure, and return the results in Markdown."""
    rust = rust_rows()
    python = json.loads(run(sys.executable, "bench/python_bench.py"))
    node = json.loads(run("node", "bench/node_bench.mjs"))
    versions = [f"{name} {version}" for report in (python, node) for name, version in report["versions"].items()]
    return [
        "In `memory:`, a cached key with two roles and one variable, unless a row differs. Each ratio is "
        f"to its reference in the same run. {', '.join(versions)}.",
        "",
        "| what | cost | ratio | to | aim, at most |",
        "|---|---|---|---|---|",
        *rust,
        *language_rows("Python", python),
        *language_rows("Node", node),
        "",
        "| resident memory | | aim, at most |",
        "|---|---|---|",
        *memory_rows(),
    ]
