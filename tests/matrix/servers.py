"""Starts the real programs on a database, waits until each worker responds, kills workers, and stops everything."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from callers import Tally, everyone
from clients import SECONDS, Client, HttpClient, Lost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Row

APPS = Path(__file__).with_name("apps")
ENDPOINTS = json.loads((APPS / "endpoints.json").read_text())


class Server:
    """A program with its workers behind a Unix socket, in a separate process group."""

    def __init__(self, row: Row, folder: Path, database: Path) -> None:
        self.row, self.folder, self.url = row, folder, f"sqlite:{database}"
        self.errors = folder / "errors"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the program; `ready` waits for it."""
        self.spawn()

    def command(self) -> list[str]:
        return [part.format(folder=self.folder) for part in self.row.command]

    def spawn(self, stdin: int = subprocess.DEVNULL) -> None:
        environment = {
            "MATRIX_URL": self.url,
            "MATRIX_FOLDER": str(self.folder),
            "MATRIX_BEFORE_FORK": "used" if self.row.used else "made",
        }
        with self.errors.open("a") as errors:
            process = subprocess.Popen(
                self.command(),
                cwd=APPS,
                env={**os.environ, **environment},
                stdin=stdin,
                stdout=errors,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)

    def ready(self) -> None:
        """Wait until every worker has responded."""
        deadline = time.monotonic() + SECONDS
        while not self.listens():
            assert self.processes[0].poll() is None, f"has ended: {self.errors.read_text()}"
            assert time.monotonic() < deadline, f"does not listen: {self.errors.read_text()}"
            time.sleep(0.02)
        everyone(self, "")

    def listens(self) -> bool:
        with closing(self.client()) as client:
            try:
                client.ask("")
            except (FileNotFoundError, Lost):
                return False
        return True

    def client(self) -> Client:
        return HttpClient(self.folder / "socket")

    def kill(self, tally: Tally, _key: str) -> None:
        """Kill one of the workers that have responded, at any point of its work."""
        os.kill(int(random.choice(sorted(tally.pids))), signal.SIGKILL)  # noqa: S311

    def stop(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def started(*rows: Row) -> Iterator[list[Server]]:
    """Run servers of these rows on one new database, and wait until each worker has responded."""
    with ExitStack() as stack:
        # The path of a Unix socket must be short. A process that was just killed may still be writing to the folder.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gk-", ignore_cleanup_errors=True)))
        servers = []
        for number, row in enumerate(rows):
            own = folder / str(number)
            own.mkdir()
            server = row.kind(row, own, folder / "gatekeeper.db")
            stack.callback(server.stop)
            server.start()
            servers.append(server)
        for server in servers:
            server.ready()
        yield servers
