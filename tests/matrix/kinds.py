"""Servers whose workers are not simply processes behind a program's socket."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from clients import CeleryClient, HttpClient
from servers import ENDPOINTS, Server

if TYPE_CHECKING:
    from callers import Tally

ROOT = Path(__file__).resolve().parents[2]


class Threads(Server):
    """Workers that are threads of one process: a signal cannot kill only one of them."""

    def kill(self, tally: Tally, _key: str) -> None:
        with closing(HttpClient(self.folder / "socket")) as client:
            client.get(f"/stop?pid={random.choice(sorted(tally.pids))}")  # noqa: S311


class Tasks(Server):
    """Workers that read tasks from a folder."""

    def start(self) -> None:
        for name in ("queue", "results", "processed"):
            (self.folder / name).mkdir()
        super().start()

    def client(self) -> CeleryClient:
        return CeleryClient(self.folder)

    def kill(self, tally: Tally, key: str) -> None:
        """Kill a worker during a task: an idle one may hold the pool's lock, which is then never released."""
        with closing(self.client()) as client:
            client.send("die", key)
        tally.lost += 1


class Processes(Server):
    """Workers that share a socket of this process, which starts them and replaces one after killing it."""

    def command(self) -> list[str]:
        return [str(programs_in_rust() / "worker"), self.url, json.dumps(ENDPOINTS)]

    def start(self) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.folder / "socket"))
        self.listener.listen()
        for _ in range(self.row.workers):
            self.spawn(self.listener.fileno())

    def kill(self, tally: Tally, key: str) -> None:
        super().kill(tally, key)
        self.spawn(self.listener.fileno())

    def stop(self) -> None:
        super().stop()
        self.listener.close()


@cache
def programs_in_rust() -> Path:
    """The folder of the Rust programs, which are built once."""
    subprocess.run(["cargo", "build", "--quiet", "--bins"], cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
