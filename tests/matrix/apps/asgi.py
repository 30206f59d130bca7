"""Verifies keys over ASGI with the async key manager, for uvicorn."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import engine
from gatekeeper.aio import init_key_manager

Send = Callable[[dict[str, Any]], Awaitable[None]]

keys = init_key_manager(url=engine.URL, endpoints=engine.ENDPOINTS)


async def application(scope: dict[str, Any], _receive: object, send: Send) -> None:
    res = await keys.verify_user_api_key(engine.key_of(scope["query_string"].decode()), "HAMMER")
    body = json.dumps(engine.answer(res)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
