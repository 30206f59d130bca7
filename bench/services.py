"""The services: what recording usage costs when it must be on disk, and what logins leave to verification."""

import json
import tempfile
from typing import Any

from bench.memory import run
from bench.processes import ROOT

LOGINS = 50
"""The logins that are requested in a second."""


def mark(is_met: bool) -> str:
    """How an aim was met."""
    return "✓" if is_met else "✗ missed"


def found(program: str, *options: str) -> dict[str, Any]:
    """What a program of the bench prints, run on the disk that holds the checkout."""
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as folder:
        answer: dict[str, Any] = json.loads(run(str(ROOT / "target/release" / program), folder, *options))
        return answer


def usage_rows(seconds: float, many: int) -> list[str]:
    """Recording, beside plain SQLite on the same disk, and adding up."""
    usage = found("usage", str(seconds), str(many))
    fdatasync = usage["fdatasync_us"]
    one, several = usage["sqlite_1_to_a_commit_per_s"], usage["sqlite_64_to_a_commit_per_s"]
    record, times, share = (
        usage[name] for name in ("record_64_callers_per_s", "times_one_to_a_commit", "share_of_64_to_a_commit")
    )
    few_ns, many_ns = usage["summary_few_ns"], usage["summary_many_ns"]
    # The aim applies to disks on which a commit lasts half a millisecond or more.
    is_slow = 1e6 / one >= 500
    tenfold = "10 ×" if is_slow else "10 ×, where a commit takes 0.5 ms"
    return [
        f"| `usage.record`, 64 callers at once, on disk (`fdatasync`: {fdatasync:,.0f} µs) | {record:,.0f} / s | "
        f"{times:.1f} × | plain SQLite, one event to a commit ({one:,.0f} / s) | {tenfold} {mark(times >= 10)} |",
        f"| the same | {record:,.0f} / s | {share:.2f} × | plain SQLite, 64 events to a commit "
        f"({several:,.0f} / s) | 0.5 × {mark(share >= 0.5)} |",
        f"| `usage.record`, one caller | {usage['record_1_caller_per_s']:,.0f} / s | | | |",
        f"| `usage.summary`, over {many:,} events | {many_ns / 1000:,.1f} µs | {many_ns / few_ns:.2f} × | over 10,000 "
        f"events ({few_ns / 1000:,.1f} µs) | at most 1.2 × {mark(many_ns <= 1.2 * few_ns)} |",
    ]


def login_row(seconds: float) -> str:
    """Verification beside logins."""
    logins = found("logins", str(seconds), str(LOGINS))
    stormed, alone, share = logins["stormed"], logins["alone"], logins["share"]
    return (
        f"| verifications of one thread, while {LOGINS} logins a second are requested | {stormed:,.0f} / s | "
        f"{share:.2f} × | with an empty loop instead ({alone:,.0f} / s) | 0.8 × {mark(share >= 0.8)} |"
    )


def section(seconds: float, many: int) -> list[str]:
    """Measure, and return the results in Markdown."""
    return [
        "| what | | ratio | to | aim, at least |",
        "|---|---|---|---|---|",
        *usage_rows(seconds, many),
        login_row(seconds),
    ]
