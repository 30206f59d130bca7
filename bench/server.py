"""The server: requests a second compared with its own `/health` and with nginx, latency, memory, start-up.

python -m bench.server [--quick]
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.processes import ROOT
from bench.services import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

BINARY = ROOT / "target/release/gatekeeper"
CONNECTIONS = 64
ROUNDS = 5
CONFIG = "[endpoints.BENCH]\ndefault = { maxReq = 4294967295, duration = 1000 }\n"
NGINX = """
worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type text/plain; return 200 "ok\\n"; }} }}
}}
"""
# Every key in turn: each request is built again, which costs the load generator as much as the server.
ALL_KEYS = """
local bodies = {{}}
for key in io.lines("{keys}") do
  bodies[#bodies + 1] = '{{"endpoint":"BENCH","key":"' .. key .. '"}}'
end
local index = tonumber(os.getenv("KEYS_KNOWN"))
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {root}"
request = function()
  index = index % #bodies + 1
  return wrk.format(nil, "/v1/keys/verify", nil, bodies[index])
end
"""
# One key: the request is built once.
ONE_KEY = """
wrk.method = "POST"
wrk.path = "/v1/keys/verify"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {root}"
wrk.body = '{{"endpoint":"BENCH","key":"{key}"}}'
"""


def prepared(folder: Path, keys: int) -> str:
    """Make a database with `keys` keys of one tenant, write them to `keys.txt`, and return the tenant's root key."""
    fill = [str(ROOT / "target/release/gatekeeper-bench"), "rust", "create", "--backend", str(folder / "gatekeeper.db")]
    fill += ["--keys", str(keys), "--keys-file", str(folder / "keys.txt"), "--seconds", "0", "--limit", "1"]
    subprocess.run(fill, check=True, stdout=subprocess.DEVNULL)
    init = subprocess.run([BINARY, "init", "--json"], cwd=folder, check=True, capture_output=True, text=True)
    made = json.loads(init.stdout)
    with sqlite3.connect(folder / "gatekeeper.db") as database:
        database.execute("UPDATE api_keys SET tenant_id = ?", [made["tenantId"]])
    (folder / "gatekeeper.toml").write_text(CONFIG)
    return str(made["rootKey"])


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """The server, its URL, and the seconds until `/ready` returned 200."""
    began = time.monotonic()
    command = [str(BINARY), "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            url = server.stdout.readline().split()[2]
            get(f"{url}/ready")
            yield server, url, time.monotonic() - began
        finally:
            server.terminate()


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """Nginx with a fixed response."""
    port = 20000 + secrets.randbelow(20000)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
    with subprocess.Popen(
        [shutil.which("nginx") or "nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    ) as server:
        try:
            time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()


def rate(url: str, seconds: float, *options: str, known: int = 0) -> float:
    """The requests a second. If every key is used in turn, the `known` cached ones come last."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", *options, url]
    environment = {**os.environ, "KEYS_KNOWN": str(known)}
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"{url}: {output}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert found is not None
    return float(found[1])


def latencies(url: str, folder: Path, root: str, per_second: float, seconds: float) -> tuple[float, float]:
    """p50 and p99 in milliseconds at this rate, one hot key."""
    key = (folder / "keys.txt").read_text().split("\n", 1)[0]
    (folder / "body.json").write_text(json.dumps({"endpoint": "BENCH", "key": key}))
    log = folder / "h2load.log"
    command = ["h2load", "--h1", f"-c{CONNECTIONS}", "-t1", f"--rps={per_second / CONNECTIONS:.1f}"]
    command += [f"-n{int(per_second * seconds)}", "-d", str(folder / "body.json"), f"--log-file={log}"]
    command += ["-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {root}", f"{url}/v1/keys/verify"]
    subprocess.run(command, check=True, capture_output=True)
    lines = [line.split() for line in log.read_text().splitlines()]
    assert all(line[1] == "200" for line in lines)
    times = sorted(int(line[2]) / 1000 for line in lines)
    return times[len(times) // 2], times[len(times) * 99 // 100]


def rss_mib(process: subprocess.Popen[str]) -> float:
    """The memory of a process."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def section(seconds: float, keys: int) -> list[str]:
    """Measure, and return the results in Markdown."""
    with tempfile.TemporaryDirectory(dir=ROOT / ".cache") as name:
        folder = Path(name)
        root = prepared(folder, keys)
        key = (folder / "keys.txt").read_text().split("\n", 1)[0]
        (folder / "all.lua").write_text(ALL_KEYS.format(keys=folder / "keys.txt", root=root))
        (folder / "hot.lua").write_text(ONE_KEY.format(key=key, root=root))
        rates: dict[str, list[float]] = {"verify": [], "health": [], "nginx": []}
        starts = []
        for _ in range(ROUNDS):
            with serving(folder) as (_, _, start):
                starts.append(start)
        with serving(folder) as (server, url, _), nginx(folder) as fixed:
            for _ in range(ROUNDS):
                rates["verify"].append(rate(url, seconds, "-s", str(folder / "hot.lua")))
                rates["health"].append(rate(f"{url}/health", seconds))
                rates["nginx"].append(rate(fixed, seconds))
            verify, health, fixed_rate = (statistics.median(each) for each in rates.values())
            p50, p99 = latencies(url, folder, root, verify / 2, seconds)
            spent = 0.0
            while (known := cached(url)) < 0.99 * keys and spent < 60 * seconds:
                rate(url, 5 * seconds, "-s", str(folder / "all.lua"), known=known)
                spent += 5 * seconds
            memory, count = rss_mib(server), cached(url)
    bound = max(3 * p50, 2)
    return [
        "| what | | ratio | to | aim |",
        "|---|---|---|---|---|",
        f"| `POST /v1/keys/verify`, one key, {CONNECTIONS} connections | {verify:,.0f} / s | {verify / health:.2f} × | "
        f"this server's `/health` ({health:,.0f} / s) | at least 0.8 × {mark(verify >= 0.8 * health)} |",
        f"| the same | {verify:,.0f} / s | {verify / fixed_rate:.2f} × | nginx, a fixed 200 ({fixed_rate:,.0f} / s) | "
        f"at least 0.5 × {mark(verify >= 0.5 * fixed_rate)} |",
        f"| p99 at half that load | {p99:.2f} ms | {p99 / p50:.1f} × | p50 ({p50:.2f} ms) | "
        f"at most 3 × or 2 ms {mark(p99 <= bound)} |",
        f"| memory with {count:,} keys known | {memory:,.0f} MB | | | at most 400 MB {mark(memory <= 400)} |",
        f"| start-up with {keys:,} keys to `/ready` | {1000 * statistics.median(starts):,.0f} ms | | | "
        f"at most 1 s {mark(statistics.median(starts) <= 1)} |",
    ]


def get(url: str) -> str:
    """The body of a response with status 200."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        assert answer.status == 200
        text: str = answer.read().decode()
        return text


def cached(url: str) -> int:
    """The number of keys in the cache of the server."""
    lines = get(f"{url}/metrics").splitlines()
    return int(next(line.split()[-1] for line in lines if line.startswith('gatekeeper_cache_keys{kind="known"}')))


if __name__ == "__main__":
    is_quick = "--quick" in sys.argv
    count = int(os.environ.get("GATEKEEPER_BENCH_KEYS", "20000" if is_quick else "1000000"))
    print("\n".join(section(1 if is_quick else 5, count)))
