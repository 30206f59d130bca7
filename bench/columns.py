"""What each column compares, as one number for a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.measure import ADMITTED_OF

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.rows import Row

Found = dict[str, Any]
Results = list[tuple["Row", Found]]


def hot(found: Found) -> float | None:
    """Nanoseconds of a call of one key."""
    return found.get("hot")


def many(found: Found) -> float | None:
    """Nanoseconds of a call of one of many keys."""
    return found["many"]["ns"] if "many" in found else None


def pair(found: Found) -> float | None:
    """The slower process' median, in nanoseconds."""
    return max(process["median"] for process in found["pair"]) if "pair" in found else None


def denied(found: Found) -> float | None:
    """Nanoseconds of a call that is denied."""
    return found.get("denied")


def size(row: Row, found: Found) -> float | None:
    """Bytes of a key, wherever they are."""
    if "many" not in found or (row.ours and row.language != "Rust"):
        return None
    sizes: Found = found["many"]
    if row.kind == "file":
        return float(sizes["file"] + (sizes["memory"] if row.caches else 0))
    return float(sizes["redis" if row.kind == "redis" else "memory"])


def astray(found: Found) -> float | None:
    """How far the admitted are from the limit, at worst."""
    if "admitted" not in found:
        return None
    return max(abs(float(found["admitted"][end]) - ADMITTED_OF) for end in ("least", "most"))


COLUMNS: dict[str, Callable[[Row, Found], float | None]] = {
    "hot": lambda _, found: hot(found),
    "random": lambda _, found: many(found),
    "two processes": lambda _, found: pair(found),
    "denied": lambda _, found: denied(found),
    "bytes": size,
    "admitted": lambda _, found: astray(found),
}
"""The number that each column compares; less is better."""


def time(ns: float) -> str:
    """Nanoseconds in the unit that reads best."""
    for unit, factor in (("ns", 1), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)):
        if ns < 1000 * factor or unit == "s":
            return f"{ns / factor:.0f} {unit}" if unit == "ns" else f"{ns / factor:.3g} {unit}"
    raise AssertionError
