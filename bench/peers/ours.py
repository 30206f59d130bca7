"""Gatekeeper: a key with two roles, one of which selects the limit, and one variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gatekeeper
from gatekeeper import aio

from bench.peers.subject import WINDOW_MS, Subject

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLES = ["task_id"]


def endpoints(limit: int) -> dict[str, gatekeeper.Endpoint]:
    """The endpoint with a limit of `limit` calls an hour."""
    rule: gatekeeper.LimitDict = {"maxReq": limit, "duration": WINDOW_MS}
    return {"GET_TASKS": {"default": rule, "roles": {"PRO": rule}}}


def creator(keys: gatekeeper.KeyManager) -> Callable[[int], list[str]]:
    """Create `count` keys."""
    return lambda count: [keys.create_user_api_key("gk_live", ("PRO", "TEAM"))["apiKey"] for _ in range(count)]


def sync(backend: str, limit: int) -> Subject:
    """`gatekeeper`."""
    keys = gatekeeper.init_key_manager(url=backend, endpoints=endpoints(limit))
    verify = keys.verify_user_api_key
    return Subject(call=lambda key: verify(key, "GET_TASKS", VARIABLES).ok, create=creator(keys))


def awaited(backend: str, limit: int) -> Subject:
    """`gatekeeper.aio`."""
    keys = gatekeeper.init_key_manager(url=backend, endpoints=endpoints(limit))
    verify = aio.KeyManager(keys).verify_user_api_key
    return Subject(awaited=lambda key: verify(key, "GET_TASKS", VARIABLES), create=creator(keys))
