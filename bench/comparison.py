"""The comparison of Gatekeeper with its peers, as sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.columns import COLUMNS, pair, time

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.columns import Found, Results
    from bench.rows import Language, Row
AIM = 0.1


def peers_ahead(results: Results) -> str:
    """Name, for each column, the peers that are ahead of Gatekeeper with a database file, in the same language."""
    ours = {(row.language, row.awaited): (row, found) for row, found in results if row.ours and row.kind == "file"}
    ahead = {
        column: names
        for column, number in COLUMNS.items()
        if (names := [row.title for row, found in results if not row.ours and _ahead(row, found, ours, number)])
    }
    if not ahead:
        return "No peer is ahead of Gatekeeper with a database file, called from the same language, in any column."
    listed = "; ".join(f"**{column}**: {', '.join(names)}" for column, names in ahead.items())
    behind = [column for column in COLUMNS if column not in ahead]
    rest = f" In the others ({', '.join(behind)}) no peer is." if behind else ""
    return f"Ahead of Gatekeeper with a database file, called from the same language, are in {listed}.{rest}"


def _ahead(
    row: Row,
    found: Found,
    ours: dict[tuple[Language, bool], tuple[Row, Found]],
    number: Callable[[Row, Found], float | None],
) -> bool:
    theirs = number(row, found)
    our_number = number(*ours[row.language, row.awaited])
    if our_number is None:
        our_number = number(*ours["Rust", False])
    return theirs is not None and our_number is not None and theirs < our_number


def against_one_script(results: Results) -> str:
    """Compare a verification of a key that two processes share with one script in Redis."""
    found = {row.title: found for row, found in results}
    script, ours = found["Redis EVALSHA (one round trip)"], found["Gatekeeper, Rust (file)"]
    if "not_run" in script or "not_run" in ours:
        return ""
    our_median = pair(ours) or 0
    alone, beside = our_median / script["hot"], our_median / (pair(script) or 1)
    verdict = "✓" if alone <= AIM else "✗ missed"
    return (
        f"Two processes on one key in a database file, in Rust: {time(our_median)}, which is {alone:.3f} of one "
        f"`EVALSHA` alone ({time(script['hot'])}), where the aim is at most {AIM} {verdict}, and "
        f"{beside:.3f} of one beside another process ({time(pair(script) or 0)})."
    )
