"""Helpers that run the real server binary, each on its own port and in its own folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BINARY = Path(os.environ.get("GATEKEEPER_SERVER", ROOT / "target/debug/gatekeeper"))
LIMITS = """
[endpoints.GET_TASKS]
default = { maxReq = 2, duration = 60000 }
roles = { PRO = { maxReq = 1000000, duration = 60000 } }
"""


@dataclass
class Server:
    """A running server."""

    folder: Path
    url: str
    gateway_url: str
    root_key: str
    tenant: str
    process: subprocess.Popen[str]
    arguments: list[str] = field(default_factory=list)

    @property
    def root(self) -> dict[str, str]:
        """The headers with the root key."""
        return {"Authorization": f"Bearer {self.root_key}"}

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client for this server."""
        return httpx.Client(base_url=self.url, timeout=30, **options)

    def rss_kib(self) -> int:
        """The resident memory of the server, in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    def log(self) -> str:
        """The log of the server."""
        return (self.folder / "log").read_text()


def run(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of the CLI."""
    environment = {"PATH": os.environ["PATH"], **options.pop("env", {})}
    return subprocess.run(
        [BINARY, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def started(folder: Path, *arguments: str) -> tuple[subprocess.Popen[str], str, str]:
    """Start a server on the database in a folder; return its process and both addresses."""
    port = [] if "--socket" in arguments else ["--port", "0"]
    # An address for gateways closes sign-up unless it is set.
    signup = [] if "--signup" in arguments else ["--signup", "open"]
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [BINARY, "serve", *port, "--gateway-listen", "127.0.0.1:0", *signup, *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(2)]
    assert all("://" in line or "unix:" in line for line in lines), (lines, (folder / "log").read_text())
    main, gateway = (next(word for word in line.split() if "://" in word or word.startswith("unix:")) for line in lines)
    return process, main, gateway


def end(process: subprocess.Popen[str], by: signal.Signals) -> int:
    """Stop a server with a signal and return its exit code."""
    if process.poll() is None:
        process.send_signal(by)
    assert process.stdout is not None
    process.stdout.close()
    return process.wait(timeout=60)


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Server]:
    """Run a server with a database, a tenant and a root key."""
    init = run(folder, "init", "--json")
    assert init.returncode == 0, init.stderr
    made = json.loads(init.stdout)
    (folder / "gatekeeper.toml").write_text(LIMITS)
    process, url, gateway_url = started(folder, *arguments)
    server = Server(folder, url, gateway_url, made["rootKey"], made["tenantId"], process, list(arguments))
    try:
        yield server
    finally:
        end(server.process, signal.SIGTERM)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server for the tests of a module."""
    with serving(tmp_path_factory.mktemp("server")) as server:
        yield server
