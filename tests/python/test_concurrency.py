"""Threads and tasks: a limit of N admits N."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ENDPOINTS, SOAK
from gatekeeper import BadRequestError, aio, init_key_manager

if TYPE_CHECKING:
    from gatekeeper import KeyManager

N = 1_000
THREADS = 8


@pytest.fixture(params=["memory", "file"])
def database_url(request: pytest.FixtureRequest, url: str) -> str:
    """The URL of each kind of embedded database."""
    return url if request.param == "file" else "memory:"


def test_eight_threads_on_one_limit_admit_exactly_the_limit(database_url: str) -> None:
    keys = init_key_manager(url=database_url, endpoints=ENDPOINTS)
    api_key = keys.create_user_api_key("user", ["PRO"])["apiKey"]
    start = threading.Barrier(THREADS)

    def hammer(_: int) -> int:
        start.wait()
        return sum(keys.verify_user_api_key(api_key, "GET_TASKS", ["one"]).ok for _ in range(N // 4))

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(hammer, range(THREADS))) == N


def test_one_key_manager_is_made_and_opened_by_many_threads_at_once(url: str) -> None:
    start = threading.Barrier(THREADS)

    def make(_: int) -> KeyManager:
        start.wait()
        keys = init_key_manager(url=url, endpoints=ENDPOINTS)
        assert keys.create_user_api_key("user").success
        return keys

    with ThreadPoolExecutor(THREADS) as pool:
        made = list(pool.map(make, range(THREADS)))
    api_key = made[0].create_user_api_key("user")["apiKey"]
    assert [keys.verify_user_api_key(api_key, "ONCE").ok for keys in made] == [True] + [False] * (THREADS - 1)


async def test_every_call_can_be_awaited(database_url: str) -> None:
    keys = aio.init_key_manager(url=database_url, endpoints=ENDPOINTS)
    created = await keys.create_user_api_key("user", ["PRO"], owner_id="o", name="n", metadata={"a": 1})
    id = created["id"]
    res = await keys.verify_user_api_key(created["apiKey"], "GET_TASKS", ["task_id"])
    assert (res.ok, res.remaining, res.owner_id) == (True, 999, "o")
    assert (await keys.add_roles(id, ["TEAM"])).count == 1
    assert (await keys.remove_roles(id, ["PRO"])).count == 1
    rotated = await keys.rotate_user_api_key(id)
    assert not (await keys.verify_user_api_key(created["apiKey"], "GET_TASKS")).key_valid
    assert (await keys.verify_user_api_key(rotated["apikey"], "GET_TASKS")).roles == ("TEAM",)
    assert (await keys.delete_user_api_key(id)).success
    assert not (await keys.verify_user_api_key(rotated["apikey"], "GET_TASKS")).key_valid


async def test_asynchronous_calls_reject_what_synchronous_calls_reject() -> None:
    wrong: Any = object()
    keys = aio.init_key_manager(url="memory:", endpoints=ENDPOINTS)
    for arguments in ((wrong, "ONCE"), ("", wrong), ("", "ONCE", "task_id"), ("", "NEVER_DEFINED")):
        assert (await keys.verify_user_api_key(*arguments)).error == "invalidBody"
    assert (await keys.create_user_api_key(wrong)).error == "invalidBody"
    assert (await keys.delete_user_api_key(wrong)).error == "invalidId"
    strange = aio.init_key_manager(url="memory:", endpoints=ENDPOINTS, root_api_key="")
    assert (await strange.verify_user_api_key(wrong, "ONCE")).error == "apiTokenNotPresent"
    with pytest.raises(BadRequestError, match=r"^url"):
        aio.init_key_manager(url="mysql:db", endpoints={})


async def test_synchronous_and_asynchronous_calls_share_one_database() -> None:
    keys = init_key_manager(url="memory:", endpoints=ENDPOINTS)
    api_key = keys.create_user_api_key("user")["apiKey"]
    assert (await aio.KeyManager(keys).verify_user_api_key(api_key, "ONCE")).ok
    assert not keys.verify_user_api_key(api_key, "ONCE").ok


async def test_advancing_the_manual_clock_is_synchronous() -> None:
    keys = aio.init_key_manager(url="memory:", endpoints=ENDPOINTS, clock="manual")
    api_key = (await keys.create_user_api_key("user"))["apiKey"]
    assert (await keys.verify_user_api_key(api_key, "ONCE")).ok
    assert not (await keys.verify_user_api_key(api_key, "ONCE")).ok
    keys.advance(60_000)
    assert (await keys.verify_user_api_key(api_key, "ONCE")).ok


async def test_many_tasks_on_one_limit_admit_exactly_the_limit(database_url: str) -> None:
    keys = aio.init_key_manager(url=database_url, endpoints=ENDPOINTS)
    api_key = (await keys.create_user_api_key("user", ["PRO"]))["apiKey"]

    async def hammer() -> int:
        results = [await keys.verify_user_api_key(api_key, "GET_TASKS") for _ in range(50)]
        return sum(res.ok for res in results)

    assert sum(await asyncio.gather(*(hammer() for _ in range(40)))) == N


async def test_calls_that_are_cancelled_leave_everything_working(url: str) -> None:
    keys = aio.init_key_manager(url=url, endpoints=ENDPOINTS)
    for _ in range(50 * SOAK):
        calls = [asyncio.ensure_future(keys.create_user_api_key("user")) for _ in range(4)]
        calls.append(asyncio.ensure_future(keys.verify_user_api_key("user_xxx", "ONCE")))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await keys.create_user_api_key("user")
    api_key = (await keys.create_user_api_key("user"))["apiKey"]
    assert (await keys.verify_user_api_key(api_key, "ONCE")).ok


def test_one_key_manager_serves_one_loop_after_another(url: str) -> None:
    keys = aio.init_key_manager(url=url, endpoints=ENDPOINTS)
    api_key = asyncio.run(keys.create_user_api_key("user"))["apiKey"]
    admitted = [asyncio.run(keys.verify_user_api_key(api_key, "GET_TASKS")).ok for _ in range(11)]
    assert admitted == [True] * 10 + [False]
