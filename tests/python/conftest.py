"""What the tests share: places, keys, and the helper that makes root keys."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from gatekeeper import Endpoint, KeyManager, init_key_manager

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]

SECRET = "a secret of the tests alone"  # noqa: S105
"""What seals the signing keys; without it, a file beside the database would, with a warning."""

SOAK = int(os.environ.get("GATEKEEPER_SOAK", "1"))
"""How many times longer than usual the long tests run."""

ENDPOINTS: dict[str, Endpoint] = {
    "GET_TASKS": {
        "default": {"maxReq": 10, "duration": 60_000},
        "roles": {"PRO": {"maxReq": 1_000, "duration": 60_000}},
    },
    "ONCE": {"default": {"maxReq": 1, "duration": 60_000}},
}


class RootKeys(Protocol):
    """Makes a tenant with this name in the database at this URL, and its root key."""

    def __call__(self, url: str, tenant: str) -> str: ...


@pytest.fixture
def keys() -> KeyManager:
    """A key manager in memory."""
    return init_key_manager(url="memory:", endpoints=ENDPOINTS)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A file of the test's own."""
    return f"sqlite:{tmp_path}/gatekeeper.db"


@pytest.fixture(scope="session")
def root_key() -> RootKeys:
    """The Rust helper that makes root keys, built once."""
    build = ["cargo", "build", "--quiet", "--package", "gatekeeper-tests", "--bin", "root-key"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

    def make(url: str, tenant: str) -> str:
        made = subprocess.run([target / "debug" / "root-key", url, tenant], check=True, capture_output=True)
        made_key: str = json.loads(made.stdout)["rootKey"]
        return made_key

    return make


@pytest.fixture
def new_key(keys: KeyManager) -> Callable[..., str]:
    """Makes a user's key in memory."""
    return lambda *roles: keys.create_user_api_key("user", roles)["apiKey"]
