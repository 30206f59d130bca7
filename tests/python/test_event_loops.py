"""Runtimes other than asyncio: trio, gevent, and none."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trio
from conftest import ENDPOINTS, RootKeys, Serve
from gatekeeper import UnauthorizedError, aio
from test_remote import ends, hanging, one_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["memory", "file", "server"])
def keys(request: pytest.FixtureRequest, url: str, serve: Serve, root_key: RootKeys) -> aio.KeyManager:
    """A key manager of each kind of backend."""
    if request.param == "server":
        root = root_key(url, "Acme Inc")
        return aio.init_key_manager(url=serve(url), root_api_key=root, endpoints=ENDPOINTS)
    return aio.init_key_manager(url=url if request.param == "file" else "memory:", endpoints=ENDPOINTS)


def test_every_call_can_be_awaited_under_trio(keys: aio.KeyManager) -> None:
    async def main() -> list[Any]:
        created = await keys.create_user_api_key("user", ["PRO"])
        assert (await keys.verify_user_api_key(created["apiKey"], "GET_TASKS", ["a"])).remaining == 999
        assert (await keys.remove_roles(created["id"], ["PRO"])).count == 1
        return [await keys.verify_user_api_key(created["apiKey"], "GET_TASKS", ["a"]), created["apiKey"]]

    result, api_key = trio.run(main)
    assert (result.ok, result.total) == (True, 10)

    async def many() -> int:
        results = []

        async def verify() -> None:
            results.append((await keys.verify_user_api_key(api_key, "GET_TASKS", ["b"])).ok)

        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(verify)
        return sum(results)

    assert trio.run(many) == 10


def test_an_error_is_raised_under_trio() -> None:
    async def main() -> None:
        await aio.AuthService(aio.GatekeeperCore("memory:")).me()

    with pytest.raises(UnauthorizedError):
        trio.run(main)


def test_a_call_that_trio_cancels_is_aborted() -> None:
    with hanging() as (url, connections):
        keys = aio.init_key_manager(url=url, root_api_key="gkr_x", endpoints=ENDPOINTS)

        async def main() -> bool:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keys.verify_user_api_key, "user_x", "ONCE")
                await trio.to_thread.run_sync(one_of, connections)
                nursery.cancel_scope.cancel()
            return nursery.cancel_scope.cancelled_caught

        assert trio.run(main)
        assert ends(connections[0])


def test_awaiting_without_an_event_loop_names_the_supported_ones() -> None:
    keys = aio.init_key_manager(url="memory:", endpoints=ENDPOINTS)
    with pytest.raises(RuntimeError, match="a running asyncio or trio event loop"):
        keys.create_user_api_key("user").send(None)


def test_importing_trio_changes_nothing_for_asyncio() -> None:
    import asyncio  # noqa: PLC0415 - beside trio

    keys = aio.init_key_manager(url="memory:", endpoints=ENDPOINTS)
    assert asyncio.run(keys.create_user_api_key("user")).success


LEAVES_A_CALL = """
import asyncio, signal, socket, sys
from gatekeeper import aio
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
keys = aio.init_key_manager(url=sys.argv[1], root_api_key="gkr_x", endpoints={}, timeout=0.3, max_retries=0)
async def main():
    task = asyncio.ensure_future(keys.create_user_api_key("user"))
    await asyncio.sleep(0.1)
asyncio.run(main())
import gc, time
gc.collect()
time.sleep(0.6)
print("alive")
"""


def test_a_result_for_a_closed_loop_does_not_kill_a_program_that_does_not_ignore_sigpipe() -> None:
    with hanging() as (url, _):
        run = subprocess.run([sys.executable, "-c", LEAVES_A_CALL, url], capture_output=True, text=True, check=True)
    assert run.stdout == "alive\n"


UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent, json, sys, time
from gatekeeper import GatekeeperError, init_key_manager

keys = init_key_manager(url=f"sqlite:{sys.argv[1]}", endpoints={"GET": {"default": {"maxReq": 10, "duration": 60_000}}})
api_key = keys.create_user_api_key("user")["apiKey"]
answers = gevent.joinall([gevent.spawn(keys.verify_user_api_key, api_key, "GET") for _ in range(20)])
admitted = sum(greenlet.value.ok for greenlet in answers)

slow = init_key_manager(url=sys.argv[2], root_api_key="gkr_x", endpoints={}, timeout=0.5, max_retries=0)
turns = 0
def turn():
    global turns
    while True:
        turns += 1
        gevent.sleep(0.01)
ticker = gevent.spawn(turn)
gevent.sleep(0)
def ask(call):
    before = turns
    try:
        call(slow.create_user_api_key, ("user",))
    except GatekeeperError as error:
        return error.code, turns - before
pool = ask(gevent.get_hub().threadpool.apply)
direct = ask(lambda function, arguments: function(*arguments))
print(json.dumps({"admitted": admitted, "pool": pool, "direct": direct}))
"""


def test_under_gevent_a_call_in_the_threadpool_does_not_block_other_greenlets(tmp_path: Path) -> None:
    with hanging() as (url, _):
        command = [sys.executable, "-c", UNDER_GEVENT, str(tmp_path / "gatekeeper.db"), url]
        output = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert output["admitted"] == 10
    code, turns = output["pool"]
    assert (code, turns >= 3) == ("timeout", True)
    # Without the threadpool, a call blocks every greenlet, as documented.
    assert output["direct"] == ["timeout", 0]


def test_the_sockets_of_calls_under_trio_are_closed() -> None:
    keys = aio.init_key_manager(url="memory:", endpoints=ENDPOINTS)

    async def main() -> tuple[int, int]:
        def lowest() -> int:
            with socket.socket() as free:
                return free.fileno()

        await keys.create_user_api_key("user")
        before = lowest()
        for _ in range(50):
            await keys.create_user_api_key("user")
        return before, lowest()

    before, after = trio.run(main)
    # Each call has two sockets. The thread that completed the last calls may not have dropped theirs yet.
    assert after < before + 50
