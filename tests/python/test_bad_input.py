"""Bad input: a stable code, and a message that names the field and what is allowed."""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ENDPOINTS, ROOT, SOAK, RootKeys
from gatekeeper import BadRequestError, GatekeeperError, KeyManager, _native, aio, init_key_manager
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_VALID = {"success": True, "keyValid": False, "ok": False}
LIMIT = {"maxReq": 1, "duration": 1_000}

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.just(object())
    | st.just(10**1000)
    | st.decimals(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.frozensets(st.text())
    ),
    max_leaves=8,
)


# The user's key.


def test_a_value_that_is_no_key_is_an_invalid_key(keys: KeyManager, new_key: Callable[..., str]) -> None:
    good = new_key()
    wrong_check = good[:-1] + ("1" if good[-1] != "1" else "2")
    look_alikes = [
        good.replace("u", "\u03c5", 1),
        good[:-1] + "\u0131",
        good.upper(),
        f" {good}",
        f"{good}\n",
    ]
    reserved = [case["key"] for case in json.loads((ROOT / "tests/vectors/key-format.json").read_text())["valid"]]
    bad = [
        "",
        "user_xxx",
        "x" * 1_000_000,
        wrong_check,
        "clé_🦊",
        "\0",
        f"{good}\0",
        f"\0{good}",
        "\ud800",
        "_",
    ]
    for key in [*bad, *look_alikes, *reserved]:
        assert dict(keys.verify_user_api_key(key, "ONCE")) == NOT_VALID, key
    assert keys.verify_user_api_key(good, "ONCE").ok


def test_a_request_without_a_key_has_an_invalid_key(keys: KeyManager) -> None:
    assert dict(keys.verify_user_api_key(None, "ONCE")) == NOT_VALID
    assert dict(asyncio.run(aio.KeyManager(keys).verify_user_api_key(None, "ONCE"))) == NOT_VALID
    # The endpoint is checked first, as for any other key.
    assert keys.verify_user_api_key(None, "NEVER_DEFINED").error == "invalidBody"


@pytest.mark.parametrize("key", [7, b"user_xxx", ["user_xxx"], object()])
def test_a_key_that_is_not_text_is_an_invalid_body(keys: KeyManager, key: Any) -> None:
    res = keys.verify_user_api_key(key, "ONCE")
    assert (res.success, res.error, res.reason) == (False, "invalidBody", "user_api_key must be a string or None")


# Endpoint and variables.


@pytest.mark.parametrize("endpoint", ["", "once", "ONCE ", "\ud800", "\0", None, 7, b"ONCE", ["ONCE"]])
def test_an_undefined_endpoint_is_an_invalid_body(keys: KeyManager, endpoint: Any) -> None:
    res = keys.verify_user_api_key("", endpoint)
    assert (res.success, res.error) == (False, "invalidBody")
    assert "endpoint" in (res.reason or "")


@pytest.mark.parametrize(
    "variables",
    [
        [1],
        [None],
        ["a", b"b"],
        ("a", 2),
        7,
        {"a": 1},
        {"a"},
        iter(["a"]),
        b"a",
        ["\udfff"],
        [["a"]],
        object(),
    ],
)
def test_variables_that_are_not_strings_are_an_invalid_body(
    keys: KeyManager, new_key: Callable[..., str], variables: Any
) -> None:
    for key in ("", new_key()):
        res = keys.verify_user_api_key(key, "ONCE", variables)
        assert (res.success, res.error) == (False, "invalidBody")
        assert (res.reason or "").startswith("variables must be")


def test_one_string_instead_of_a_list_of_variables_is_rejected_with_advice(keys: KeyManager) -> None:
    res = keys.verify_user_api_key("", "ONCE", "task_id")  # type: ignore[arg-type]
    assert (res.error, "[variable]" in (res.reason or "")) == ("invalidBody", True)


def test_too_many_variables_are_an_invalid_body(keys: KeyManager, new_key: Callable[..., str]) -> None:
    api_key = new_key()
    assert keys.verify_user_api_key(api_key, "ONCE", [""] * 1_000).ok
    assert keys.verify_user_api_key(api_key, "ONCE", ["x" * 8_192]).ok
    for variables in ([""] * 1_001, ["x" * 8_193], ["é" * 4_097]):
        assert keys.verify_user_api_key(api_key, "ONCE", variables).error == "invalidBody"


# The order of the checks: the root key, the arguments and the endpoint, then the id or the user's key.


