"""The types of the package: mypy checks this file, and pytest runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

import gatekeeper
from conftest import ENDPOINTS
from gatekeeper import (
    AuthService,
    CreateResult,
    GatekeeperCore,
    KeyManager,
    KeyManagerError,
    Limit,
    Member,
    MemberRole,
    MfaChallenge,
    Page,
    Tenant,
    TenantsService,
    Tokens,
    VerdictCode,
    VerifyResult,
    aio,
    init_key_manager,
    is_mfa_challenge,
)


def test_attributes_may_be_none_and_an_index_may_not(keys: KeyManager) -> None:
    created = keys.create_user_api_key("user", ["PRO"])
    assert_type(created, CreateResult)
    assert_type(created.api_key, str | None)
    assert_type(created["apiKey"], str)
    assert_type(created["roles"], tuple[str, ...])

    res = keys.verify_user_api_key(created["apiKey"], "GET_TASKS", ["task_id"])
    assert_type(res, VerifyResult)
    assert_type(res.ok, bool)
    assert_type(res.remaining, int | None)
    assert_type(res["remaining"], int)
    assert_type(res["role"], str | None)
    assert_type(res.error, KeyManagerError | None)

    assert_type(keys.rotate_user_api_key(created["id"])["apikey"], str)
    assert_type(keys.add_roles(created["id"], {"TEAM"})["count"], int)
    assert_type(keys.delete_user_api_key(created["id"])["success"], bool)
    assert_type(res["code"], VerdictCode)
    assert_type(res["metadata"], dict[str, Any] | None)


async def test_asynchronous_calls_have_the_same_types() -> None:
    keys = aio.init_key_manager(url="memory:", endpoints=ENDPOINTS)
    assert_type(await keys.create_user_api_key("user"), CreateResult)
    assert_type(await keys.verify_user_api_key("", "GET_TASKS"), VerifyResult)


def test_services_return_their_types() -> None:
    core = GatekeeperCore("memory:")
    tokens = AuthService(core).signup("founder@example.com", "hunter2pass")
    assert_type(tokens, Tokens)
    answer = AuthService(core).login("founder@example.com", "hunter2pass")
    assert_type(answer, Tokens | MfaChallenge)
    if not is_mfa_challenge(answer):
        assert_type(answer, Tokens)
    core.set_token(tokens.access_token)
    tenants = TenantsService(core)
    tenant = tenants.create("Acme")
    assert_type(tenant, Tenant)
    assert_type(tenant.role, MemberRole | None)
    assert_type(tenants.list_members(tenant.id), Page[Member])
    assert_type(tenants.list_members(tenant.id).items, tuple[Member, ...])
    assert_type(tenants.iterate(), Iterator[Tenant])
    assert_type(core.tenants, TenantsService)
    assert_type(core.tenants.get(tenant.id), Tenant)


async def test_asynchronous_services_return_the_same_types() -> None:
    async with aio.GatekeeperCore("memory:") as core:
        tokens = await aio.AuthService(core).signup("founder@example.com", "hunter2pass")
        assert_type(tokens, Tokens)
        core.set_token(tokens.access_token)
        assert_type(await aio.TenantsService(core).create("Acme"), Tenant)
        assert_type(core.tenants, aio.TenantsService)
        assert_type(await core.tenants.create("Ltd"), Tenant)
        assert_type(core, gatekeeper.aio.GatekeeperCore)
        assert_type(aio.TenantsService(core).iterate(), AsyncIterator[Tenant])


def mistakes_of_services(tenants: TenantsService, awaited: aio.TenantsService, core: GatekeeperCore) -> None:
    """Type errors in calls of the services; never run."""
    tenants.create("Acme", "Ltd")  # type: ignore[call-arg]
    tenants.list(cursor=5)  # type: ignore[arg-type]
    tenants.add_member("tnt_x", "usr_x", "boss")  # type: ignore[arg-type]
    tenants.update("tnt_x", name=5)  # type: ignore[arg-type]
    aio.TenantsService(core)  # type: ignore[arg-type]
    core.tenants = tenants  # type: ignore[misc]
    gatekeeper.oia  # type: ignore[attr-defined]  # noqa: B018
    tenants.get("tnt_x").name = "Mine"  # type: ignore[misc]
    awaited.get("tnt_x").name  # type: ignore[attr-defined]  # noqa: B018


def mistakes(keys: KeyManager) -> None:
    """Type errors in calls of the key manager; never run. mypy reports an ignore that is not needed."""
    keys.verify_user_api_key("", "GET_TASKS", "task_id")  # type: ignore[arg-type]
    keys.verify_user_api_key(b"", "GET_TASKS")  # type: ignore[arg-type]
    keys.create_user_api_key("user", owner_id=7)  # type: ignore[arg-type]
    keys.create_user_api_key("user", ["PRO"], "owner")  # type: ignore[call-arg]
    keys.verify_user_api_key("", "GET_TASKS").ok = True  # type: ignore[misc]
    init_key_manager(url="memory:", endpoints={"GET": {"default": {"maxReq": 1}}})  # type: ignore[typeddict-item]
    init_key_manager(url="memory:", endpoints={}, clock="stopped")  # type: ignore[arg-type]
    keys.verify_user_api_key("", "GET_TASKS", [], ["read"])  # type: ignore[call-arg]
    keys.verify_user_api_key("", "GET_TASKS", cost="1")  # type: ignore[arg-type]
    init_key_manager(core="memory:", endpoints={})  # type: ignore[arg-type]
    Limit(10)  # type: ignore[call-overload]
    Limit(10, 60_000)  # type: ignore[call-overload]
