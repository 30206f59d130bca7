"""A Redis of the bench's own, on a Unix socket in a temporary folder, without persistence."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPTIONS = ("--port", "0", "--save", "", "--appendonly", "no")


def require() -> None:
    """Ends the program where there is no Redis."""
    if shutil.which("redis-server") is None:
        sys.exit("missing: redis-server. Install it: apt-get install redis-server")


@contextmanager
def running(folder: Path) -> Iterator[Redis]:
    """Runs it as long as the block."""
    path = folder / "redis.sock"
    command = ["redis-server", *OPTIONS, "--unixsocket", str(path), "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            if not any("ready to accept connections" in line for line in server.stdout):
                sys.exit("redis-server did not start")
            yield Redis(path)
        finally:
            server.terminate()


class Redis:
    """Its socket, and the two commands that the bench itself needs."""

    def __init__(self, path: Path) -> None:
        """Connects at each command."""
        self.path = path

    def clear(self) -> None:
        """Forgets everything."""
        self._ask(b"FLUSHALL SYNC\r\n")

    def used_memory(self) -> int:
        """The bytes of its data."""
        lines = self._ask(b"INFO memory\r\n").splitlines()
        return int(next(line for line in lines if line.startswith(b"used_memory:")).split(b":")[1])

    def _ask(self, command: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path))
            connection.sendall(command)
            answer = connection.makefile("rb")
            first = answer.readline()
            return answer.read(int(first[1:])) if first.startswith(b"$") else first


if __name__ == "__main__":
    require()