@pytest.mark.parametrize(
    ("root_key", "error"),
    [
        ("", "apiTokenNotPresent"),
        ("gkr_canary", "invalidAPIToken"),
        ("\ud800", "invalidAPIToken"),
        ("gkr_wxcBDexvUxa78kRDFHicb6CN31kF7VDBaF", "invalidAPIToken"),
    ],
)
@pytest.mark.parametrize("database", ["memory", "file"])
def test_a_wrong_root_key_is_reported_before_any_other_mistake(
    root_key: str, error: str, database: str, url: str
) -> None:
    keys = init_key_manager(url=url if database == "file" else "memory:", endpoints=ENDPOINTS, root_api_key=root_key)
    wrong: Any = object()
    for res in (
        keys.verify_user_api_key("", "ONCE"),
        keys.verify_user_api_key("", "NEVER_DEFINED"),
        keys.verify_user_api_key(wrong, "ONCE"),
        keys.verify_user_api_key("", wrong),
        keys.verify_user_api_key("", "ONCE", wrong),
        keys.verify_user_api_key("", "ONCE", scopes=wrong),
        keys.verify_user_api_key("", "ONCE", scopes=["\ud800"]),
        keys.verify_user_api_key("", "ONCE", cost=wrong),
        keys.verify_user_api_key("", "ONCE", cost=0),
        keys.verify_user_api_key("", "ONCE", client_address=wrong),
        keys.verify_user_api_key("", "ONCE", client_address="canary"),
        asyncio.run(aio.KeyManager(keys).verify_user_api_key("", "ONCE", scopes=wrong)),
        keys.create_user_api_key("user"),
        keys.create_user_api_key(wrong),
        keys.create_user_api_key("\ud800"),
        keys.rotate_user_api_key(wrong),
        keys.delete_user_api_key("key_"),
        keys.add_roles("", wrong),
        keys.remove_roles("", ["\ud800"]),
    ):
        assert (res.success, res.error) == (False, error)
        assert "canary" not in repr(res)


def test_arguments_are_checked_before_the_id_and_the_users_key(keys: KeyManager) -> None:
    wrong: Any = "PRO"
    assert keys.add_roles("not an id", wrong).error == "invalidBody"
    assert keys.remove_roles("not an id", [""]).error == "invalidBody"
    assert keys.add_roles("not an id", ["PRO"]).error == "invalidId"
    assert keys.verify_user_api_key("not a key", "NEVER_DEFINED").error == "invalidBody"


def test_a_valid_root_key_does_not_hide_a_wrong_argument(url: str, root_key: RootKeys) -> None:
    keys = init_key_manager(url=url, endpoints=ENDPOINTS, root_api_key=root_key(url, "Acme"))
    wrong: Any = object()
    assert keys.verify_user_api_key(wrong, "ONCE").error == "invalidBody"
    assert keys.create_user_api_key("\ud800").error == "invalidBody"


# Ids.


@pytest.mark.parametrize(
    "id", ["", "key_", "tnt_00000000000000000000000000", "\ud800", "\0", "🦊", None, 7, b"key", [], object()]
)
def test_what_is_not_a_key_id_is_an_invalid_id(keys: KeyManager, id: Any) -> None:
    calls: list[Any] = [keys.rotate_user_api_key(id), keys.delete_user_api_key(id)]
    calls += [keys.add_roles(id, ["PRO"]), keys.remove_roles(id, ["PRO"])]
    for res in calls:
        assert (res.success, res.error) == (False, "invalidId")


def test_an_id_that_does_not_exist_is_an_invalid_id(keys: KeyManager) -> None:
    assert keys.delete_user_api_key("key_00000000000000000000000000").error == "invalidId"


# Creation.


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "a b",
        "a/b",
        "é",
        "a" * 65,
        "a\0",
        "gkr",
        "gkp",
        "gkr_x",
        "gkp_x",
        "\ud800",
        None,
        7,
        [],
        {},
    ],
)
def test_a_prefix_out_of_range_or_reserved_is_an_invalid_body(keys: KeyManager, prefix: Any) -> None:
    res = keys.create_user_api_key(prefix)
    assert (res.success, res.error) == (False, "invalidBody")
    assert (res.reason or "").startswith("prefix ")


def test_roles_are_a_set_of_any_unicode(keys: KeyManager) -> None:
    assert keys.create_user_api_key("user", ["PRO"] * 10_000).roles == ("PRO",)
    odd = ["🦊" * 32, "\uff21", "DEFAULT", "default", " ", "\u202e", "é", "e\u0301"]
    assert keys.create_user_api_key("user", odd).roles == tuple(sorted(odd, key=str.encode))
    for roles in (list(odd), tuple(odd), set(odd), frozenset(odd)):
        assert keys.create_user_api_key("user", roles)["roles"] == tuple(sorted(odd, key=str.encode))


