"""`make bench`: measures everything in one go, and writes `bench/RESULTS.md`, its charts, and what shows their figures.

python -m bench.run [--quick]

With `--quick`, small numbers show in two minutes that everything works; their results are written to `.cache/bench`.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import (
    comparison,
    curve_chart,
    curves,
    machine,
    memory,
    peers_chart,
    readme,
    redis_server,
    server,
    services,
    table,
)
from bench.measure import FULL, QUICK, Measurement, Plan
from bench.processes import ROOT
from bench.rows import ROWS

if TYPE_CHECKING:
    from bench.columns import Results


def measured(plan: Plan) -> Results:
    """Every row, one after another on one machine."""
    results = []
    with tempfile.TemporaryDirectory() as name, redis_server.running(Path(name)) as redis:
        for row in ROWS:
            print(f"… {row.title}", file=sys.stderr, flush=True)
            results.append((row, Measurement(row, plan, Path(name), redis).all()))
    return results


def peers_table(results: Results, keys: int) -> list[str]:
    """The table of all rows, and the comparison with the peers."""
    rows = [table.line(row, found, keys) for row, found in results]
    return [*table.header(keys), *rows, "", comparison.peers_ahead(results)]


def commands() -> list[str]:
    """The function and the command of each row."""
    return [
        "| | one call is | `COMMAND COLUMN --backend … --keys … --keys-file … --seconds … --limit …` |",
        "|---|---|---|",
        *(f"| {row.title} | {row.call} | `{' '.join(row.command)}` |" for row in ROWS),
    ]


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    redis_server.require()
    plan = QUICK if quick else FULL
    output = ROOT / (".cache/bench" if quick else "bench")
    output.mkdir(exist_ok=True)

    in_memory = ["Not measured in the short form."] if quick else memory.section()
    of_services = services.section(plan.seconds, plan.events)
    of_server = server.section(plan.seconds, plan.server_keys)
    results = measured(plan)
    keys = plan.keys_of(ROWS[0])
    rows = peers_table(results, keys)
    points = curves.measured(plan.seconds, keys)
    (output / "peers.svg").write_text(peers_chart.drawn(results, keys))
    (output / "curves.svg").write_text(curve_chart.draw("One verification in a database file", points))
    document = [
        "# What a verification costs",
        "",
        f"Written by `make bench` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}. {machine.machine()}.",
        "",
        *(f"- {line}" for line in machine.versions()),
        "",
        "## Beside SHA-256",
        "",
        *in_memory,
        "",
        "## Usage and logins",
        "",
        *of_services,
        "",
        "## The server",
        "",
        *of_server,
        "",
        "## Against peers",
        "",
        *rows,
        "",
        comparison.against_one_script(results),
        "",
        *table.notes(results),
        "",
        "![Every column as bars](peers.svg)",
        "",
        *commands(),
        "",
        "## Curves",
        "",
        *curves.section(points),
        "",
    ]
    written = "\n".join(document)
    (output / "RESULTS.md").write_text(written)
    if not quick:
        readme.write(written)
    print(written)


if __name__ == "__main__":
    main()
