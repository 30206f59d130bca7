"""The results of a key manager narrow in the same way for mypy and for pyright: both check this file."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, assert_never, assert_type

from gatekeeper import (
    CreateResult,
    Endpoint,
    GatekeeperCore,
    InvalidKey,
    KeyCreated,
    KeyDeleted,
    KeyManager,
    KeyManagerError,
    KeyManagerFailure,
    KeyRotated,
    Limit,
    RolesChanged,
    ValidKey,
    VerifyFailure,
    VerifyResult,
    aio,
    init_key_manager,
)
from gatekeeper.models import VerdictCode

ROOT = Path(__file__).resolve().parents[2]

ENDPOINTS: dict[str, Endpoint] = {
    "TEXT": {"default": "10/minute", "roles": {"PRO": Limit("100/15 minutes")}},
    "MAPPING": {"default": {"maxReq": 10, "duration": 60_000}},
    "TIMEDELTA": {"default": {"maxReq": 10, "duration": timedelta(minutes=1)}},
    "LIMIT": {"default": Limit(10, timedelta(minutes=1))},
}


def by_match(res: VerifyResult) -> str:
    match res:
        case ValidKey(ok=True):
            assert_type(res, ValidKey)
            return "ok"
        case ValidKey(code=code):
            assert_type(code, VerdictCode)
            return code
        case InvalidKey():
            return "invalid"
        case VerifyFailure(error, reason):
            assert_type(error, KeyManagerError)
            assert_type(reason, str)
            return error
        case _:
            assert_never(res)


def by_isinstance(res: VerifyResult) -> int:
    if isinstance(res, VerifyFailure):
        assert_type(res.error, KeyManagerError)
        return 0
    if isinstance(res, InvalidKey):
        assert_type(res.ok, Literal[False])
        return 0
    assert_type(res, ValidKey)
    return res.remaining


def by_is_true(res: VerifyResult) -> int:
    if res.success is False:
        assert_type(res, VerifyFailure)
        return len(res.reason)
    assert_type(res, ValidKey | InvalidKey)
    if res.key_valid is True:
        assert_type(res, ValidKey)
        assert_type(res.scopes, tuple[str, ...])
        assert_type(res.metadata, dict[str, Any] | None)
        return res.remaining
    assert_type(res, InvalidKey)
    return 0


def by_ok(res: VerifyResult) -> int:
    if res.ok is True:
        assert_type(res, ValidKey)
        return res.total
    return 0


def created_by_match(created: CreateResult) -> str:
    match created:
        case KeyCreated(api_key=api_key):
            return api_key
        case KeyManagerFailure(error):
            return error
        case _:
            assert_never(created)


def created_by_is_true(created: CreateResult) -> str:
    if created.success is True:
        assert_type(created, KeyCreated)
        return created.api_key
    assert_type(created, KeyManagerFailure)
    return created.error


def attributes_may_be_none_and_an_index_may_not(manager: KeyManager) -> None:
    created = manager.create_user_api_key("user")
    assert_type(created.api_key, str | None)
    assert_type(created["apiKey"], str)
    res = manager.verify_user_api_key(created["apiKey"], "TEXT", ["task_id"], scopes={"read"}, cost=2)
    assert_type(res.remaining, int | None)
    assert_type(res["remaining"], int)
    assert_type(res["error"], KeyManagerError)
    assert_type(manager.rotate_user_api_key(""), KeyRotated | KeyManagerFailure)
    assert_type(manager.delete_user_api_key(""), KeyDeleted | KeyManagerFailure)
    assert_type(manager.add_roles("", ["PRO"]), RolesChanged | KeyManagerFailure)


async def asynchronous_calls_have_the_same_types(manager: KeyManager) -> None:
    awaited = aio.init_key_manager(core=aio.GatekeeperCore("memory:"), endpoints=ENDPOINTS)
    res = await awaited.verify_user_api_key(None, "TEXT", scopes=("read",), client_address="192.0.2.1")
    assert_type(by_match(res), str)
    assert_type(await aio.KeyManager(manager).create_user_api_key("user"), KeyCreated | KeyManagerFailure)


def test_every_way_to_narrow_tells_the_results_apart() -> None:
    manager = init_key_manager(core=GatekeeperCore("memory:"), endpoints={"ONCE": {"default": "1/minute"}})
    created = manager.create_user_api_key("user")
    assert created_by_match(created) == created_by_is_true(created) == created["apiKey"]
    rejected = manager.create_user_api_key("no spaces")
    assert created_by_match(rejected) == created_by_is_true(rejected) == "invalidBody"
    results = [manager.verify_user_api_key(created["apiKey"], "ONCE") for _ in range(2)]
    results += [manager.verify_user_api_key("", "ONCE"), manager.verify_user_api_key("", "NONE")]
    assert [by_match(res) for res in results] == ["ok", "rate_limited", "invalid", "invalidBody"]
    assert [by_isinstance(res) for res in results] == [0, 0, 0, 0]
    assert [by_ok(res) for res in results] == [1, 0, 0, 0]
    assert [by_is_true(res) > 0 for res in results] == [False, False, False, True]


def test_pyright_narrows_as_mypy_does(tmp_path: Path) -> None:
    (tmp_path / "narrowing.py").write_text(Path(__file__).read_text())
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"strict": ["."]}))
    command = [str(ROOT / "node_modules/.bin/pyright"), "--pythonpath", sys.executable, "-p", str(tmp_path)]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
