"""The demo's program in Python: answers calls on standard input, a line of JSON each."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from gatekeeper import init_key_manager

database, endpoints, *root_key = sys.argv[1:]
keys = init_key_manager(endpoints=json.loads(endpoints), url=database, root_api_key=root_key[0] if root_key else None)


def timed(key: str, endpoint: str, variables: list[str]) -> dict[str, float]:
    """Nanoseconds of one verification, the least of five rounds."""
    rounds = []
    for _ in range(5):
        start = time.perf_counter_ns()
        for _ in range(10_000):
            keys.verify_user_api_key(key, endpoint, variables)
        rounds.append((time.perf_counter_ns() - start) / 10_000)
    return {"ns": min(rounds)}


CALLS: dict[str, Callable[..., Any]] = {
    "create": keys.create_user_api_key,
    "verify": keys.verify_user_api_key,
    "rotate": keys.rotate_user_api_key,
    "delete": keys.delete_user_api_key,
    "add_roles": keys.add_roles,
    "time": timed,
}

for line in sys.stdin:
    call, *arguments = json.loads(line)
    print(json.dumps(dict(CALLS[call](*arguments))), flush=True)
