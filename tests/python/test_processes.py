"""Forks and other processes: none hangs, and a key that one revokes is rejected by all."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from conftest import ENDPOINTS, SOAK
from gatekeeper import KeyManager, VerifyResult, init_key_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gatekeeper import Endpoint

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

SECONDS = 20
"""The timeout for a child process on a busy machine."""


def in_a_fork(run: Callable[[], bool]) -> bool:
    """Whether `run` returned true in a forked child within the timeout."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if run() else 2
        finally:
            os._exit(status)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.001)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


@pytest.fixture(params=["memory", "file"])
def database_url(request: pytest.FixtureRequest, url: str) -> str:
    """The URL of each kind of embedded database."""
    return url if request.param == "file" else "memory:"


def test_a_key_manager_made_before_a_fork_works_in_the_child(database_url: str) -> None:
    keys = init_key_manager(url=database_url, endpoints=ENDPOINTS)
    for _ in range(3):
        assert in_a_fork(lambda: keys.verify_user_api_key(keys.create_user_api_key("x")["apiKey"], "ONCE").ok)
    assert keys.verify_user_api_key(keys.create_user_api_key("x")["apiKey"], "ONCE").ok


def test_a_key_manager_used_before_a_fork_works_in_the_child(database_url: str) -> None:
    keys = init_key_manager(url=database_url, endpoints=ENDPOINTS)
    api_key = keys.create_user_api_key("user")["apiKey"]
    assert keys.verify_user_api_key(api_key, "GET_TASKS").ok
    for _ in range(3):
        assert in_a_fork(lambda: keys.verify_user_api_key(api_key, "GET_TASKS").ok)
        assert in_a_fork(lambda: in_a_fork(lambda: keys.create_user_api_key("grandchild").success))
    assert keys.verify_user_api_key(api_key, "GET_TASKS").ok


@pytest.fixture
def hammered(database_url: str) -> Iterator[tuple[KeyManager, str]]:
    """A key manager that other threads use all the time, and one of its keys."""
    keys = init_key_manager(url=database_url, endpoints=ENDPOINTS)
    created = keys.create_user_api_key("user")
    stop = threading.Event()

    def verify() -> None:
        while not stop.is_set():
            keys.verify_user_api_key(created["apiKey"], "GET_TASKS", ["threads"])

    def change() -> None:
        while not stop.is_set():
            keys.add_roles(created["id"], ["PRO"])
            keys.remove_roles(created["id"], ["PRO"])

    threads = [threading.Thread(target=target) for target in (verify, verify, change)]
    for thread in threads:
        thread.start()
    yield keys, created["apiKey"]
    stop.set()
    for thread in threads:
        thread.join()


def takes_once(keys: KeyManager, api_key: str, variable: str) -> bool:
    return keys.verify_user_api_key(api_key, "ONCE", [variable]).ok


def test_a_fork_while_threads_verify_and_change_never_hangs(hammered: tuple[KeyManager, str]) -> None:
    keys, api_key = hammered
    for number in range(100 * SOAK):
        assert in_a_fork(partial(takes_once, keys, api_key, f"child {number}"))
    assert keys.verify_user_api_key(api_key, "ONCE", ["parent"]).ok


def verified_there(url: str, api_key: str) -> VerifyResult:
    return init_key_manager(url=url, endpoints=ENDPOINTS).verify_user_api_key(api_key, "GET_TASKS")


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_results_come_back_from_a_pool_of_processes(method: str, url: str) -> None:
    keys = init_key_manager(url=url, endpoints=ENDPOINTS)
    created = keys.create_user_api_key("user", ["PRO"], owner_id="owner 1")
    with multiprocessing.get_context(method).Pool(1) as pool:
        res = pool.apply_async(verified_there, (url, created["apiKey"])).get(timeout=SECONDS)
        invalid = pool.apply_async(verified_there, (url, "")).get(timeout=SECONDS)
    assert (res.ok, res.key_id, res.owner_id, res.roles) == (True, created.id, "owner 1", ("PRO",))
    assert dict(invalid) == {"success": True, "keyValid": False, "ok": False}


OTHER_PROCESS = """
import sys
from gatekeeper import init_key_manager
keys = init_key_manager(url=sys.argv[1], endpoints={})
for line in sys.stdin:
    call, *arguments = line.split()
    result = getattr(keys, call)(*(argument.split(",") if "," in argument else argument for argument in arguments))
    print(result["apikey"] if call == "rotate_user_api_key" else result.success, flush=True)
"""


@pytest.fixture
def other_process(url: str) -> Iterator[Callable[[str], str]]:
    """Runs a call in another process on the same file and returns its output."""
    run = [sys.executable, "-c", OTHER_PROCESS, url]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout

        def call(line: str) -> str:
            print(line, file=stdin, flush=True)
            return stdout.readline().strip()

        yield call
        stdin.close()
        process.wait(SECONDS)


def test_a_key_that_another_process_revokes_is_rejected_by_the_next_verification(
    url: str, other_process: Callable[[str], str]
) -> None:
    keys = init_key_manager(url=url, endpoints=ENDPOINTS)
    for _ in range(20 * SOAK):
        created = keys.create_user_api_key("user", ["PRO", "TEAM"])
        id, api_key = created["id"], created["apiKey"]
        assert keys.verify_user_api_key(api_key, "GET_TASKS").role == "PRO"

        assert other_process(f"remove_roles {id} PRO,") == "False"  # an empty name is no role
        assert other_process(f"remove_roles {id} PRO,OTHER") == "True"
        res = keys.verify_user_api_key(api_key, "GET_TASKS")
        assert (res.role, res.roles, res.total) == (None, ("TEAM",), 10)

        rotated = other_process(f"rotate_user_api_key {id}")
        assert not keys.verify_user_api_key(api_key, "GET_TASKS").key_valid
        assert keys.verify_user_api_key(rotated, "GET_TASKS").ok

        assert other_process(f"delete_user_api_key {id}") == "True"
        assert not keys.verify_user_api_key(rotated, "GET_TASKS").key_valid


def test_a_key_that_another_process_creates_is_accepted_by_the_next_verification(
    url: str, other_process: Callable[[str], str]
) -> None:
    keys = init_key_manager(url=url, endpoints=ENDPOINTS)
    created = keys.create_user_api_key("user")
    for _ in range(20 * SOAK):
        fresh = other_process(f"rotate_user_api_key {created.id}")
        assert keys.verify_user_api_key(fresh, "GET_TASKS", [fresh]).ok


DELETE = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('DELETE FROM api_keys'); c.commit()"


def test_a_forked_child_that_only_verifies_a_cached_key_notices_a_change_by_another_process(
    tmp_path: Path,
) -> None:
    database = tmp_path / "gatekeeper.db"
    endpoints: dict[str, Endpoint] = {"OFTEN": {"default": {"maxReq": 1_000_000_000, "duration": 60_000}}}
    keys = init_key_manager(url=str(database), endpoints=endpoints)
    key = keys.create_user_api_key("x")["apiKey"]
    assert keys.verify_user_api_key(key, "OFTEN").ok

    def rejected() -> bool:
        # This process has opened no connection when the other process deletes the key.
        assert keys.verify_user_api_key(key, "OFTEN").ok
        subprocess.run([sys.executable, "-c", DELETE, str(database)], check=True)
        deadline = time.monotonic() + SECONDS / 2
        while keys.verify_user_api_key(key, "OFTEN").key_valid:
            if time.monotonic() > deadline:
                return False
        return True

    assert in_a_fork(rejected)
