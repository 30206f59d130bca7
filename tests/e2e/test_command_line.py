"""The command line that the Python and Node packages include."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    "python -m": [sys.executable, "-m", "gatekeeper"],
    "gatekeeper": [str(Path(sys.executable).with_name("gatekeeper"))],
    "npx": ["node", str(ROOT / "bindings-node/dist/cli.js")],
}


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_init_and_serve_run_a_server_that_ctrl_c_stops(program: list[str], tmp_path: Path) -> None:
    made = run(tmp_path, *program, "init", "--json")
    assert made.returncode == 0, made.stderr
    root = {"Authorization": f"Bearer {json.loads(made.stdout)['rootKey']}"}
    key = json.loads(run(tmp_path, *program, "keys", "create", "--role", "PRO", "--json").stdout)["plainTextKey"]
    with subprocess.Popen(
        [*program, "serve", "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[2]
        verdict = httpx.post(f"{url}/v1/keys/verify", json={"key": key, "endpoint": "GET_TASKS"}, headers=root).json()
        assert verdict["data"]["total"] == 1000
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 0


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_the_exit_code_of_the_command_is_returned(program: list[str], tmp_path: Path) -> None:
    assert run(tmp_path, *program, "--version").stdout.startswith("gatekeeper ")
    assert run(tmp_path, *program, "nonsense").returncode == 2
    rejected = run(tmp_path, *program, "keys", "list", "--json")
    assert rejected.returncode == 1
    assert "error" in json.loads(rejected.stderr)
