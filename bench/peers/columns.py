"""The columns of the table: what a Python subject is put through. Each answers one JSON object."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import statistics
import sys
from typing import TYPE_CHECKING

from bench.peers.loops import Hammered, admitted, admitted_awaited, clock, hammer, hammer_awaited

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.peers.subject import Subject

CALLS = 1000
"""How often each process calls one key in `admit`."""

MOST = 1000
"""The most calls of a batch."""

ENOUGH_NS = 5_000_000
"""The longest batch that is still extended: four times as many calls would last 20 ms."""


class Columns:
    """One subject, with the loop that its awaited calls run in."""

    def __init__(self, subject: Subject, seconds: float) -> None:
        """Measures `subject` for so long in each column."""
        self.subject, self.seconds = subject, seconds
        self.runner = asyncio.Runner()

    def hot(self, key: str) -> dict[str, float]:
        """One key, again and again."""
        keeps = self.subject.keeps_each_call
        return {"ns": self.median(lambda batch, size: [f"{key}-{batch}" if keeps else key] * size, admitted=True)}

    def denied(self, key: str) -> dict[str, float]:
        """One key that has used up its limit."""
        while self.run([key]):
            pass
        return {"ns": self.median(lambda _, size: [key] * size, admitted=False)}

    def many(self, keys: list[str]) -> dict[str, float]:
        """Many keys in an order far from that of creation, each called once before.

        Prints when their memory can be measured, and continues at the next line of its input.
        """
        say_and_wait("ready")
        self.expect(keys, admitted=True)
        say_and_wait("touched")
        random.Random(1).shuffle(keys)  # noqa: S311 (the same order in every run)
        # The keys are read in order, as they would arrive from a socket.
        keys = "\n".join(keys).split("\n")
        position = 0

        def next_keys(_: int, size: int) -> list[str]:
            nonlocal position
            taken = [keys[(position + step) % len(keys)] for step in range(size)]
            position = (position + size) % len(keys)
            return taken

        return {"ns": self.median(next_keys, admitted=True), "keys": len(keys)}

    def pair(self) -> dict[str, float]:
        """One key that another process calls at the same time, each call timed."""
        found = self.hammer(say_and_wait("ready"), math.inf, self.seconds)
        samples = sorted(found.samples)
        return {
            "median": samples[len(samples) // 2],
            "p99": samples[len(samples) * 99 // 100],
            "calls": len(samples),
            "denied": len(samples) - found.admitted - found.errors,
            "errors": found.errors,
            "timer": statistics.median(-(clock() - clock()) for _ in range(10_000)),
        }

    def admit(self) -> None:
        """For each key on the input: `CALLS` calls, in parallel with other processes. Print how many were admitted."""
        print("ready", flush=True)
        for line in sys.stdin:
            found = self.hammer(line.rstrip("\n"), CALLS, math.inf)
            print(json.dumps({"admitted": found.admitted, "errors": found.errors}), flush=True)

    def run(self, keys: list[str]) -> int:
        """One call for each key; how many were admitted."""
        if self.subject.awaited is not None:
            return self.runner.run(admitted_awaited(self.subject.awaited, keys))
        assert self.subject.call is not None
        return admitted(self.subject.call, keys)

    def hammer(self, key: str, calls: float, seconds: float) -> Hammered:
        """Calls one key so often, or for so long."""
        if self.subject.awaited is not None:
            return self.runner.run(hammer_awaited(self.subject.awaited, key, calls, seconds))
        assert self.subject.call is not None
        return hammer(self.subject.call, key, calls, seconds)

    def expect(self, keys: list[str], *, admitted: bool) -> None:
        """One call for each key, where all or none are to be admitted."""
        if self.run(keys) != (len(keys) if admitted else 0):
            sys.exit("the verdict of a call is not the one that this column expects")

    def median(self, keys: Callable[[int, int], list[str]], *, admitted: bool) -> float:
        """The nanoseconds of one call: the median over batches. `keys` gets the number of the batch and its size.

        A batch has 1,000 calls, or fewer if they would last more than 20 ms.
        """
        numbers = itertools.count(1)

        def timed(size: int) -> int:
            batch = keys(next(numbers), size)
            began = clock()
            self.expect(batch, admitted=admitted)
            return clock() - began

        size = 1
        # The minimum of three: other load on the machine must not make the batches small.
        while size < MOST and min(timed(size) for _ in range(3)) < ENOUGH_NS:
            size = min(size * 4, MOST)
        samples: list[float] = []
        end = clock() + self.seconds * 1e9
        while not samples or clock() < end:
            samples.append(timed(size) / size)
        return statistics.median(samples)


def say_and_wait(word: str) -> str:
    """Print a line, and wait for one."""
    print(word, flush=True)
    return sys.stdin.readline().rstrip("\n")
