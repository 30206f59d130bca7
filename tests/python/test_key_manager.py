"""The main job: keys, limits by role, tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import ENDPOINTS, RootKeys
from gatekeeper import BadRequestError, KeyManager, init_key_manager

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_eleventh_call_of_ten_is_refused_per_variable(keys: KeyManager, new_key: Callable[..., str]) -> None:
    api_key = new_key()
    for variables in (["task_1"], ["task_2"], [], ["task_1", "task_2"]):
        admitted = [keys.verify_user_api_key(api_key, "GET_TASKS", variables).ok for _ in range(11)]
        assert admitted == [True] * 10 + [False]


def test_lists_and_tuples_name_one_slot(keys: KeyManager, new_key: Callable[..., str]) -> None:
    api_key = new_key()
    assert keys.verify_user_api_key(api_key, "ONCE", ["a", "é"]).ok
    assert not keys.verify_user_api_key(api_key, "ONCE", ("a", "é")).ok
    assert keys.verify_user_api_key(api_key, "ONCE", variables=("é", "a")).ok
    assert keys.verify_user_api_key(api_key, endpoint_name="ONCE").ok
    assert not keys.verify_user_api_key(user_api_key=api_key, endpoint_name="ONCE", variables=()).ok


def test_roles_choose_the_limit_and_keep_what_was_taken(keys: KeyManager) -> None:
    created = keys.create_user_api_key("user")
    id, api_key = created["id"], created["apiKey"]
    assert keys.verify_user_api_key(api_key, "GET_TASKS").remaining == 9
    keys.add_roles(id, {"PRO"})
    assert keys.verify_user_api_key(api_key, "GET_TASKS").remaining == 998
    keys.remove_roles(id, ("PRO",))
    assert keys.verify_user_api_key(api_key, "GET_TASKS").remaining == 7


def test_a_rotated_key_keeps_its_id_roles_and_slots_and_the_old_secret_is_dead(keys: KeyManager) -> None:
    created = keys.create_user_api_key("user", ["PRO"])
    assert keys.verify_user_api_key(created["apiKey"], "GET_TASKS").remaining == 999
    rotated = keys.rotate_user_api_key(created["id"])
    assert not keys.verify_user_api_key(created["apiKey"], "GET_TASKS").key_valid
    res = keys.verify_user_api_key(rotated["apikey"], "GET_TASKS")
    assert (res.key_id, res.roles, res.remaining) == (created.id, ("PRO",), 998)


def test_a_deleted_key_is_dead(keys: KeyManager) -> None:
    created = keys.create_user_api_key("user")
    assert keys.verify_user_api_key(created["apiKey"], "ONCE").ok
    assert keys.delete_user_api_key(created["id"]).success
    assert not keys.verify_user_api_key(created["apiKey"], "ONCE").key_valid


def test_the_manual_clock_moves_windows_and_expiry() -> None:
    keys = init_key_manager(url="memory:", endpoints=ENDPOINTS, clock="manual")
    api_key = keys.create_user_api_key("user", expires_in_seconds=90)["apiKey"]
    assert keys.verify_user_api_key(api_key, "ONCE").ok
    assert keys.verify_user_api_key(api_key, "ONCE").retry_after_ms == 60_000
    keys.advance(59_999)
    assert keys.verify_user_api_key(api_key, "ONCE").retry_after_ms == 1
    keys.advance(1)
    assert keys.verify_user_api_key(api_key, "ONCE").ok
    keys.advance(29_999)
    assert keys.verify_user_api_key(api_key, "ONCE").key_valid
    keys.advance(1)
    assert not keys.verify_user_api_key(api_key, "ONCE").key_valid


@pytest.mark.parametrize("ms", [-1, 1.5, True, None, "1", 2**64, float("nan")])
def test_the_clock_is_advanced_by_whole_milliseconds_only(ms: int) -> None:
    keys = init_key_manager(url="memory:", endpoints={}, clock="manual")
    with pytest.raises(BadRequestError, match=r"^ms must be a whole number"):
        keys.advance(ms)


def test_the_systems_clock_cannot_be_advanced(keys: KeyManager) -> None:
    with pytest.raises(BadRequestError, match="manual"):
        keys.advance(1)


def test_each_memory_is_a_place_of_its_own(new_key: Callable[..., str]) -> None:
    other = init_key_manager(url="memory:", endpoints=ENDPOINTS)
    assert not other.verify_user_api_key(new_key(), "ONCE").key_valid


def test_a_file_is_one_place_however_often_it_is_opened(url: str) -> None:
    first = init_key_manager(url=url, endpoints=ENDPOINTS)
    second = init_key_manager(url=url, endpoints=ENDPOINTS)
    api_key = first.create_user_api_key("user")["apiKey"]
    assert first.verify_user_api_key(api_key, "ONCE").ok
    assert not second.verify_user_api_key(api_key, "ONCE").ok


def test_a_root_key_acts_for_its_one_tenant(url: str, root_key: RootKeys) -> None:
    acme = init_key_manager(url=url, endpoints=ENDPOINTS, root_api_key=root_key(url, "Acme"))
    rival = init_key_manager(url=url, endpoints=ENDPOINTS, root_api_key=root_key(url, "Rival"))
    owner = init_key_manager(url=url, endpoints=ENDPOINTS)
    created = acme.create_user_api_key("acme")
    id, api_key = created["id"], created["apiKey"]
    assert acme.verify_user_api_key(api_key, "GET_TASKS").ok
    assert owner.verify_user_api_key(api_key, "GET_TASKS").ok
    assert dict(rival.verify_user_api_key(api_key, "GET_TASKS")) == {
        "success": True,
        "keyValid": False,
        "ok": False,
    }
    for refused in (
        rival.rotate_user_api_key(id),
        rival.delete_user_api_key(id),
        rival.add_roles(id, ["PRO"]),
        rival.remove_roles(id, ["PRO"]),
    ):
        assert refused.error == "invalidId"
    assert acme.verify_user_api_key(owner.create_user_api_key("x")["apiKey"], "GET_TASKS").key_valid is False
    assert owner.delete_user_api_key(id).success


def test_a_root_key_is_never_a_users(url: str, root_key: RootKeys) -> None:
    root = root_key(url, "Acme")
    for keys in (
        init_key_manager(url=url, endpoints=ENDPOINTS, root_api_key=root),
        init_key_manager(url=url, endpoints=ENDPOINTS),
    ):
        assert not keys.verify_user_api_key(root, "GET_TASKS").key_valid
