"""Fixtures of the tests: databases, servers, keys, and the helper that makes root keys."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from gatekeeper import Endpoint, KeyManager, init_key_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]

SECRET = "a secret of the tests alone"  # noqa: S105
"""The secret that encrypts the signing keys. Without it, a secret file would be created, with a warning."""

SOAK = int(os.environ.get("GATEKEEPER_SOAK", "1"))
"""The factor by which the long tests run longer than by default."""

ENDPOINTS: dict[str, Endpoint] = {
    "GET_TASKS": {
        "default": {"maxReq": 10, "duration": 60_000},
        "roles": {"PRO": {"maxReq": 1_000, "duration": 60_000}},
    },
    "ONCE": {"default": {"maxReq": 1, "duration": 60_000}},
}

LIMITS = """
[endpoints.GET_TASKS]
default = { maxReq = 10, duration = 60000 }
roles = { PRO = { maxReq = 1000, duration = 60000 } }
"""
"""One of these endpoints, as a server's configuration has it."""


class Serve(Protocol):
    """Starts a server on the database of a URL and stops it after the test."""

    def __call__(self, url: str, *arguments: str) -> str: ...


class RootKeys(Protocol):
    """Makes a tenant with this name in the database at this URL, and its root key."""

    def __call__(self, url: str, tenant: str) -> str: ...


@pytest.fixture
def keys() -> KeyManager:
    """A key manager in memory."""
    return init_key_manager(url="memory:", endpoints=ENDPOINTS)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a new database file."""
    return f"sqlite:{tmp_path}/gatekeeper.db"


@pytest.fixture(scope="session")
def root_key() -> RootKeys:
    """The Rust helper that makes root keys, built once."""
    helper = built("root-key")

    def make(url: str, tenant: str) -> str:
        made = subprocess.run([helper, url, tenant], check=True, capture_output=True)
        made_key: str = json.loads(made.stdout)["rootKey"]
        return made_key

    return make


def built(binary: str) -> Path:
    """A binary of this checkout, as its sources are now."""
    # Without --package: a single package has other features, and everything would be compiled a second time.
    subprocess.run(["cargo", "build", "--quiet", "--bin", binary], cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / binary


@pytest.fixture(scope="session")
def server() -> Path:
    """The server's program: ``GATEKEEPER_SERVER``, or that of this checkout."""
    given = os.environ.get("GATEKEEPER_SERVER")
    return Path(given) if given else built("gatekeeper")


@pytest.fixture
def serve(server: Path, tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(url: str, *arguments: str) -> str:
            environment = {**os.environ, "GATEKEEPER_SECRET": SECRET}
            log = stack.enter_context((tmp_path / "server.log").open("a"))
            process = subprocess.Popen(
                [server, "serve", "--url", url, "--port", "0", *arguments],
                cwd=tmp_path,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            # The callbacks run in reverse order: the server is killed, then waited for.
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout is not None
            listening = process.stdout.readline().split()
            assert listening[:2] == ["listening", "on"], (tmp_path / "server.log").read_text()
            return listening[2]

        yield start


@pytest.fixture
def new_key(keys: KeyManager) -> Callable[..., str]:
    """Makes a user's key in memory."""
    return lambda *roles: keys.create_user_api_key("user", roles)["apiKey"]
