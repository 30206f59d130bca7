"""The options of a verification: scopes, cost and the address of the client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ENDPOINTS
from gatekeeper import GatekeeperCore, KeyManager, aio, init_key_manager

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_VALID = {"success": True, "keyValid": False, "ok": False}


@pytest.fixture
def scoped() -> tuple[KeyManager, str]:
    """A key manager, and a key with two scopes."""
    core = GatekeeperCore("memory:", operator=True)
    tenant = core.tenants.create("Acme Inc").id
    key = core.keys.create(tenant, scopes=["tasks:read", "tasks:write"]).plain_text_key
    return init_key_manager(core=core, tenants=[tenant], endpoints=ENDPOINTS), key


@pytest.mark.parametrize(
    ("scopes", "has_them"),
    [
        ((), True),
        (["tasks:read"], True),
        (("tasks:read", "tasks:write"), True),
        ({"tasks:write"}, True),
        (frozenset({"tasks:read"}), True),
        (["tasks:read", "tasks:delete"], False),
        ({"tasks:delete"}, False),
    ],
)
def test_a_key_without_a_scope_is_valid_but_not_ok_and_nothing_is_counted(
    scoped: tuple[KeyManager, str], scopes: Any, has_them: bool
) -> None:
    keys, api_key = scoped
    awaited = aio.KeyManager(keys)
    for variable, verified in (
        ("sync", keys.verify_user_api_key(api_key, "ONCE", ["sync"], scopes=scopes)),
        ("aio", asyncio.run(awaited.verify_user_api_key(api_key, "ONCE", ["aio"], scopes=scopes))),
    ):
        assert (verified.key_valid, verified.ok) == (True, has_them)
        assert verified.code == ("valid" if has_them else "insufficient_scope")
        assert verified.scopes == ("tasks:read", "tasks:write")
        assert keys.verify_user_api_key(api_key, "ONCE", [variable]).ok is not has_them


def test_an_invalid_key_is_invalid_whatever_its_scopes_should_be(scoped: tuple[KeyManager, str]) -> None:
    keys, _ = scoped
    assert dict(keys.verify_user_api_key("user_xxx", "ONCE", scopes=["tasks:read"])) == NOT_VALID


def test_a_request_counts_as_much_as_it_costs(keys: KeyManager, new_key: Callable[..., str]) -> None:
    api_key = new_key()
    assert keys.verify_user_api_key(api_key, "GET_TASKS", cost=7).remaining == 3
    assert asyncio.run(aio.KeyManager(keys).verify_user_api_key(api_key, "GET_TASKS", cost=2)).remaining == 1
    rejected = keys.verify_user_api_key(api_key, "GET_TASKS", cost=2)
    assert (rejected.ok, rejected.code, rejected.remaining) == (False, "rate_limited", 1)
    assert keys.verify_user_api_key(api_key, "GET_TASKS", cost=1).ok


@pytest.mark.parametrize("client_address", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", None])
def test_a_verification_names_the_address_of_the_client(
    keys: KeyManager, new_key: Callable[..., str], client_address: str | None
) -> None:
    assert keys.verify_user_api_key(new_key(), "ONCE", client_address=client_address).ok


def test_a_verification_that_needs_io_counts_once(url: str) -> None:
    api_key = init_key_manager(url=url, endpoints=ENDPOINTS).create_user_api_key("user")["apiKey"]
    for remaining in (9, 8, 7):
        # The key is not cached in a new key manager, so it is read from the database.
        fresh = aio.init_key_manager(url=url, endpoints=ENDPOINTS)
        assert asyncio.run(fresh.verify_user_api_key(api_key, "GET_TASKS")).remaining == remaining


@pytest.mark.parametrize(
    ("option", "values", "message"),
    [
        (
            "scopes",
            [None, 7, b"a", {"a": 1}, ["a", 7], [None], {7}, object()],
            "scopes must be a list, tuple or set of strings",
        ),
        ("scopes", [["\ud800"]], "scopes must be Unicode"),
        ("scopes", ["tasks:read"], "scopes must be a list, tuple or set of strings, not one string: write [scope]"),
        ("scopes", [["read", ""], ["a b"], [str(number) for number in range(101)]], "scopes"),
        (
            "cost",
            [None, True, 1.0, "1", -1, 2**32, 2**64, [], object()],
            "cost must be a whole number from 1 to 4294967295",
        ),
        ("cost", [0, 2, 2**32 - 1], "cost"),
        (
            "client_address",
            [7, b"::1", ["::1"], "\ud800", object()],
            "client_address must be an IP address as a string, or None",
        ),
        ("client_address", ["", "localhost", "192.0.2", "192.0.2.1/24"], "client"),
    ],
)
def test_an_option_of_a_verification_out_of_range_is_an_invalid_body_that_names_it(
    keys: KeyManager, new_key: Callable[..., str], option: str, values: list[Any], message: str
) -> None:
    api_key = new_key()
    for value in values:
        given = {option: value}
        for res in (
            keys.verify_user_api_key(api_key, "ONCE", **given),
            asyncio.run(aio.KeyManager(keys).verify_user_api_key(api_key, "ONCE", **given)),
        ):
            assert (res.success, res.error) == (False, "invalidBody"), value
            assert (res.reason or "").startswith(message), (value, res.reason)
    assert keys.verify_user_api_key(api_key, "ONCE").ok, "nothing was counted"


def test_an_option_that_does_not_exist_is_a_type_error(keys: KeyManager) -> None:
    wrong: Any = {"scope": ["read"]}
    with pytest.raises(TypeError, match="unexpected keyword argument 'scope'"):
        keys.verify_user_api_key("", "ONCE", **wrong)
    positional: Any = ((), 1)
    with pytest.raises(TypeError, match="positional arguments"):
        keys.verify_user_api_key("", "ONCE", *positional)
