"""One Python subject through one column.

python -m bench.peers SUBJECT COLUMN --backend BACKEND --keys N --keys-file FILE --seconds S --limit N

`create` writes the keys of the backend to the file. The other columns read them there, or create keys if there is no
file.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from bench.peers.columns import Columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.peers.subject import Subject

SUBJECTS = {
    "gatekeeper": ("ours", "sync"),
    "gatekeeper-awaited": ("ours", "awaited"),
    "limits-memory": ("limiters", "memory"),
    "limits-redis": ("limiters", "redis"),
    "drf-api-key": ("drf", "open_on"),
    "keyshield": ("shield", "plain"),
    "keyshield-cached": ("shield", "cached"),
}
"""The function that opens each subject. Only the module of the selected subject is imported."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("column", choices=["create", "hot", "denied", "many", "pair", "admit"])
    parser.add_argument("--backend", required=True)
    parser.add_argument("--keys", type=int, required=True)
    parser.add_argument("--keys-file", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--limit", type=int, required=True)
    given = parser.parse_args()

    module, function = SUBJECTS[given.subject]
    opener: Callable[[str, int], Subject] = getattr(importlib.import_module(f"bench.peers.{module}"), function)
    subject = opener(given.backend, given.limit)
    columns = Columns(subject, given.seconds)
    if given.column == "create":
        given.keys_file.write_text("\n".join(subject.create(given.keys)))
        print("{}")
        return
    count = given.keys if given.column == "many" else 1
    keys = given.keys_file.read_text().splitlines() if given.keys_file.exists() else subject.create(count)
    if given.column in {"pair", "admit"}:
        columns.run(keys[:1])  # connects before the measurement
    if given.column == "admit":
        columns.admit()
        return
    measure: dict[str, Callable[[], dict[str, float]]] = {
        "hot": lambda: columns.hot(keys[0]),
        "denied": lambda: columns.denied(keys[0]),
        "many": lambda: columns.many(keys),
        "pair": columns.pair,
    }
    print(json.dumps(measure[given.column]()))


if __name__ == "__main__":
    main()
