"""A database that another process keeps locked: each call fails in time, and no other call waits for it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

import pytest
from conftest import ENDPOINTS
from gatekeeper import ServiceUnavailableError, aio, init_key_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK = """
import sqlite3, sys
locked = sqlite3.connect(sys.argv[1], isolation_level=None)
locked.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another(url: str) -> Iterator[None]:
    """Keep the database locked by another process."""
    path = url.removeprefix("sqlite:")
    run = [sys.executable, "-c", LOCK, path]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == "locked\n"
        yield
        holder.stdin.close()
        holder.wait()


def gave_up_after(call: Callable[[], object]) -> float:
    """The seconds after which a call failed."""
    arrived = time.monotonic()
    with pytest.raises(ServiceUnavailableError, match="has been locked for 5 s"):
        call()
    return time.monotonic() - arrived


def in_threads(count: int, run: Callable[[], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_each_of_many_writers_fails_five_seconds_after_its_start(url: str) -> None:
    keys = init_key_manager(url=url, endpoints=ENDPOINTS)
    keys.create_user_api_key("user")
    waits: list[float] = []
    with locked_by_another(url):
        for thread in in_threads(8, lambda: waits.append(gave_up_after(lambda: keys.create_user_api_key("user")))):
            thread.join()
    assert len(waits) == 8
    assert all(4.5 < seconds < 7 for seconds in waits), waits
    assert keys.create_user_api_key("user").success


def test_asynchronous_writers_use_no_thread_of_the_loop_and_delay_no_other_call(url: str) -> None:
    keys = aio.init_key_manager(url=url, endpoints=ENDPOINTS)

    async def gave_up() -> float:
        arrived = time.monotonic()
        with pytest.raises(ServiceUnavailableError, match="has been locked for 5 s"):
            await keys.create_user_api_key("user")
        return time.monotonic() - arrived

    async def run() -> tuple[list[float], list[float]]:
        api_key = (await keys.create_user_api_key("user"))["apiKey"]
        others: list[float] = []
        # The key is not cached in this key manager, so it is read from the database.
        fresh = aio.init_key_manager(url=url, endpoints=ENDPOINTS)
        with locked_by_another(url):
            # More calls than there are threads of any kind.
            writers = asyncio.gather(*(gave_up() for _ in range(48)))
            while not writers.done():
                begun = time.monotonic()
                await asyncio.get_running_loop().run_in_executor(None, os.getpid)
                assert (await fresh.verify_user_api_key(api_key, "GET_TASKS", [str(begun)])).key_valid
                others.append(time.monotonic() - begun)
                await asyncio.sleep(0.05)
        return await writers, others

    waits, others = asyncio.run(run())
    assert all(4.5 < seconds < 7 for seconds in waits), waits
    assert len(others) >= 10
    assert median(others) < 0.2, others
    assert max(others) < 1, others


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_waiting_writers_do_not_delay_a_fork_and_both_processes_work(url: str) -> None:
    keys = init_key_manager(url=url, endpoints=ENDPOINTS)
    api_key = keys.create_user_api_key("user")["apiKey"]
    written: list[bool] = []
    forks: list[float] = []
    with locked_by_another(url):
        threads = in_threads(4, lambda: written.append(keys.create_user_api_key("user").success))
        for _ in range(20):
            begun = time.monotonic()
            child = os.fork()
            if child == 0:
                os._exit(0 if keys.verify_user_api_key(api_key, "GET_TASKS", [str(begun)]).ok else 1)
            forks.append(time.monotonic() - begun)
            assert os.waitpid(child, 0)[1] == 0
        assert not written, "they were to wait meanwhile"
    for thread in threads:
        thread.join()
    assert written == [True] * 4
    assert median(forks) < 0.1, forks
    assert max(forks) < 1, forks


def test_a_child_forked_while_usage_waits_to_be_recorded_can_record(url: str) -> None:
    program = """
import os, sys, threading
from gatekeeper import GatekeeperCore, UsageService
usage = UsageService(GatekeeperCore(sys.argv[1], operator=True))
tenant = "tnt_00000000000000000000000000"
usage.record(tenant, "service", "action")
print("recorded", flush=True)
sys.stdin.readline()
threads = [threading.Thread(target=usage.record, args=(tenant, "service", "waiting")) for _ in range(8)]
for thread in threads:
    thread.start()
child = os.fork()
if child == 0:
    print("forked", flush=True)
    usage.record(tenant, "service", "child")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
for thread in threads:
    thread.join()
print(usage.summary(tenant).event_count, flush=True)
"""
    run = [sys.executable, "-W", "ignore", "-c", program, url]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "recorded\n"
        with locked_by_another(url):
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "forked\n"
        assert process.stdout.readline() == "10\n"
        assert process.wait() == 0
