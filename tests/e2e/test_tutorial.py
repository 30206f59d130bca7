"""The programs of the tutorial, with their frameworks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FILES = ROOT / "docs/how-to/files"
GATEKEEPER = [sys.executable, "-m", "gatekeeper"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, str]]:
    """Run a server as in the tutorial; return its URL and the root key."""
    made = subprocess.run([*GATEKEEPER, "init", "--json"], cwd=folder, check=True, capture_output=True)
    command = [*GATEKEEPER, "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[2], json.loads(made.stdout)["rootKey"]
        finally:
            process.terminate()


def python_app(folder: Path, url: str, port: int) -> list[str]:
    (folder / "app.py").write_text((FILES / "app.py").read_text().replace("http://127.0.0.1:8787", url))
    return [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]


def node_app(folder: Path, url: str, port: int) -> list[str]:
    text = (FILES / "app.mjs").read_text().replace("http://127.0.0.1:8787", url).replace("3000", str(port))
    (folder / "app.mjs").write_text(text)
    packages = folder / "node_modules"
    packages.mkdir()
    (packages / "gatekeeper-native").symlink_to(ROOT)
    (packages / "express").symlink_to(ROOT / "node_modules/express")
    node = shutil.which("node")
    assert node is not None
    return [node, "app.mjs"]


@pytest.mark.parametrize("app", [python_app, node_app])
def test_a_protected_route_accepts_a_key_in_either_header_and_rejects_all_others(tmp_path: Path, app: object) -> None:
    assert callable(app)
    with server(tmp_path) as (url, root):
        created = httpx.post(
            f"{url}/api/v1/keys",
            json={"prefix": "user", "ownerId": "u_42"},
            headers={"Authorization": f"Bearer {root}"},
        )
        key = created.json()["apiKey"]
        port = free_port()
        environment = {**os.environ, "KEY_MANAGER_ROOT_KEY": root}
        command = app(tmp_path, url, port)
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                    while True:
                        assert process.poll() is None
                        try:
                            missing = client.get("/tasks")
                            break
                        except httpx.ConnectError:
                            time.sleep(0.05)
                    wrong = client.get("/tasks", headers={"Authorization": "Bearer user_xxx"})
                    for rejected in (missing, wrong):
                        assert rejected.status_code == 401
                        # The scheme that it asks for is one that it accepts.
                        assert rejected.headers["www-authenticate"] == "Bearer"
                    shown = [{"Authorization": f"Bearer {key}"}, {"authorization": f"bearer {key}"}, {"X-API-Key": key}]
                    for number in range(10):
                        admitted = client.get("/tasks", headers=shown[number % len(shown)])
                        assert admitted.json() == {"tasks": [], "for": "u_42", "remaining": 9 - number}
                    limited = client.get("/tasks", headers=shown[0])
                    assert limited.status_code == 429
                    assert 1 <= int(limited.headers["retry-after"]) <= 60
            finally:
                process.terminate()
