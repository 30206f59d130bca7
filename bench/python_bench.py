"""The cost of one verification in Python, of SHA-256 and of a peer, as one JSON document.

Everything is timed in this one run, in turns: a machine that slows down slows all of them. The least of all rounds
counts, which is what the code costs where nothing else is in the way.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import platform
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

import gatekeeper
from gatekeeper import aio
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CALLS = 20_000
ROUNDS = 31

PEER_CALLS = 1_000
"""The peer slows down as its log grows: each round begins with an empty one."""

LIMIT: gatekeeper.LimitDict = {"maxReq": 2**32 - 1, "duration": 60_000}
ENDPOINTS: dict[str, gatekeeper.Endpoint] = {"GET_TASKS": {"default": LIMIT, "roles": {"PRO": LIMIT, "TEAM": LIMIT}}}
ROLES = ("PRO", "TEAM")
VARIABLES = ["task_id"]
SCOPES = ["read"]


def reference(key: bytes) -> float:
    """Nanoseconds of one SHA-256."""
    sha256 = hashlib.sha256
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        sha256(key).digest()
    return (time.perf_counter_ns() - start) / CALLS


def sync(verify: Callable[[str, str, list[str]], gatekeeper.VerifyResult], key: str) -> float:
    """Nanoseconds of one verification."""
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        verify(key, "GET_TASKS", VARIABLES)
    return (time.perf_counter_ns() - start) / CALLS


def scoped(verify: Callable[..., gatekeeper.VerifyResult], key: str) -> float:
    """Nanoseconds of one verification that requires a scope."""
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        verify(key, "GET_TASKS", VARIABLES, scopes=SCOPES)
    return (time.perf_counter_ns() - start) / CALLS


async def awaited(verify: Callable[[str, str, list[str]], Awaitable[gatekeeper.VerifyResult]], key: str) -> float:
    """Nanoseconds of one verification that is awaited."""
    start = time.perf_counter_ns()
    for _ in range(CALLS):
        await verify(key, "GET_TASKS", VARIABLES)
    return (time.perf_counter_ns() - start) / CALLS


def peer(hit: Callable[..., bool], key: str) -> float:
    """The nanoseconds of one hit of the peer's window: it verifies no key and selects no limit by role."""
    limit = RateLimitItemPerMinute(LIMIT["maxReq"])
    start = time.perf_counter_ns()
    for _ in range(PEER_CALLS):
        hit(limit, key, "GET_TASKS", "task_id")
    return (time.perf_counter_ns() - start) / PEER_CALLS


def main() -> None:
    """Measure and print."""
    core = gatekeeper.GatekeeperCore("memory:", operator=True)
    keys = gatekeeper.init_key_manager(core=core, endpoints=ENDPOINTS)
    key = keys.create_user_api_key("gk_live", ROLES)["apiKey"]
    first = keys.verify_user_api_key(key, "GET_TASKS", VARIABLES)
    assert isinstance(first, gatekeeper.ValidKey)
    assert first.ok
    scoped_key = core.keys.create(
        tenant_id=first.tenant_id, name="bench", roles=ROLES, scopes=["read", "write"]
    ).plain_text_key
    async_keys = aio.init_key_manager(url="memory:", endpoints=ENDPOINTS)
    async_key = asyncio.run(async_keys.create_user_api_key("gk_live", ROLES))["apiKey"]
    storage = MemoryStorage()
    limiter = MovingWindowRateLimiter(storage)

    assert keys.verify_user_api_key(scoped_key, "GET_TASKS", VARIABLES, scopes=SCOPES).ok
    assert asyncio.run(async_keys.verify_user_api_key(async_key, "GET_TASKS", VARIABLES)).ok

    timed: dict[str, Callable[[], float]] = {
        "sha256": lambda: reference(key.encode()),
        "sync": lambda: sync(keys.verify_user_api_key, key),
        "scoped": lambda: scoped(keys.verify_user_api_key, scoped_key),
        "awaited": lambda: asyncio.run(awaited(async_keys.verify_user_api_key, async_key)),
        "limits": lambda: peer(limiter.hit, key),
    }
    ns = dict.fromkeys(timed, float("inf"))
    for _ in range(ROUNDS):
        for name, measure in timed.items():
            ns[name] = min(ns[name], measure())
        storage.reset()

    def row(name: str, measured: str, aim: float) -> dict[str, object]:
        return {"name": name, "ns": round(ns[measured], 1), "ratio": round(ns[measured] / ns["sha256"], 2), "aim": aim}

    document = {
        "language": "python",
        "versions": {
            "python": platform.python_version(),
            "gatekeeper": gatekeeper.__version__,
            "limits": version("limits"),
        },
        "reference": {"name": "hashlib.sha256(key).digest()", "ns": round(ns["sha256"], 1)},
        "rows": [
            row("verify, sync", "sync", 1.5),
            row("verify, awaited", "awaited", 2.0),
            {
                "name": "verify with a scope, sync",
                "ns": round(ns["scoped"], 1),
                "ratio_to_verify": round(ns["scoped"] / ns["sync"], 2),
                "aim": 1.3,
            },
            {
                "name": "limits, moving window (limit only)",
                "ns": round(ns["limits"], 1),
                "ratio_to_verify": round(ns["limits"] / ns["sync"], 2),
            },
        ],
    }
    json.dump(document, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
