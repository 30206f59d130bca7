"""Subjects as processes: starts them, exchanges lines with them, and measures their memory."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "bindings-python/python")}


class SubjectError(Exception):
    """A subject that fails. The message has the reason."""


class Process:
    """One subject in one column."""

    def __init__(self, popen: subprocess.Popen[str], errors: Any) -> None:
        """Talks with a process that was started."""
        self.popen, self.errors = popen, errors

    def line(self) -> str:
        """The next line that the process prints."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        if line:
            return line.rstrip("\n")
        self.popen.wait()
        self.errors.seek(0)
        raise SubjectError(_reason(self.errors.read().splitlines()) or f"exit {self.popen.returncode}")

    def wait_for(self, word: str) -> None:
        """Wait until the process prints `word`."""
        if (line := self.line()) != word:
            raise SubjectError(f"printed {line!r}, not {word!r}")

    def tell(self, line: str) -> None:
        """Lets it go on."""
        assert self.popen.stdin is not None
        # If the process has ended, reading the next line raises the reason.
        with suppress(BrokenPipeError):
            os.write(self.popen.stdin.fileno(), f"{line}\n".encode())

    def answer(self) -> dict[str, Any]:
        """The JSON object that the process prints next."""
        found = json.loads(self.line())
        assert isinstance(found, dict)
        return found

    def resident(self) -> int:
        """The bytes of memory that it has now."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) * 1024


def _reason(output: list[str]) -> str:
    """The line that names the error, in the words of Rust, Python or Node."""
    lines = [line for line in output if line.strip()]
    return next((line for line in reversed(lines) if "Error" in line and not line.startswith(" ")), "".join(lines[-1:]))


@contextmanager
def started(command: Sequence[str], count: int = 1) -> Iterator[list[Process]]:
    """That many processes of a command; none is left when the block ends."""
    with ExitStack() as stack:
        processes = []
        for _ in range(count):
            errors = stack.enter_context(tempfile.TemporaryFile("w+"))
            popen = stack.enter_context(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=ENVIRONMENT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
            )
            stack.callback(popen.kill)
            processes.append(Process(popen, errors))
        yield processes


def size_on_disk(database: Path) -> int:
    """The size of a database and its side files, after a checkpoint of its WAL."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return sum(file.stat().st_blocks * 512 for file in database.parent.rglob("*") if file.is_file())
