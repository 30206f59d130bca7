"""The time of a key's last use is not lost, however the process that used the key ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from conftest import ENDPOINTS
from gatekeeper import GatekeeperCore, KeysService, init_key_manager

VERIFY = """
import os, signal, sys, time
from gatekeeper import init_key_manager
keys = init_key_manager(url=sys.argv[1], endpoints={"GET": {"default": {"maxReq": 1, "duration": 1}}})
assert keys.verify_user_api_key(sys.argv[2], "GET").ok
print("verified", flush=True)
"""
ENDS = {
    "os._exit": ("os._exit(0)", 0),
    "SIGKILL": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    "SIGINT": ("signal.signal(signal.SIGINT, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
}


def created_at(url: str) -> tuple[str, str]:
    """A key that no process has used yet: its id and the key."""
    created = init_key_manager(url=url, endpoints=ENDPOINTS).create_user_api_key("user")
    return created["id"], created["apiKey"]


@pytest.mark.parametrize("end", ENDS)
def test_last_use_is_known_after_the_process_has_ended_by(end: str, url: str) -> None:
    id, api_key = created_at(url)
    keys = KeysService(GatekeeperCore(url, operator=True))
    tenant = keys.get(id).tenant_id
    before = int(time.time() * 1000)
    program, status = ENDS[end]
    ended = subprocess.run([sys.executable, "-c", VERIFY + program, url, api_key], check=False)
    assert ended.returncode == status
    for key in [*keys.list(tenant).items, keys.get(id)]:
        assert key.last_used_at is not None
        assert before <= key.last_used_at <= time.time() * 1000


def test_last_use_is_known_while_the_process_is_idle(url: str) -> None:
    id, api_key = created_at(url)
    keys = KeysService(GatekeeperCore(url, operator=True))
    run = [sys.executable, "-c", VERIFY + "sys.stdin.read()", url, api_key]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as idle:
        assert idle.stdout
        assert idle.stdout.readline() == "verified\n"
        assert keys.get(id).last_used_at is not None
        assert idle.stdin
        idle.stdin.close()


def test_last_use_is_known_in_a_memory_database() -> None:
    core = GatekeeperCore("memory:", operator=True, endpoints=ENDPOINTS)
    keys = KeysService(core)
    tenant = "tnt_00000000000000000000000000"
    created = keys.create(tenant_id=tenant, name="server")
    assert created.api_key.last_used_at is None
    assert keys.verify(created.plain_text_key, "GET_TASKS").ok
    assert keys.get(created.api_key.id).last_used_at is not None
    assert keys.list(tenant).items[0].last_used_at is not None
