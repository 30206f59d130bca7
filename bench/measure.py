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
        plenty = self._backend(PLENTY, self.plan.keys_of(row))
        found: dict[str, Any] = {"hot": self._answer("hot", plenty)["ns"], "many": self._many(plenty)}
        if row.kind != "memory":
            found["pair"] = self._pair(plenty)
        if row.limits:
            found["denied"] = self._answer("denied", self._backend(10, 1))["ns"]
        if row.limits and row.kind != "memory":
            rounds = self.plan.rounds_of_ours if row.ours else self.plan.rounds
            found["admitted"] = self._admitted(self._backend(ADMITTED_OF, rounds + 1), rounds)
        return found

    def _backend(self, limit: int, keys: int) -> Backend:
        """A new backend with `keys` keys."""
        folder = self.folder / secrets.token_hex(4)
        (folder / "data").mkdir(parents=True)
        if self.row.kind == "redis":
            self.redis.clear()
        at = {"memory": "memory:", "redis": str(self.redis.path), "file": str(folder / "data/bench.db")}
        backend = Backend(at[self.row.kind], folder / "keys", limit, keys)
        if self.row.ours and self.row.kind == "file":
            self._fill(backend)
        elif self.row.has_keys:
            self._answer("create", backend)
        return backend

    def _fill(self, backend: Backend) -> None:
        """Make the database of Gatekeeper in Rust, or copy a database with the same keys that no process has used."""
        filled = Backend(
            str(self.folder / f"filled-{backend.keys}.db"), self.folder / f"filled-{backend.keys}", 0, backend.keys
        )
        if not filled.keys_file.exists():
            with started((*PROGRAMS["Rust"], "gatekeeper", "create", *filled.options(0))) as [process]:
                process.answer()
        shutil.copyfile(filled.at, backend.at)
        shutil.copyfile(filled.keys_file, backend.keys_file)

    def _command(self, column: str, backend: Backend) -> tuple[str, ...]:
        seconds = self.plan.pair_seconds if column == "pair" else self.plan.seconds
        return (*self.row.command, column, *backend.options(seconds))

    def _answer(self, column: str, backend: Backend) -> dict[str, Any]:
        with started(self._command(column, backend)) as [process]:
            return process.answer()

    def _many(self, backend: Backend) -> dict[str, Any]:
        if self.row.kind == "redis":
            self.redis.clear()
        with started(self._command("many", backend)) as [process]:
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
            found["file"] = size_on_disk(Path(backend.at)) / keys
        return found

    def _pair(self, backend: Backend) -> list[dict[str, Any]]:
        key = backend.key(0, "pair")
        with started(self._command("pair", backend), 2) as processes:
            for process in processes:
                process.wait_for("ready")
            for process in processes:
                process.tell(key)
            return [process.answer() for process in processes]

    def _admitted(self, backend: Backend, rounds: int) -> dict[str, Any]:
        """The calls of each round that were admitted: four processes make 1,000 calls each, and the limit is 1,000."""
        counts, errors = [], 0
        with started(self._command("admit", backend), PROCESSES) as processes:
            for process in processes:
                process.wait_for("ready")
            for round_ in range(1, rounds + 1):
                key = backend.key(round_, "round")
                for process in processes:
                    process.tell(key)
                answers = [process.answer() for process in processes]
                counts.append(sum(answer["admitted"] for answer in answers))
                errors += sum(answer["errors"] for answer in answers)
        return {"least": min(counts), "most": max(counts), "rounds": rounds, "errors": errors}


@dataclass(frozen=True)
class Backend:
    """The storage of a subject, and the number and the limit of its keys."""

    at: str
    keys_file: Path
    limit: int
    keys: int

    def options(self, seconds: float) -> tuple[str, ...]:
        """The options of a subject's command."""
        given = ("--backend", self.at, "--keys", str(self.keys), "--keys-file", str(self.keys_file))
        return (*given, "--seconds", str(seconds), "--limit", str(self.limit))

    def key(self, number: int, name: str) -> str:
        """A key of the subject, or any name for a subject that only limits."""
        return self.keys_file.read_text().split("\n")[number] if self.keys_file.exists() else f"{name}_{number}"
