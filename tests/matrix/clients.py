"""Clients of the workers: HTTP over a Unix socket, or the folder that is Celery's queue."""

from __future__ import annotations

import http.client
import json
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from billiard.exceptions import WorkerLostError
from celery import Celery

SECONDS = 30
"""The timeout of one call on a busy machine."""


class Lost(Exception):  # noqa: N818 - not an error: a worker was killed with the call
    """A worker died during the call: a permit may have been consumed without a result."""


@dataclass(frozen=True)
class Answer:
    """The result from a worker."""

    pid: str
    inherited: bool
    ok: bool
    key_valid: bool
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, result: dict[str, Any], started: float) -> Answer:
        return cls(result["pid"], result["inherited"], result["ok"], result["keyValid"], started)


class Client(Protocol):
    """Verifies one key after the other; used by one thread."""

    def ask(self, key: str) -> Answer: ...
    def close(self) -> None: ...


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class HttpClient:
    """Keeps its connection, and so its worker, if the server does; reconnects when needed."""

    def __init__(self, path: Path) -> None:
        self.connection = UnixConnection(path)

    def get(self, path: str) -> dict[str, Any]:
        try:
            self.connection.request("GET", path)
            response = self.connection.getresponse()
            body = response.read()
        except (ConnectionError, http.client.IncompleteRead, http.client.BadStatusLine) as error:
            self.close()
            raise Lost from error
        assert response.status == 200, body
        answer: dict[str, Any] = json.loads(body)
        return answer

    def ask(self, key: str) -> Answer:
        started = time.monotonic()
        return Answer.of(self.get(f"/verify?key={quote(key)}"), started)

    def close(self) -> None:
        self.connection.close()


class CeleryClient:
    """Sends tasks. Each is written to a separate folder and then moved, so that no worker reads an incomplete one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = Path(tempfile.mkdtemp(dir=folder))
        self.app = Celery(broker="filesystem://localhost", backend=f"file://{folder}/results", set_as_current=False)
        self.app.conf.broker_transport_options = {
            "data_folder_in": str(self.out),
            "data_folder_out": str(self.out),
            "control_folder": str(folder / "control"),
        }

    def send(self, task: str, key: str) -> Any:
        result = self.app.send_task(task, [key])
        for message in self.out.iterdir():
            message.rename(self.folder / "queue" / message.name)
        return result

    def ask(self, key: str) -> Answer:
        started = time.monotonic()
        try:
            return Answer.of(self.send("verify", key).get(timeout=SECONDS, interval=0.002), started)
        except WorkerLostError as error:
            raise Lost from error

    def close(self) -> None:
        """Do nothing: there is no connection, each task goes to any free worker."""
