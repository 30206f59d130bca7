"""A web service whose clients need an API key.

`uvicorn service:app` serves it; `python service.py` sends it a few requests and prints the responses.
"""

import asyncio
import math
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse
from gatekeeper import GatekeeperError, InvalidKey, ValidKey, VerifyFailure
from gatekeeper.aio import init_key_manager

keys = init_key_manager(
    url="sqlite:gatekeeper.db",  # all workers of the machine share its limits
    endpoints={"GET_TASKS": {"default": "3/minute", "roles": {"PRO": "1000/minute"}}},
)
app = FastAPI()


async def tasks_key(x_api_key: Annotated[str | None, Header()] = None) -> ValidKey:
    """Return the key of a request, if it is valid and within its limit."""
    match await keys.verify_user_api_key(x_api_key, "GET_TASKS"):
        case ValidKey(ok=True) as key:
            return key
        case ValidKey(retry_after_ms=wait):
            headers = {"Retry-After": str(math.ceil(wait / 1000))}
            raise HTTPException(429, "the limit of this API key is reached", headers)
        case InvalidKey():
            raise HTTPException(401, "the API key is missing or not valid", {"WWW-Authenticate": "Bearer"})
        case VerifyFailure(reason=reason):
            raise HTTPException(500, reason)  # a mistake in the call, such as an endpoint that is not defined


@app.get("/tasks")
async def tasks(key: Annotated[ValidKey, Depends(tasks_key)]) -> dict[str, str | int | None]:
    """Return what only clients with a key may see."""
    return {"owner": key.owner_id, "remaining": key.remaining}


@app.exception_handler(GatekeeperError)
async def unavailable(_: Request, error: GatekeeperError) -> JSONResponse:
    """Reject a request whose key cannot be verified."""
    return JSONResponse({"detail": error.message}, 503)


async def main() -> None:
    """Send requests without a key, and more than the limit admits with one."""
    created = await keys.create_user_api_key("user", owner_id="u_42")
    if created.success is not True:
        raise SystemExit(created.reason)
    transport = httpx.ASGITransport(app)  # without a network; `uvicorn service:app` has one
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        response = await client.get("/tasks")
        print(f"without a key: {response.status_code} {response.text}")
        for number in range(1, 5):
            response = await client.get("/tasks", headers={"X-API-Key": created.api_key})
            print(f"request {number}: {response.status_code} {response.text}")


if __name__ == "__main__":
    asyncio.run(main())
