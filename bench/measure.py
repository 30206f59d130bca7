"""Puts one row through all columns."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.processes import SubjectError, size_on_disk, started
from bench.rows import PROGRAMS

if TYPE_CHECKING:
    from bench.redis_server import Redis
    from bench.rows import Row

PLENTY = 2**32 - 1
ADMITTED_OF = 1000
PROCESSES = 4


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how often."""

    seconds: float
    pair_seconds: float
    keys: int
    slow_keys: int | None
    """Instead of each row's own number, in the short form."""
    rounds: int
    rounds_of_ours: int
    events: int
    """How many events a summary goes over."""
    server_keys: int
    """How many keys the server knows."""

    def keys_of(self, row: Row) -> int:
        """Over how many keys the row goes."""
        if "GATEKEEPER_BENCH_KEYS" in os.environ:
            return int(os.environ["GATEKEEPER_BENCH_KEYS"])
        return self.keys if row.most_keys is None else self.slow_keys or row.most_keys


FULL = Plan(
    seconds=3,
    pair_seconds=10,
    keys=1_000_000,
    slow_keys=None,
    rounds=10,
    rounds_of_ours=100,
    events=10_000_000,
    server_keys=1_000_000,
)
QUICK = Plan(
    seconds=0.2,
    pair_seconds=0.2,
    keys=2000,
    slow_keys=20,
    rounds=2,
    rounds_of_ours=3,
    events=20_000,
    server_keys=20_000,
)


class Measurement:
    """A row on its way through the columns."""

    def __init__(self, row: Row, plan: Plan, folder: Path, redis: Redis) -> None:
        """Makes its databases in `folder`."""
        self.row, self.plan, self.folder, self.redis = row, plan, folder, redis

    def all(self) -> dict[str, Any]:
        """What was found in each column, or why it does not run."""
        try:
            return self._all()
        except SubjectError as reason:
            return {"not_run": str(reason)}

    def _all(self) -> dict[str, Any]:
        row = self.row
        plenty = self._place(PLENTY, self.plan.keys_of(row))
        found: dict[str, Any] = {"hot": self._answer("hot", plenty)["ns"], "many": self._many(plenty)}
        if row.kind != "memory":
            found["pair"] = self._pair(plenty)
        if row.limits:
            found["denied"] = self._answer("denied", self._place(10, 1))["ns"]
        if row.limits and row.kind != "memory":
            rounds = self.plan.rounds_of_ours if row.ours else self.plan.rounds
            found["admitted"] = self._admitted(self._place(ADMITTED_OF, rounds + 1), rounds)
        return found

    def _place(self, limit: int, keys: int) -> Place:
        """An empty place with so many keys."""
        folder = self.folder / secrets.token_hex(4)
        (folder / "place").mkdir(parents=True)
        if self.row.kind == "redis":
            self.redis.clear()
        at = {"memory": "memory:", "redis": str(self.redis.path), "file": str(folder / "place/bench.db")}
        place = Place(at[self.row.kind], folder / "keys", limit, keys)
        if self.row.ours and self.row.kind == "file":
            self._fill(place)
        elif self.row.has_keys:
            self._answer("create", place)
        return place

    def _fill(self, place: Place) -> None:
        """Makes a database of ours in Rust, or copies one with as many keys that no process has used."""
        filled = Place(
            str(self.folder / f"filled-{place.keys}.db"), self.folder / f"filled-{place.keys}", 0, place.keys
        )
        if not filled.keys_file.exists():
            with started((*PROGRAMS["Rust"], "gatekeeper", "create", *filled.options(0))) as [process]:
                process.answer()
        shutil.copyfile(filled.at, place.at)
        shutil.copyfile(filled.keys_file, place.keys_file)

    def _command(self, column: str, place: Place) -> tuple[str, ...]:
        seconds = self.plan.pair_seconds if column == "pair" else self.plan.seconds
        return (*self.row.command, column, *place.options(seconds))

    def _answer(self, column: str, place: Place) -> dict[str, Any]:
        with started(self._command(column, place)) as [process]:
            return process.answer()

    def _many(self, place: Place) -> dict[str, Any]:
        if self.row.kind == "redis":
            self.redis.clear()
        with started(self._command("many", place)) as [process]:
            process.wait_for("ready")
            memory, used = process.resident(), self.redis.used_memory()
            process.tell("")
            process.wait_for("touched")
            memory, used = process.resident() - memory, self.redis.used_memory() - used
            process.tell("")
            found = process.answer()
        keys = found["keys"]
        found["memory"] = max(memory - found.get("held", 0), 0) / keys
        found["redis"] = used / keys
        if self.row.kind == "file":
            found["file"] = size_on_disk(Path(place.at)) / keys
        return found

    def _pair(self, place: Place) -> list[dict[str, Any]]:
        key = place.key(0, "pair")
        with started(self._command("pair", place), 2) as processes:
            for process in processes:
                process.wait_for("ready")
            for process in processes:
                process.tell(key)
            return [process.answer() for process in processes]

    def _admitted(self, place: Place, rounds: int) -> dict[str, Any]:
        """How many of 1,000 were admitted by four processes that ask 1,000 times each, in each round."""
        counts, errors = [], 0
        with started(self._command("admit", place), PROCESSES) as processes:
            for process in processes:
                process.wait_for("ready")
            for round_ in range(1, rounds + 1):
                key = place.key(round_, "round")
                for process in processes:
                    process.tell(key)
                answers = [process.answer() for process in processes]
                counts.append(sum(answer["admitted"] for answer in answers))
                errors += sum(answer["errors"] for answer in answers)
        return {"least": min(counts), "most": max(counts), "rounds": rounds, "errors": errors}


@dataclass(frozen=True)
class Place:
    """Where a subject keeps what it knows, and how many keys are in it under which limit."""

    at: str
    keys_file: Path
    limit: int
    keys: int

    def options(self, seconds: float) -> tuple[str, ...]:
        """The options of a subject's command."""
        given = ("--place", self.at, "--keys", str(self.keys), "--keys-file", str(self.keys_file))
        return (*given, "--seconds", str(seconds), "--limit", str(self.limit))

    def key(self, number: int, name: str) -> str:
        """A key that is there, or any name for a subject that only limits."""
        return self.keys_file.read_text().split("\n")[number] if self.keys_file.exists() else f"{name}_{number}"
