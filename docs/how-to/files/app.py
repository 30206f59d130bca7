"""`GET /tasks` for clients with an API key: `uvicorn app:app --port 3000`."""

import math
import os
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from gatekeeper import GatekeeperError
from gatekeeper.aio import init_key_manager

keys = init_key_manager(
    url="http://127.0.0.1:8787",  # or sqlite:gatekeeper.db, without a server
    root_api_key=os.environ["KEY_MANAGER_ROOT_KEY"],
    endpoints={
        "GET_TASKS": {
            "default": {"maxReq": 10, "duration": 60_000},
            "roles": {"PRO": {"maxReq": 1000, "duration": 60_000}},
        },
    },
)
app = FastAPI()


def presented_key(request: Request) -> str | None:
    """The key of a request, from `Authorization: Bearer` or `X-API-Key`."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key")


async def tasks_key(request: Request) -> Any:
    """The verified key of a request, if it is valid and within its limit."""
    verified = await keys.verify_user_api_key(presented_key(request), "GET_TASKS")
    if not verified.success:
        raise HTTPException(500, verified.reason)
    if not verified.key_valid:
        raise HTTPException(401, "the API key is missing or not valid", {"WWW-Authenticate": "Bearer"})
    if not verified.ok:
        wait = math.ceil(verified.retry_after_ms / 1000)
        raise HTTPException(429, "the limit of this API key is reached", {"Retry-After": str(wait)})
    return verified


@app.get("/tasks")
async def tasks(key: Annotated[Any, Depends(tasks_key)]) -> dict[str, Any]:
    """The protected route."""
    return {"tasks": [], "for": key.owner_id, "remaining": key.remaining}


@app.exception_handler(GatekeeperError)
async def closed(_: Request, error: GatekeeperError) -> JSONResponse:
    """Rejects the request with 503 if the key cannot be verified."""
    return JSONResponse({"detail": error.message}, 503)
