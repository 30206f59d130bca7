"""What the figures were measured on, and with."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import tomllib
from pathlib import Path

from bench.processes import ROOT

PYTHON_PEERS = ("limits", "redis", "djangorestframework-api-key", "Django", "keyshield", "SQLAlchemy", "argon2-cffi")
NODE_PEERS = (
    "rate-limiter-flexible",
    "async-ratelimiter",
    "@fastify/rate-limit",
    "better-auth",
    "@better-auth/api-key",
    "better-sqlite3",
    "ioredis",
)
RUST_PEERS = ("governor", "redis")


def machine() -> str:
    """The processor, as Linux names it."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
    return f"{os.cpu_count()} × {names[0] if names else platform.processor()}, {platform.system()} {platform.release()}"


def versions() -> list[str]:
    """What was run, by language."""
    crates = {each["name"]: each["version"] for each in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
    packages = json.loads((ROOT / "bench/node/package-lock.json").read_text())["packages"]
    rust = [f"crate {name} {crates[name]}" for name in RUST_PEERS]
    node = [f"{name} {packages[f'node_modules/{name}']['version']}" for name in NODE_PEERS]
    redis = re.search(r"v=(\S+)", _said("redis-server", "--version"))
    return [
        f"{_said('rustc', '--version')}; Gatekeeper {crates['gatekeeper-native']}, {', '.join(rust)}.",
        f"Python {platform.python_version()}; {', '.join(_python())}.",
        f"Node {_said('node', '--version').lstrip('v')}; {', '.join(node)}.",
        f"redis-server {redis[1] if redis else 'unknown'}, on a Unix socket.",
    ]


def _python() -> list[str]:
    code = (
        "import sys; from importlib.metadata import version; "
        "print(*(f'{name} {version(name)}' for name in sys.argv[1:]), sep=';')"
    )
    return _said(".cache/bench-venv/bin/python", "-c", code, *PYTHON_PEERS).split(";")


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
