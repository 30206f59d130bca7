"""A database that cannot be used: 503 at first use, with a message that says what to do."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from conftest import ENDPOINTS
from gatekeeper import KeyManager, ServiceUnavailableError, aio, init_key_manager

if TYPE_CHECKING:
    from pathlib import Path


def assert_unavailable(url: str, message: str) -> None:
    """Making the key manager raises nothing; every call raises 503, and none admits a request."""
    keys = init_key_manager(url=url, endpoints=ENDPOINTS)
    for call in (
        lambda: keys.verify_user_api_key("user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ", "ONCE"),
        lambda: keys.create_user_api_key("user"),
    ):
        with pytest.raises(ServiceUnavailableError, match=message) as raised:
            call()
        assert (raised.value.status, raised.value.code) == (503, "service_unavailable")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A Gatekeeper database that no process has open."""
    path = tmp_path / "gatekeeper.db"
    made = "import sys, gatekeeper; gatekeeper.init_key_manager(url=sys.argv[1], endpoints={}).create_user_api_key('x')"
    subprocess.run([sys.executable, "-c", made, str(path)], check=True)
    return path


def test_a_database_of_a_newer_version_is_rejected(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert_unavailable(f"sqlite:{database}", "newer version.*upgrade")


def test_a_corrupt_database_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "gatekeeper.db"
    path.write_bytes(b"not a database " * 1_000)
    assert_unavailable(str(path), "corrupt: restore it")


def test_a_database_with_a_broken_page_is_rejected(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (database.stat().st_size - 4096))
    assert_unavailable(str(database), "corrupt: restore it")


def test_a_database_of_another_program_is_rejected_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    assert_unavailable(str(path), "another program")
    assert path.read_bytes() == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert_unavailable(f"{tmp_path}/none/gatekeeper.db", "create .*/none")


def test_a_folder_is_rejected_as_a_database(tmp_path: Path) -> None:
    assert_unavailable(str(tmp_path), "is a folder")


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
connection.rollback()
"""


def test_a_database_that_another_process_keeps_locked_is_unavailable_after_a_while(database: Path) -> None:
    keys = init_key_manager(url=str(database), endpoints=ENDPOINTS)
    assert keys.create_user_api_key("user").success
    run = [sys.executable, "-c", HOLD, str(database)]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ServiceUnavailableError, match="has been locked for"):
            keys.create_user_api_key("user")
        # Readers do not wait for writers.
        assert keys.verify_user_api_key("user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ", "ONCE").success
        holder.communicate()
    assert keys.create_user_api_key("user").success


def test_a_database_that_could_not_be_opened_is_opened_by_a_later_call(tmp_path: Path) -> None:
    keys = init_key_manager(url=f"{tmp_path}/later/gatekeeper.db", endpoints=ENDPOINTS)
    with pytest.raises(ServiceUnavailableError):
        keys.create_user_api_key("user")
    (tmp_path / "later").mkdir()
    assert keys.create_user_api_key("user").success


READ_ONLY = """
import sys
from gatekeeper import ServiceUnavailableError, init_key_manager
keys = init_key_manager(url=sys.argv[1], endpoints={})
try:
    keys.create_user_api_key("user")
except ServiceUnavailableError as error:
    print(error.status, error)
"""


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_read_only_database_is_rejected(database: Path, what: str) -> None:
    # Root may write to every file unless it drops that capability.
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    if shutil.which("setpriv") is None or subprocess.run([*drop, "true"], check=False).returncode:
        drop = []
    read_only = database if what == "file" else database.parent
    mode = read_only.stat().st_mode
    read_only.chmod(mode & ~0o222)
    try:
        run = [*drop, sys.executable, "-c", READ_ONLY, str(database)]
        output = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    finally:
        read_only.chmod(mode)
    assert output.startswith("503 ")
    assert "give this user" in output


async def test_an_asynchronous_call_raises_the_same(tmp_path: Path) -> None:
    keys = aio.init_key_manager(url=str(tmp_path), endpoints=ENDPOINTS)
    with pytest.raises(ServiceUnavailableError, match="is a folder"):
        await keys.verify_user_api_key("", "ONCE")
    with pytest.raises(ServiceUnavailableError, match="is a folder"):
        await keys.create_user_api_key("user")


def test_the_cause_is_not_part_of_the_message(tmp_path: Path) -> None:
    keys: KeyManager = init_key_manager(url=str(tmp_path), endpoints=ENDPOINTS)
    with pytest.raises(ServiceUnavailableError) as raised:
        keys.create_user_api_key("user")
    assert str(raised.value.__cause__) not in str(raised.value)


MAKE = """
import os, sys
from gatekeeper import AuthService, GatekeeperCore, init_key_manager
os.umask(int(sys.argv[2], 8))
keys = init_key_manager(url=sys.argv[1], endpoints={"GET": {"default": {"maxReq": 1, "duration": 1000}}})
keys.verify_user_api_key(keys.create_user_api_key("user")["apiKey"], "GET")
AuthService(GatekeeperCore(sys.argv[1])).signup("founder@example.com", "hunter2pass")
print(*(f"{name}={os.stat(os.path.join(folder, name)).st_mode & 0o777:o}"
        for folder, folders, files in os.walk(os.path.dirname(sys.argv[1])) for name in folders + files))
"""


@pytest.mark.parametrize("umask", ["000", "022"])
def test_only_the_owner_may_read_new_files_whatever_the_umask(tmp_path: Path, umask: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GATEKEEPER_SECRET"}
    run = [sys.executable, "-c", MAKE, str(tmp_path / "gatekeeper.db"), umask]
    output = subprocess.run(run, check=True, capture_output=True, text=True, env=environment).stdout
    modes = dict(file.split("=") for file in output.split())
    assert {"gatekeeper.db", "gatekeeper.db-wal", "gatekeeper.db-secret", "words"} <= modes.keys()
    assert modes.pop("gatekeeper.db-shared") == "700"
    assert set(modes.values()) == {"600"}
