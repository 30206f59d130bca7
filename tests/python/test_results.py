"""The shapes of the results."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ENDPOINTS
from gatekeeper import (
    CreateResult,
    DeleteResult,
    GatekeeperCore,
    InvalidKey,
    KeyCreated,
    KeyDeleted,
    KeyManager,
    KeyManagerFailure,
    KeyRotated,
    RolesChanged,
    RolesResult,
    RotateResult,
    ValidKey,
    VerifyFailure,
    VerifyResult,
    init_key_manager,
)

if TYPE_CHECKING:
    from collections.abc import Callable

VALID = (
    "success", "keyValid", "ok", "code", "remaining", "total", "reset", "retryAfterMs", "windowMs", "resetAfterMs",
    "keyId", "tenantId", "ownerId", "name", "roles", "role", "scopes", "metadata",
)  # fmt: skip
METADATA = {"plan": "pro", "seats": [1, 2.5, None, {"é": "🦊"}]}


def every_shape(keys: KeyManager) -> list[VerifyResult]:
    api_key = keys.create_user_api_key("user", ["PRO", "TEAM"], owner_id="owner 1", metadata=METADATA)["apiKey"]
    once = keys.verify_user_api_key(api_key, "ONCE")
    rejected = keys.verify_user_api_key(api_key, "ONCE")
    named = keys.verify_user_api_key(api_key, "GET_TASKS")
    return [once, rejected, named, keys.verify_user_api_key("", "ONCE"), keys.verify_user_api_key("", "NONE")]


def test_the_result_for_a_valid_key_within_its_limit_has_every_field(keys: KeyManager) -> None:
    created = keys.create_user_api_key(
        "user", ["TEAM", "PRO"], owner_id="owner 1", name="Acme's key", metadata=METADATA
    )
    res = keys.verify_user_api_key(created["apiKey"], "GET_TASKS", ["task_id"])
    assert tuple(res) == res.keys() == VALID
    assert (res.success, res.key_valid, res.ok, res.code) == (True, True, True, "valid")
    assert (res.remaining, res.total, res.retry_after_ms) == (999, 1_000, 0)
    assert (res.key_id, res.owner_id, res.name) == (created.id, "owner 1", "Acme's key")
    assert res["tenantId"].startswith("tnt_")
    assert (res.scopes, res.metadata) == ((), METADATA)
    assert (res.roles, res.role) == (("PRO", "TEAM"), "PRO")
    assert res["reset"] > 1_700_000_000
    assert res.window_ms == res["windowMs"] == 60_000
    # A window of more than 128 requests rounds their times up to 1/128 of its length.
    assert res.reset_after_ms == res["resetAfterMs"]
    assert 59_000 < res["resetAfterMs"] <= 60_000 + 469
    assert (res.error, res.reason) == (None, None)


def test_a_denial_has_the_time_to_wait(keys: KeyManager, new_key: Callable[..., str]) -> None:
    api_key = new_key()
    assert keys.verify_user_api_key(api_key, "ONCE").ok
    res = keys.verify_user_api_key(api_key, "ONCE")
    assert (res.success, res.key_valid, res.ok, res.remaining) == (True, True, False, 0)
    assert res["code"] == "rate_limited"
    assert (res["name"], res["metadata"]) == (None, None)
    assert 0 < res["retryAfterMs"] <= 60_000


def test_the_result_for_an_invalid_key_has_three_fields(keys: KeyManager) -> None:
    res = keys.verify_user_api_key("user_xxx", "GET_TASKS")
    assert dict(res) == {"success": True, "keyValid": False, "ok": False}
    assert (res.remaining, res.total, res.reset, res.retry_after_ms) == (None, None, None, None)
    assert (res.window_ms, res.reset_after_ms) == (None, None)
    assert (res.key_id, res.owner_id, res.roles, res.role) == (None, None, None, None)
    assert (res.code, res.tenant_id, res.name, res.scopes, res.metadata) == (None, None, None, None, None)
    assert (res.error, res.reason) == (None, None)


def test_a_change_of_the_metadata_that_a_result_returns_changes_no_other(keys: KeyManager) -> None:
    api_key = keys.create_user_api_key("user", metadata=METADATA)["apiKey"]
    res = keys.verify_user_api_key(api_key, "GET_TASKS")
    for result in (res, pickle.loads(pickle.dumps(res))):
        changed: Any = result.metadata
        changed["seats"].append("canary")
        changed["plan"] = "canary"
        assert result.metadata == result["metadata"] == METADATA
    assert keys.verify_user_api_key(api_key, "GET_TASKS").metadata == METADATA


def test_a_key_has_its_tenant_and_its_scopes() -> None:
    core = GatekeeperCore("memory:", operator=True)
    tenant = core.tenants.create("Acme Inc").id
    created = core.keys.create(tenant, scopes=["tasks:write", "tasks:read"], name="server-key")
    keys = init_key_manager(core=core, tenants=[tenant], endpoints=ENDPOINTS)
    res = keys.verify_user_api_key(created.plain_text_key, "GET_TASKS")
    assert (res.tenant_id, res.name, res.key_id) == (tenant, "server-key", created.api_key.id)
    assert res.scopes == res["scopes"] == ("tasks:read", "tasks:write")


def test_each_call_has_a_class_for_each_kind_of_result(keys: KeyManager) -> None:
    created = keys.create_user_api_key("user")
    id, api_key = created["id"], created["apiKey"]
    verified = [keys.verify_user_api_key(api_key, "ONCE") for _ in range(2)]
    verified += [keys.verify_user_api_key("", "ONCE"), keys.verify_user_api_key("", "NONE")]
    assert [type(res) for res in verified] == [ValidKey, ValidKey, InvalidKey, VerifyFailure]
    assert all(isinstance(res, VerifyResult) for res in verified)
    results: list[tuple[object, Any, type]] = [
        (created, CreateResult, KeyCreated),
        (keys.create_user_api_key("no spaces"), CreateResult, KeyManagerFailure),
        (keys.add_roles(id, ["PRO"]), RolesResult, RolesChanged),
        (keys.remove_roles(id, [""]), RolesResult, KeyManagerFailure),
        (keys.rotate_user_api_key(id), RotateResult, KeyRotated),
        (keys.rotate_user_api_key("no id"), RotateResult, KeyManagerFailure),
        (keys.delete_user_api_key(id), DeleteResult, KeyDeleted),
        (keys.delete_user_api_key(id), DeleteResult, KeyManagerFailure),
    ]
    for result, union, kind in results:
        assert type(result) is kind
        assert isinstance(result, union)
        assert not isinstance(result, VerifyResult)


def test_the_results_of_invalid_keys_are_one_object(keys: KeyManager) -> None:
    assert keys.verify_user_api_key("", "ONCE") is keys.verify_user_api_key("user_xxx", "ONCE")


def test_a_failure_has_its_error_and_reason(keys: KeyManager) -> None:
    res = keys.verify_user_api_key("user_xxx", "NEVER_DEFINED")
    assert res.keys() == ("success", "error", "reason")
    assert (res.success, res.error) == (False, "invalidBody")
    assert '"GET_TASKS", "ONCE"' in (res.reason or "")
    assert res.ok is False
    assert res.key_valid is False


def test_each_result_indexes_by_wire_name_what_it_has(keys: KeyManager) -> None:
    attributes = {
        "keyValid": "key_valid",
        "retryAfterMs": "retry_after_ms",
        "windowMs": "window_ms",
        "resetAfterMs": "reset_after_ms",
        "keyId": "key_id",
        "tenantId": "tenant_id",
        "ownerId": "owner_id",
    }
    for res in every_shape(keys):
        assert len(res) == len(res.keys()) == len(dict(res))
        for name in (*VALID, "error", "reason"):
            attribute = getattr(res, attributes.get(name, name))
            if name in res:
                assert res[name] == attribute
            else:
                assert not attribute
                with pytest.raises(KeyError, match=name):
                    res[name]
        absent: Any
        for absent in ("key_valid", "", 7, None, "\ud800"):
            assert absent not in res
            with pytest.raises(KeyError):
                res[absent]


def test_a_verification_is_frozen_equal_hashable_and_pickles(keys: KeyManager) -> None:
    results = every_shape(keys)
    for res in results:
        for same in (pickle.loads(pickle.dumps(res)), copy.copy(res), copy.deepcopy(res)):
            assert same == res
            assert hash(same) == hash(res)
            assert repr(same) == repr(res)
            assert dict(same) == dict(res)
            assert (same.ok, same.key_valid, same.remaining) == (res.ok, res.key_valid, res.remaining)
            assert pickle.loads(pickle.dumps(same)) == res
        with pytest.raises(AttributeError):
            res.ok = True  # type: ignore[misc]
        with pytest.raises(AttributeError):
            res.other = 1  # type: ignore[union-attr]
        assert res != dict(res)
        assert [other == res for other in results].count(True) == 1


def test_other_values_do_not_unpickle_into_a_result() -> None:
    for fields in ({}, {"success": True}, {"success": True, "keyValid": False, "ok": False, "x": 1}):
        with pytest.raises(ValueError, match="not the fields"):
            ValidKey._unpickle(fields)


def test_each_result_has_its_own_fields_by_wire_name(keys: KeyManager) -> None:
    created = keys.create_user_api_key("user", ["B", "A", "B"])
    assert created.keys() == ("success", "apiKey", "id", "roles")
    assert created["roles"] == ("A", "B")
    rotated = keys.rotate_user_api_key(created["id"])
    assert rotated.keys() == ("success", "id", "apikey")
    assert rotated.apikey == rotated["apikey"] != created.api_key
    added = keys.add_roles(created["id"], ["A", "C"])
    assert dict(added) == {"success": True, "count": 1}
    removed = keys.remove_roles(created["id"], ["A", "C", "D"])
    assert dict(removed) == {"success": True, "count": 2}
    deleted = keys.delete_user_api_key(created["id"])
    assert dict(deleted) == {"success": True, "id": created.id}
    again = keys.delete_user_api_key(created["id"])
    assert again.keys() == ("success", "error", "reason")
    assert (again.success, again["error"], again.id) == (False, "invalidId", None)
    with pytest.raises(KeyError, match="id"):
        again["id"]
    for result in (created, rotated, added, removed, deleted, again):
        assert pickle.loads(pickle.dumps(result)) == copy.deepcopy(result) == result
        assert repr(pickle.loads(pickle.dumps(result))) == repr(result)
        assert hash(copy.copy(result)) == hash(result)
        fields: Any = dict(result)
        assert result != fields
        with pytest.raises(FrozenInstanceError):
            result.success = True  # type: ignore[misc]
        with pytest.raises(FrozenInstanceError):
            result.other = 1  # type: ignore[union-attr]


def test_the_repr_of_a_result_does_not_show_the_new_key(keys: KeyManager) -> None:
    created = keys.create_user_api_key("user")
    rotated = keys.rotate_user_api_key(created["id"])
    for secret, result in ((created["apiKey"], created), (rotated["apikey"], rotated)):
        assert secret not in repr(result)
        assert "[redacted]" in repr(result)
        assert secret not in str(result)


def test_the_repr_of_a_key_manager_shows_no_secret_and_it_does_not_pickle() -> None:
    keys = init_key_manager(url="memory:", endpoints=ENDPOINTS, root_api_key="gkr_canary")
    assert "canary" not in repr(keys)
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(keys)
