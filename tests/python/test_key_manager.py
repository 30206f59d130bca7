"""The key manager: keys, limits by role, tenants."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

import gatekeeper
import pytest
from conftest import ENDPOINTS, SECRET, RootKeys, Serve
from gatekeeper import (
    AuthService,
    BadRequestError,
    GatekeeperCore,
    KeyManager,
    KeysService,
    TenantsService,
    aio,
    init_key_manager,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gatekeeper import Endpoint

NOT_VALID = {"success": True, "keyValid": False, "ok": False}


def test_the_eleventh_call_of_ten_is_rejected_per_variable(keys: KeyManager, new_key: Callable[..., str]) -> None:
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


def test_roles_select_the_limit_and_counted_requests_stay_counted(keys: KeyManager) -> None:
    created = keys.create_user_api_key("user")
    id, api_key = created["id"], created["apiKey"]
    assert keys.verify_user_api_key(api_key, "GET_TASKS").remaining == 9
    keys.add_roles(id, {"PRO"})
    assert keys.verify_user_api_key(api_key, "GET_TASKS").remaining == 998
    keys.remove_roles(id, ("PRO",))
    assert keys.verify_user_api_key(api_key, "GET_TASKS").remaining == 7


def test_a_rotated_key_keeps_its_id_roles_and_slots_and_the_old_key_is_revoked(keys: KeyManager) -> None:
    created = keys.create_user_api_key("user", ["PRO"])
    assert keys.verify_user_api_key(created["apiKey"], "GET_TASKS").remaining == 999
    rotated = keys.rotate_user_api_key(created["id"])
    assert not keys.verify_user_api_key(created["apiKey"], "GET_TASKS").key_valid
    res = keys.verify_user_api_key(rotated["apikey"], "GET_TASKS")
    assert (res.key_id, res.roles, res.remaining) == (created.id, ("PRO",), 998)


def test_a_deleted_key_is_invalid(keys: KeyManager) -> None:
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


def test_each_memory_url_is_a_new_database(new_key: Callable[..., str]) -> None:
    other = init_key_manager(url="memory:", endpoints=ENDPOINTS)
    assert not other.verify_user_api_key(new_key(), "ONCE").key_valid


def test_key_managers_of_one_file_share_its_database(url: str) -> None:
    first = init_key_manager(url=url, endpoints=ENDPOINTS)
    second = init_key_manager(url=url, endpoints=ENDPOINTS)
    api_key = first.create_user_api_key("user")["apiKey"]
    assert first.verify_user_api_key(api_key, "ONCE").ok
    assert not second.verify_user_api_key(api_key, "ONCE").ok


def test_a_root_key_acts_for_its_tenant(url: str, root_key: RootKeys) -> None:
    acme = init_key_manager(url=url, endpoints=ENDPOINTS, root_api_key=root_key(url, "Acme"))
    rival = init_key_manager(url=url, endpoints=ENDPOINTS, root_api_key=root_key(url, "Rival"))
    owner = init_key_manager(url=url, endpoints=ENDPOINTS, tenants="all")
    created = acme.create_user_api_key("acme")
    id, api_key = created["id"], created["apiKey"]
    assert acme.verify_user_api_key(api_key, "GET_TASKS").ok
    assert owner.verify_user_api_key(api_key, "GET_TASKS").ok
    assert dict(rival.verify_user_api_key(api_key, "GET_TASKS")) == NOT_VALID
    for rejected in (
        rival.rotate_user_api_key(id),
        rival.delete_user_api_key(id),
        rival.add_roles(id, ["PRO"]),
        rival.remove_roles(id, ["PRO"]),
    ):
        assert rejected.error == "invalidId"
    assert acme.verify_user_api_key(owner.create_user_api_key("x")["apiKey"], "GET_TASKS").key_valid is False
    assert owner.delete_user_api_key(id).success


def test_a_root_key_is_never_a_valid_user_key(url: str, root_key: RootKeys) -> None:
    root = root_key(url, "Acme")
    for keys in (
        init_key_manager(url=url, endpoints=ENDPOINTS, root_api_key=root),
        init_key_manager(url=url, endpoints=ENDPOINTS),
    ):
        assert not keys.verify_user_api_key(root, "GET_TASKS").key_valid


def a_strangers_key(url: str) -> tuple[str, str]:
    """Sign up, create a tenant, and in it a key with every claim that a key can have; return both."""
    with GatekeeperCore(url, secret=SECRET) as core:
        core.set_token(AuthService(core).signup("mallory@example.com", "a long password").access_token)
        tenant = TenantsService(core).create("Acme Inc").id
        created = KeysService(core).create(tenant, roles=["PRO"], scopes=["*:*"], owner_id="somebody else")
        return tenant, created.plain_text_key


def test_a_key_manager_accepts_the_keys_of_its_tenants_and_by_default_of_the_tenant_default(
    url: str,
) -> None:
    tenant, foreign = a_strangers_key(url)
    own = init_key_manager(url=url, endpoints=ENDPOINTS).create_user_api_key("user")["apiKey"]
    options: list[tuple[dict[str, Any], bool, bool]] = [
        ({}, True, False),
        ({"tenants": None}, True, False),
        ({"tenants": ["default"]}, True, False),
        ({"tenants": (tenant,)}, False, True),
        ({"tenants": {"default", tenant}}, True, True),
        ({"tenants": "all"}, True, True),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for given, accepts_own, accepts_foreign in options:
            keys = init_key_manager(url=url, endpoints=ENDPOINTS, **given)
            awaited = aio.init_key_manager(url=url, endpoints=ENDPOINTS, **given)
            for key, is_accepted in ((own, accepts_own), (foreign, accepts_foreign)):
                assert keys.verify_user_api_key(key, "GET_TASKS").key_valid is is_accepted, given
                assert asyncio.run(awaited.verify_user_api_key(key, "GET_TASKS")).key_valid is is_accepted, given
            if not accepts_foreign:
                assert dict(keys.verify_user_api_key(foreign, "GET_TASKS")) == NOT_VALID


def test_a_valid_key_of_another_tenant_warns_the_operator_and_is_invalid_to_the_caller(url: str) -> None:
    _, foreign = a_strangers_key(url)
    keys = init_key_manager(url=url, endpoints=ENDPOINTS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert dict(keys.verify_user_api_key("no key", "GET_TASKS")) == NOT_VALID
        assert not caught
        for _ in range(3):
            assert dict(keys.verify_user_api_key(foreign, "GET_TASKS")) == NOT_VALID
    [warning] = caught
    assert "`tenants` of the key manager" in str(warning.message)
    assert foreign not in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize("tenants", ["default", "canary", [], ["canary"], ["all"], [7], 7, True, {}, ["default", None]])
def test_a_value_that_names_no_tenants_is_rejected(tenants: Any) -> None:
    with pytest.raises(BadRequestError, match=r'^tenants must be "all" or a list of 1 to 1000 tenants') as raised:
        init_key_manager(url="memory:", endpoints=ENDPOINTS, tenants=tenants)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("make", [init_key_manager, aio.init_key_manager])
def test_tenants_are_rejected_with_a_root_key_and_with_a_server(make: Any, url: str, root_key: RootKeys) -> None:
    for database in ({"url": url, "root_api_key": root_key(url, "Acme")}, {"url": "http://127.0.0.1:9"}):
        with pytest.raises(BadRequestError, match=r"^tenants: a root key accepts the keys of its own tenant"):
            make(endpoints=ENDPOINTS, tenants=["default"], **database)


def test_a_limit_as_text_counts_like_the_object_it_stands_for() -> None:
    endpoints: dict[str, Endpoint] = {"GET": {"default": "1/15 minutes", "roles": {"PRO": "2/hour"}}}
    keys = init_key_manager(url="memory:", clock="manual", endpoints=endpoints)
    plain, pro = (keys.create_user_api_key("user", roles)["apiKey"] for roles in ((), ("PRO",)))
    assert [keys.verify_user_api_key(plain, "GET").ok for _ in range(2)] == [True, False]
    res = keys.verify_user_api_key(pro, "GET")
    assert (res.ok, res.total, res.window_ms) == (True, 2, 3_600_000)
    keys.advance(15 * 60_000)
    assert keys.verify_user_api_key(plain, "GET").ok
    with pytest.raises(BadRequestError, match=r"^endpoints.GET.default must be a text such as .10/minute"):
        init_key_manager(url="memory:", endpoints={"GET": {"default": "10/fortnight"}})


# A key manager on the database of a core.


@pytest.mark.parametrize("make", [GatekeeperCore, aio.GatekeeperCore])
def test_a_key_manager_and_a_core_share_one_memory(make: Any) -> None:
    core = make("memory:")
    keys = init_key_manager(core=core, endpoints=ENDPOINTS)
    awaited = aio.init_key_manager(core=core, endpoints=ENDPOINTS)
    api_key = keys.create_user_api_key("user")["apiKey"]
    assert keys.verify_user_api_key(api_key, "ONCE").ok
    assert not asyncio.run(awaited.verify_user_api_key(api_key, "ONCE")).ok
    signed_up = core.auth.signup("founder@example.com", "hunter2pass")
    tokens = asyncio.run(signed_up) if asyncio.iscoroutine(signed_up) else signed_up
    assert tokens.user.email == "founder@example.com"


def test_a_key_manager_without_a_root_key_is_the_operator_whatever_the_token_of_its_core() -> None:
    anonymous = GatekeeperCore("memory:")
    user = anonymous.with_token(anonymous.auth.signup("founder@example.com", "hunter2pass").access_token)
    for core in (anonymous, user, anonymous.with_client_address("192.0.2.1")):
        assert init_key_manager(core=core, endpoints={}).create_user_api_key("user").success


def test_a_key_manager_of_a_core_uses_its_root_key(url: str, root_key: RootKeys) -> None:
    core = GatekeeperCore(url, secret=SECRET)
    acme = init_key_manager(core=core, root_api_key=root_key(url, "Acme"), endpoints=ENDPOINTS)
    created = acme.create_user_api_key("user")
    assert acme.verify_user_api_key(created["apiKey"], "ONCE").ok
    operator = init_key_manager(core=core, endpoints=ENDPOINTS)
    assert not acme.verify_user_api_key(operator.create_user_api_key("user")["apiKey"], "ONCE").key_valid
    wrong = init_key_manager(core=core, root_api_key="gkr_x", endpoints=ENDPOINTS)
    assert wrong.create_user_api_key("user").error == "invalidAPIToken"


def test_a_key_manager_of_the_core_of_a_server_needs_a_root_key(serve: Serve, url: str, root_key: RootKeys) -> None:
    root = root_key(url, "Acme")
    core = GatekeeperCore(serve(url))
    keys = init_key_manager(core=core, root_api_key=root, endpoints=ENDPOINTS)
    api_key = keys.create_user_api_key("user")["apiKey"]
    assert keys.verify_user_api_key(api_key, "ONCE").ok
    for without in (
        init_key_manager(core=core, endpoints=ENDPOINTS),
        init_key_manager(core=core.with_token(root), endpoints=ENDPOINTS),
    ):
        assert without.verify_user_api_key(api_key, "ONCE").error == "authorizationHeaderNotPresent"


def test_a_key_manager_has_the_clock_of_its_core() -> None:
    core = GatekeeperCore("memory:", clock="manual")
    keys = init_key_manager(core=core, endpoints=ENDPOINTS)
    api_key = keys.create_user_api_key("user")["apiKey"]
    assert [keys.verify_user_api_key(api_key, "ONCE").ok for _ in range(2)] == [True, False]
    core.advance(30_000)
    keys.advance(30_000)
    assert keys.verify_user_api_key(api_key, "ONCE").ok
    with pytest.raises(BadRequestError, match="manual"):
        init_key_manager(core=GatekeeperCore("memory:"), endpoints={}).advance(1)


OF_THE_CORE: dict[str, Any] = {
    "cache_keys": 1,
    "cache_unknown_keys": 1,
    "create": True,
    "clock": "system",
    "timeout": 10.0,
    "max_retries": 2,
    "default_headers": None,
    "user_agent": None,
}


@pytest.mark.parametrize("option", OF_THE_CORE)
@pytest.mark.parametrize("module", [gatekeeper, aio], ids=["sync", "aio"])
def test_an_option_of_the_core_is_rejected_with_a_core_by_name(module: Any, option: str) -> None:
    core = module.GatekeeperCore("memory:")
    with pytest.raises(BadRequestError, match=f"^{option} is an option of the core: give it to GatekeeperCore"):
        module.init_key_manager(core=core, endpoints={}, **{option: OF_THE_CORE[option]})
    with pytest.raises(BadRequestError, match=r"^url and core exclude each other: leave one of them out"):
        module.init_key_manager(core=core, endpoints={}, url="memory:", **{option: OF_THE_CORE[option]})


@pytest.mark.parametrize("core", ["memory:", 7, object(), KeyManager])
def test_what_is_no_core_is_rejected(core: Any) -> None:
    with pytest.raises(BadRequestError, match=r"^core must be a GatekeeperCore"):
        init_key_manager(core=core, endpoints={})


def test_a_closed_core_makes_no_key_manager_and_an_earlier_one_works_on() -> None:
    core = GatekeeperCore("memory:")
    keys = init_key_manager(core=core, endpoints=ENDPOINTS)
    core.close()
    assert keys.create_user_api_key("user").success
    with pytest.raises(BadRequestError, match="this core is closed"):
        init_key_manager(core=core, endpoints={})