@pytest.mark.parametrize(
    "roles",
    [
        [""],
        ["a\0"],
        ["x" * 129],
        ["\ud800"],
        [str(number) for number in range(10_000)],
        "PRO",
        [7],
        [None],
        [["PRO"]],
        {"PRO": 1},
        7,
        None,
        b"PRO",
        object(),
    ],
)
def test_roles_out_of_range_are_an_invalid_body(keys: KeyManager, roles: Any) -> None:
    id = keys.create_user_api_key("user")["id"]
    for res in (
        keys.create_user_api_key("user", roles),
        keys.add_roles(id, roles),
        keys.remove_roles(id, roles),
    ):
        assert (res.success, res.error) == (False, "invalidBody")
        assert (res.reason or "").startswith("roles")


circular: dict[str, Any] = {}
circular["self"] = [circular]

BAD_OPTIONS: dict[tuple[str, str], list[Any]] = {
    ("owner_id", "ownerId"): ["x" * 257, "\0", "\ud800", 7, object(), b"x", math.nan],
    ("name", "name"): ["é" * 129, "\0", "\ud800", [], 1.0],
    ("expires_in_seconds", "expiresInSeconds"): [
        *(0, -1, 1.5, 2**32, 2**64, 10**1000, math.nan, math.inf, "60", True, object()),
    ],
    ("metadata", "metadata"): [
        *([], "x", 7, {1: 2}, {"x": object()}, {"x": math.nan}, {"x": {"y": b""}}, {"x": 2**64}, circular),
        *({"\ud800": 1}, {"x": ["\ud800"]}, {"x": "\0"}, {"x": "x" * 9_000}),
    ],
}


@pytest.mark.parametrize(
    ("field", "wire", "value"),
    [(field, wire, value) for (field, wire), values in BAD_OPTIONS.items() for value in values],
)
def test_an_option_out_of_range_is_an_invalid_body_that_names_it(
    keys: KeyManager, field: str, wire: str, value: Any
) -> None:
    options: Any = {field: value}
    res = keys.create_user_api_key("user", **options)
    assert (res.success, res.error) == (False, "invalidBody")
    assert (res.reason or "").startswith(wire)


def test_options_within_range_are_accepted(keys: KeyManager) -> None:
    metadata = {"plan": "pro", "seats": [1, 2.5, None, True, {"é": "🦊"}], "deep": {"er": {}}}
    created = keys.create_user_api_key(
        "user", owner_id="o" * 256, name="é" * 128, expires_in_seconds=3_155_760_000, metadata=metadata
    )
    assert created.success


# Endpoints and options of the key manager.


BAD_NUMBERS: list[Any] = [
    *(0, -1, 1.5, 1e300, 2**33 * 1000, 10**400, -(10**400), math.nan, math.inf, -math.inf),
    *("10", None, True, [], {}, b"1", Decimal(10), object()),
]


@pytest.mark.parametrize("field", ["maxReq", "duration"])
@pytest.mark.parametrize("value", [*BAD_NUMBERS, pytest.param(10**5000, id="10**5000")])
@pytest.mark.parametrize("role", [False, True])
def test_the_rejection_of_a_limit_names_endpoint_and_field(field: str, value: Any, role: bool) -> None:
    wrong: Any = {**LIMIT, field: value}
    endpoint: Any = {"default": LIMIT, "roles": {"PRO": wrong}} if role else {"default": wrong}
    at = "roles.PRO" if role else "default"
    with pytest.raises(BadRequestError, match=f"^endpoints.GET.{at}.{field} must be a whole number from 1 to"):
        init_key_manager(url="memory:", endpoints={"GET": endpoint})


@pytest.mark.parametrize("roles", [math.nan, [], "PRO", 7, object()])
def test_roles_of_an_endpoint_that_are_no_mapping_are_rejected(roles: Any) -> None:
    with pytest.raises(BadRequestError, match=r"^endpoints.GET.roles must be"):
        init_key_manager(url="memory:", endpoints={"GET": {"default": LIMIT, "roles": roles}})  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("endpoints", "message"),
    [
        (None, "^endpoints must be"),
        ([], "^endpoints must be"),
        ("GET", "^endpoints must be"),
        ({1: {}}, "^endpoints: each name"),
        ({"\ud800": {}}, "^endpoints must be Unicode"),
        ({"GET": None}, "^endpoints.GET must be"),
        ({"GET": {}}, "^endpoints.GET.default is missing"),
        ({"GET": {"default": LIMIT, "role": {}}}, "^endpoints.GET.role is not known"),
        ({"GET": {"default": {**LIMIT, "cost": 1}}}, "^endpoints.GET.default.cost is not known"),
        ({"GET": {"default": LIMIT, "roles": {1: LIMIT}}}, "^endpoints.GET.roles: each name"),
        ({"GET": {"default": LIMIT, "roles": {"": LIMIT}}}, "^endpoints.GET.roles: .*empty"),
        ({"GET": circular}, "^endpoints.GET"),
    ],
)
def test_the_rejection_of_a_malformed_endpoint_names_it(endpoints: Any, message: str) -> None:
    with pytest.raises(BadRequestError, match=message) as raised:
        init_key_manager(url="memory:", endpoints=endpoints)
    assert (raised.value.status, raised.value.code) == (400, "bad_request")


