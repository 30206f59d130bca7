"""The key manager and the responses of the Python apps."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from gatekeeper import VerifyResult, init_key_manager

URL = os.environ["MATRIX_URL"]
ENDPOINTS: dict[str, Any] = json.loads(Path(__file__).with_name("endpoints.json").read_text())

keys = init_key_manager(url=URL, endpoints=ENDPOINTS)
created_in = os.getpid()

if os.environ["MATRIX_BEFORE_FORK"] == "used":
    assert keys.verify_user_api_key(keys.create_user_api_key("parent")["apiKey"], "HAMMER").ok


def key_of(query: str) -> str:
    """The key in a query string; an empty key is invalid."""
    return parse_qs(query).get("key", [""])[0]


def answer(res: VerifyResult) -> dict[str, Any]:
    """The response of a worker: its process id, whether its key manager was created before a fork, and the verdict."""
    pid = os.getpid()
    return {"pid": str(pid), "inherited": pid != created_in, "ok": res.ok, "keyValid": res.key_valid}


def verified(key: str) -> dict[str, Any]:
    """Verify a key, which consumes one permit."""
    return answer(keys.verify_user_api_key(key, "HAMMER"))
