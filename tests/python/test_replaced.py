"""A database file that is restored, replaced or removed while this process and another one use it."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from gatekeeper import GatekeeperCore, ServiceUnavailableError, UsageService, init_key_manager

if TYPE_CHECKING:
    from pathlib import Path

    from gatekeeper import Endpoint

ENDPOINTS: dict[str, Endpoint] = {"MANY": {"default": {"maxReq": 1_000_000, "duration": 60_000}}}
TENANT = "tnt_00000000000000000000000000"
LOOK = 0.11
"""Longer than the 100 ms within which a process notices a replaced file."""

COPY = """
import sqlite3, sys
source, target = (sqlite3.connect(path) for path in sys.argv[1:])
source.backup(target)
target.close()
"""

RECORD = """
import sys
from gatekeeper import GatekeeperCore, GatekeeperError, UsageService
core = GatekeeperCore(sys.argv[1], operator=True)
for line in sys.stdin:
    try:
        UsageService(core).record(sys.argv[2], "test", "record")
        print("recorded", flush=True)
    except GatekeeperError as error:
        print(error.status, flush=True)
"""


def copy(source: Path, target: Path) -> None:
    """Copy a database with SQLite's backup API, in another process; the target may be in use."""
    subprocess.run([sys.executable, "-c", COPY, str(source), str(target)], check=True)


@pytest.mark.parametrize("way", ["restored online", "moved over it"])
def test_a_key_that_a_restored_database_does_not_have_is_rejected(tmp_path: Path, way: str) -> None:
    path, backup = tmp_path / "gatekeeper.db", tmp_path / "backup.db"
    keys = init_key_manager(url=str(path), endpoints=ENDPOINTS)
    before = keys.create_user_api_key("user")["apiKey"]
    copy(path, backup)
    after = keys.create_user_api_key("user")["apiKey"]
    assert keys.verify_user_api_key(before, "MANY").key_valid
    assert keys.verify_user_api_key(after, "MANY").key_valid
    if way == "restored online":
        copy(backup, path)
    else:
        backup.rename(path)
    time.sleep(LOOK)
    assert not keys.verify_user_api_key(after, "MANY").key_valid
    assert keys.verify_user_api_key(before, "MANY").key_valid


def test_a_removed_database_is_unavailable_and_not_created_again(tmp_path: Path) -> None:
    path, moved = tmp_path / "gatekeeper.db", tmp_path / "moved.db"
    keys = init_key_manager(url=str(path), endpoints=ENDPOINTS)
    key = keys.create_user_api_key("user")["apiKey"]
    core = GatekeeperCore(str(path), operator=True)
    assert keys.verify_user_api_key(key, "MANY").ok
    path.rename(moved)
    time.sleep(LOOK)
    for call in (
        lambda: keys.verify_user_api_key(key, "MANY"),
        lambda: keys.create_user_api_key("user"),
        lambda: UsageService(core).record(TENANT, "test", "record"),
    ):
        with pytest.raises(ServiceUnavailableError, match="put it back"):
            call()
    assert not path.exists()
    moved.rename(path)
    assert keys.verify_user_api_key(key, "MANY").ok


def test_usage_that_another_process_has_acknowledged_is_in_one_of_the_files(tmp_path: Path) -> None:
    path, moved, backup = (tmp_path / f"{name}.db" for name in ("gatekeeper", "moved", "backup"))
    init_key_manager(url=str(path), endpoints=ENDPOINTS).create_user_api_key("user")
    copy(path, backup)
    run = [sys.executable, "-c", RECORD, str(path), TENANT]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as recorder:
        assert recorder.stdin
        assert recorder.stdout

        def record() -> str:
            assert recorder.stdin
            assert recorder.stdout
            recorder.stdin.write("\n")
            recorder.stdin.flush()
            return recorder.stdout.readline().strip()

        assert [record() for _ in range(20)] == ["recorded"] * 20
        path.rename(moved)
        assert record() == "503"
        backup.rename(path)
        assert [record() for _ in range(20)] == ["recorded"] * 20
        recorder.stdin.close()
    events = [
        UsageService(GatekeeperCore(str(file), operator=True)).summary(TENANT).event_count for file in (path, moved)
    ]
    assert events == [20, 20]