def test_the_bounds_of_the_ranges_are_accepted() -> None:
    endpoints: Any = {
        "": {"default": {"maxReq": 2**32 - 1, "duration": 31_622_400_000}, "roles": None},
        "é": {"default": {"maxReq": 1.0, "duration": 6e4}, "roles": {}},
    }
    init_key_manager(url="memory:", endpoints=endpoints)
    init_key_manager(url="memory:", endpoints={})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[("url", bad) for bad in ("", "mysql:db", "postgres://x", "memory:x", "a\0b", "\ud800", None, 7)],
        *[("url", bad) for bad in ("http:x", "http://", "http://u:p@x", "https://x?a", "http://x#a", "http://x:0x")],
        *[("timeout", bad) for bad in (0, -1, float("nan"), float("inf"), True, "1", None)],
        *[("max_retries", bad) for bad in (-1, 11, 1.5, True, None)],
        *[("default_headers", bad) for bad in ({"a b": "c"}, {"a": "b\n"}, {"a": 1}, {7: "a"}, ["a"], "a: b")],
        *[("user_agent", bad) for bad in ("a\nb", "é", 7)],
        *[("root_api_key", bad) for bad in (7, b"gkr_", [], object())],
        *[("cache_keys", bad) for bad in (-1, 1.5, "1", None, True, 2**64)],
        *[("cache_unknown_keys", bad) for bad in (-1, 1.5, "1", None, True, 2**64)],
        *[("clock", bad) for bad in ("", "Manual", None, 7, "\ud800")],
    ],
)
def test_a_wrong_option_is_rejected_by_name(option: str, value: Any) -> None:
    options: Any = {"url": "memory:", "endpoints": {}, option: value}
    with pytest.raises(BadRequestError, match=f"^{option}[: .]") as raised:
        init_key_manager(**options)
    assert raised.value.status == 400


def test_a_manual_clock_is_for_memory_only(url: str) -> None:
    with pytest.raises(BadRequestError, match=r"^clock.*memory:"):
        init_key_manager(url=url, endpoints={}, clock="manual")


# Anything at all.


@settings(max_examples=300 * SOAK, deadline=None)
@given(st.tuples(anything, anything, anything), anything, anything, anything)
def test_a_verification_of_anything_is_a_result(
    arguments: tuple[Any, Any, Any], scopes: Any, cost: Any, client_address: Any
) -> None:
    assert KEYS.verify_user_api_key(*arguments).success in {True, False}
    options = {"scopes": scopes, "cost": cost, "client_address": client_address}
    assert KEYS.verify_user_api_key(*arguments, **options).success in {True, False}
    assert KEYS.verify_user_api_key("", "ONCE", **options).success in {True, False}


@settings(max_examples=200 * SOAK, deadline=None)
@given(st.tuples(anything, anything, anything, anything, anything, anything))
def test_a_call_with_anything_is_a_result(arguments: tuple[Any, ...]) -> None:
    first, second, owner, name, seconds, metadata = arguments
    for res in (
        KEYS.create_user_api_key(
            first, second, owner_id=owner, name=name, expires_in_seconds=seconds, metadata=metadata
        ),
        KEYS.create_user_api_key("user", second, metadata=metadata),
        KEYS.rotate_user_api_key(first),
        KEYS.delete_user_api_key(first),
        KEYS.add_roles(first, second),
        KEYS.remove_roles(first, second),
    ):
        assert res.success in {True, False}


@settings(max_examples=300 * SOAK, deadline=None)
@given(anything, anything, anything)
def test_a_key_manager_of_anything_is_made_or_rejected(endpoints: Any, root_key: Any, clock: Any) -> None:
    shapes: list[Any] = [endpoints, {"GET": endpoints}, {"GET": {"default": endpoints}}, {"GET": {"default": LIMIT}}]
    for definition in shapes:
        try:
            init_key_manager(url="memory:", endpoints=definition, root_api_key=root_key, clock=clock, cache_keys=1)
        except GatekeeperError as error:
            assert error.status == 400  # noqa: PT017


@settings(max_examples=300 * SOAK, deadline=None)
@given(st.text(st.characters()))
def test_a_vector_of_any_text_is_run_or_rejected(case: str) -> None:
    for text in (case, json.dumps({"suite": "key-format", "case": case})):
        with suppress(GatekeeperError, UnicodeEncodeError):
            json.loads(_native._run_vector(text))


KEYS = init_key_manager(url="memory:", endpoints=ENDPOINTS)
