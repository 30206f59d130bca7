"""The loops that are timed, for calls that answer and for calls that are awaited."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.peers.subject import Verdict

clock = time.perf_counter_ns


def admitted(call: Callable[[str], bool], keys: list[str]) -> int:
    """One call for each key; how many were admitted."""
    count = 0
    for key in keys:
        count += call(key)
    return count


async def admitted_awaited(call: Callable[[str], Awaitable[Verdict]], keys: list[str]) -> int:
    """The same, awaited."""
    count = 0
    for key in keys:
        count += (await call(key)).ok
    return count


@dataclass
class Hammered:
    """What came of calling one key while others call it too."""

    samples: list[int] = field(default_factory=list)
    """Nanoseconds of each call."""
    admitted: int = 0
    errors: int = 0


def hammer(call: Callable[[str], bool], key: str, calls: float, seconds: float) -> Hammered:
    """Calls one key so often, or for so long; an error is counted, whatever it is."""
    found, end = Hammered(), clock() + seconds * 1e9
    while (began := clock()) < end and len(found.samples) < calls:
        try:
            found.admitted += call(key)
        except Exception:
            found.errors += 1
        found.samples.append(clock() - began)
    return found


async def hammer_awaited(call: Callable[[str], Awaitable[Verdict]], key: str, calls: float, seconds: float) -> Hammered:
    """The same, awaited."""
    found, end = Hammered(), clock() + seconds * 1e9
    while (began := clock()) < end and len(found.samples) < calls:
        try:
            found.admitted += (await call(key)).ok
        except Exception:
            found.errors += 1
        found.samples.append(clock() - began)
    return found
