"""The demo's Python program: reads calls from standard input and prints results, as lines of JSON."""

import json
import sys
from collections.abc import Callable
from typing import Any

from gatekeeper import init_key_manager

database, endpoints = sys.argv[1:]
keys = init_key_manager(endpoints=json.loads(endpoints), url=database)


def burst(key: str, endpoint: str, calls: int) -> dict[str, int]:
    """Verify a key this many times, and return how many were admitted."""
    return {"admitted": sum(keys.verify_user_api_key(key, endpoint).ok for _ in range(calls))}


CALLS: dict[str, Callable[..., Any]] = {
    "create": keys.create_user_api_key,
    "verify": keys.verify_user_api_key,
    "rotate": keys.rotate_user_api_key,
    "delete": keys.delete_user_api_key,
    "add_roles": keys.add_roles,
    "burst": burst,
}

for line in sys.stdin:
    call, *arguments = json.loads(line)
    print(json.dumps(dict(CALLS[call](*arguments))), flush=True)
