"""The demo's program in Python: answers calls on standard input, a line of JSON each."""

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
