"""GatekeeperCore in Python: tokens, options, results, errors, processes."""

from __future__ import annotations

import asyncio
import json
import math
import multiprocessing
import os
import pickle
import sqlite3
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import argon2
import gatekeeper
import jwt
import pytest
from conftest import ENDPOINTS, SECRET
from gatekeeper import (
    UNSET,
    AuditService,
    AuthService,
    BadRequestError,
    GatekeeperCore,
    GatekeeperError,
    MfaChallenge,
    NotFoundError,
    PlanLimitError,
    PlatformService,
    RateLimitedError,
    TenantsService,
    Tokens,
    UnauthorizedError,
    UsageService,
    aio,
    is_mfa_challenge,
)
from gatekeeper.errors import _from_core

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EMAIL, PASSWORD = "founder@example.com", "hunter2pass"
UNKNOWN_TENANT = "tnt_00000000000000000000000001"


@pytest.fixture(params=["memory", "file"])
def core(request: pytest.FixtureRequest, tmp_path: Path) -> GatekeeperCore:
    """A core with the token of a user who has signed up."""
    core = GatekeeperCore("memory:" if request.param == "memory" else f"{tmp_path}/gatekeeper.db", secret=SECRET)
    core.set_token(AuthService(core).signup(EMAIL, PASSWORD, name="Founder").access_token)
    return core


def tokens_of(core: GatekeeperCore) -> Tokens:
    answer = AuthService(core).login(EMAIL, PASSWORD)
    assert not is_mfa_challenge(answer)
    return answer


def test_calls_use_the_token_that_was_set_last_and_none_clears_it(core: GatekeeperCore) -> None:
    auth = AuthService(core)
    assert auth.me().email == EMAIL
    token = tokens_of(core).access_token
    core.set_token(None)
    with pytest.raises(UnauthorizedError):
        auth.me()
    assert AuthService(core.with_token(token)).me().name == "Founder"
    with pytest.raises(UnauthorizedError):
        auth.me()
    for wrong in (5, b"token"):
        with pytest.raises(BadRequestError, match="token must be a string"):
            core.set_token(wrong)  # type: ignore[arg-type]
    core.set_token("\ud800")
    with pytest.raises(UnauthorizedError):
        auth.me()


def test_pyjwt_verifies_rs256_tokens_from_before_a_rotation_and_after_it() -> None:
    core = GatekeeperCore("memory:", signing_algorithm="RS256", operator=True)
    auth, platform = AuthService(core), PlatformService(core)
    before = auth.signup(EMAIL, PASSWORD).access_token
    made = platform.rotate_signing_key(activate_now=True)
    after = tokens_of(core).access_token
    keys = jwt.PyJWKSet.from_dict(core.jwks())
    kids = [jwt.get_unverified_header(token)["kid"] for token in (before, after)]
    assert (kids[1], made.algorithm) == (made.kid, "RS256")
    assert kids[0] != kids[1]
    for token, kid in zip((before, after), kids, strict=True):
        jwt.decode(token, keys[kid], algorithms=["RS256"], audience="gatekeeper", issuer="gatekeeper")


def test_pyjwt_verifies_an_access_token_with_the_published_keys() -> None:
    core = GatekeeperCore("memory:", issuer="https://issuer.example", audience="an api")
    tokens = AuthService(core).signup(EMAIL, PASSWORD)
    keys = jwt.PyJWKSet.from_dict(core.jwks())
    header = jwt.get_unverified_header(tokens.access_token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "EdDSA")
    key = keys[header["kid"]]

    def decoded(audience: str) -> dict[str, Any]:
        return dict(
            jwt.decode(
                tokens.access_token,
                key,
                algorithms=["EdDSA"],
                issuer="https://issuer.example",
                audience=audience,
                options={"require": ["iss", "aud", "sub", "sid", "client_id", "jti", "iat", "exp"]},
            )
        )

    claims = decoded("an api")
    assert (claims["sub"], claims["exp"] - claims["iat"]) == (tokens.user.id, tokens.expires_in)
    with pytest.raises(jwt.InvalidAudienceError):
        decoded("another")
    body, signature = tokens.access_token.rsplit(".", 1)
    other = ("B" if signature[0] == "A" else "A") + signature[1:]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{body}.{other}", key, algorithms=["EdDSA"], options={"verify_aud": False})


def test_argon2_cffi_verifies_a_stored_password(tmp_path: Path) -> None:
    path = tmp_path / "gatekeeper.db"
    core = GatekeeperCore(str(path), secret=SECRET)
    tokens = AuthService(core).signup(EMAIL, PASSWORD)
    connection = sqlite3.connect(path)
    [(stored,)] = connection.execute("SELECT password FROM users")
    connection.close()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert argon2.PasswordHasher().verify(stored, PASSWORD)
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        argon2.PasswordHasher().verify(stored, PASSWORD + "x")
    kept = b"".join(each.read_bytes() for each in tmp_path.iterdir() if each.is_file())
    for secret in (PASSWORD, tokens.access_token, tokens.refresh_token, SECRET):
        assert secret.encode() not in kept


def test_results_are_frozen_typed_and_index_by_wire_name(core: GatekeeperCore) -> None:
    tokens = tokens_of(core)
    assert tokens["accessToken"] == tokens.access_token
    assert tokens.user is tokens["user"]
    assert (tokens.user.email_verified, dict(tokens.user)["emailVerified"]) == (False, False)
    assert ("accessToken" in tokens, "access_token" in tokens, len(tokens)) == (True, False, 4)
    with pytest.raises(AttributeError):
        tokens.user.name = "Mallory"
    with pytest.raises(KeyError):
        tokens["access_token"]
    shown = repr(tokens)
    assert tokens.access_token not in shown
    assert tokens.refresh_token not in shown
    assert "access_token=[redacted]" in shown
    assert EMAIL in shown
    challenge = MfaChallenge(mfa_required=True, challenge_token="canary")  # noqa: S106
    assert "canary" not in repr(challenge)
    assert is_mfa_challenge(challenge)


def test_results_pickle_and_are_equal_by_value(core: GatekeeperCore) -> None:
    tokens = tokens_of(core)
    tenants = TenantsService(core)
    page = (tenants.create("Acme"), tenants.list())[1]
    for answer in (tokens, tokens.user, page, page.items[0]):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(answer, protocol))
            assert again == answer
            assert type(again) is type(answer)
    assert tokens != tokens_of(core)
    assert hash(tokens.user) == hash(AuthService(core).me())


def test_errors_have_their_fields_and_pickle(core: GatekeeperCore) -> None:
    with pytest.raises(NotFoundError) as caught:
        TenantsService(core).get(UNKNOWN_TENANT)
    error = caught.value
    assert (error.status, error.code, error.message) == (404, "not_found", "not found, or not yours")
    assert (error.retry_after, error.details, error.request_id) == (None, None, None)

    home, auth = AuthService(core.with_client_address("192.0.2.2")), AuthService(core.with_client_address("192.0.2.1"))
    assert home.login(EMAIL, PASSWORD)
    for _ in range(5):
        with pytest.raises(UnauthorizedError):
            auth.login(EMAIL, "not the password")
    with pytest.raises(RateLimitedError) as limited:
        auth.login(EMAIL, "not the password")
    assert limited.value.retry_after is not None
    assert limited.value.retry_after >= 1
    for each in (error, limited.value):
        again = pickle.loads(pickle.dumps(each))
        assert type(again) is type(each)
        assert vars(again) == vars(each)
    # The owner can still log in from an address that they have logged in from before.
    assert home.login(EMAIL, PASSWORD)


def test_failed_password_changes_are_throttled_like_logins(core: GatekeeperCore) -> None:
    thief = AuthService(core.with_client_address("198.51.100.9", token=tokens_of(core).access_token))
    for guess in range(5):
        with pytest.raises(UnauthorizedError, match="currentPassword is incorrect"):
            thief.change_password(f"guess {guess}", "another good one")
    with pytest.raises(RateLimitedError) as limited:
        thief.change_password(PASSWORD, "another good one")
    assert limited.value.retry_after == 60


def test_failed_logins_of_a_client_address_are_limited_over_all_accounts() -> None:
    core = GatekeeperCore("memory:", secret=SECRET, wrong_passwords_per_minute=2)
    # Two addresses of one IPv6 network of 64 bits.
    for account, host in enumerate(["2001:db8::1", "2001:db8::2"]):
        with pytest.raises(UnauthorizedError):
            AuthService(core.with_client_address(host)).login(f"a{account}@example.com", "not the password")
    with pytest.raises(RateLimitedError) as limited:
        AuthService(core.with_client_address("2001:db8::3")).login(EMAIL, PASSWORD)
    assert limited.value.details == {"rateLimit": {"name": "credential", "total": 2, "windowSeconds": 60}}


def test_failed_logins_are_limited_for_asynchronous_calls_too() -> None:
    async def guess() -> list[str | None]:
        core = aio.GatekeeperCore("memory:", secret=SECRET, wrong_passwords_per_minute=2)
        auth = aio.AuthService(core.with_client_address("198.51.100.9"))
        outcomes: list[str | None] = []
        for account in range(3):
            try:
                await auth.login(f"a{account}@example.com", "not the password")
            except GatekeeperError as error:
                outcomes.append(error.code)
        return outcomes

    assert asyncio.run(guess()) == ["unauthorized", "unauthorized", "rate_limited"]


def test_the_details_of_an_engine_error_reach_the_exception() -> None:
    error = _from_core(402, "plan_limit", "over quota", None, 7, '{"quota": {"limit": 3}}', "req_7")
    assert isinstance(error, PlanLimitError)
    assert (error.retry_after, error.details, error.request_id) == (7, {"quota": {"limit": 3}}, "req_7")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_url": 5}, "base_url"),
        ({"base_url": "mysql:db"}, "mysql: is not a database"),
        ({"base_url": "http://user:canary@localhost"}, "url: .*as the token"),
        ({"base_url": "http://localhost", "operator": True}, "operator is only available with an embedded database"),
        ({"base_url": "http://localhost", "clock": "manual"}, "clock: .* memory:"),
        (
            {"base_url": "http://localhost", "secret": "a secret of 16 bytes"},
            "secret: only available with an embedded database",
        ),
        ({"base_url": "http://localhost", "issuer": "me"}, "issuer: only available with an embedded database"),
        (
            {"base_url": "http://localhost", "endpoints": ENDPOINTS},
            "endpoints: only available with an embedded database",
        ),
        ({"default_headers": {"Authorization": "canary"}}, "Authorization is set by the client"),
        ({"token": "x", "operator": True}, "operator and token"),
        ({"operator": 1}, "operator"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 11}, "max_retries"),
        ({"default_headers": {"a b": "c"}}, "default_headers"),
        ({"default_headers": {"a": "b\r\nc: d"}}, "default_headers.a"),
        ({"default_headers": "a: b"}, "default_headers"),
        ({"user_agent": "a\nb"}, "user_agent"),
        ({"endpoints": []}, "endpoints"),
        ({"endpoints": {"GET": {"default": {"maxReq": 0, "duration": 1}}}}, "endpoints.GET"),
        ({"secret": "too short"}, "at least 16 bytes"),
        ({"secret": "\ud800" * 16}, "secret must be Unicode"),
        ({"issuer": ""}, "issuer"),
        ({"refresh_grace_ms": -1}, "refreshGraceMs"),
        ({"signing_algorithm": "HS256"}, "signingAlgorithm must be one of EdDSA, RS256"),
        ({"usage_retention_days": 36_501}, "usageRetentionDays"),
        ({"session_days": 3651}, "sessionDays must be a whole number from 1 to 3650"),
        ({"sessions_per_user": 0}, "sessionsPerUser must be a whole number from 1 to 10000"),
        ({"signups_per_minute": 0}, "signupsPerMinute must be a whole number from 1"),
        ({"refreshes_per_minute": -1}, "refreshesPerMinute"),
        ({"wrong_keys_per_minute": 2**32}, "wrongKeysPerMinute"),
        ({"wrong_passwords_per_minute": 0}, "wrongPasswordsPerMinute must be a whole number from 1"),
        ({"key_imports": "everyone"}, "keyImports must be one of root, members"),
        ({"import_suffixes_per_tenant": 0}, "importSuffixesPerTenant must be a whole number from 1 to 64"),
        ({"import_suffixes": 65}, "importSuffixes must be a whole number from 1 to 64"),
        ({"cache_keys": 10**10}, "cacheKeys"),
        ({"clock": "sundial"}, "clock must be one of system, manual"),
    ],
)
def test_the_rejection_of_an_option_names_it(options: dict[str, Any], message: str) -> None:
    for make in (GatekeeperCore, aio.GatekeeperCore):
        with pytest.raises(BadRequestError, match=message):
            make(**{"base_url": "memory:", **options})


def test_an_embedded_database_accepts_the_options_for_http() -> None:
    GatekeeperCore("memory:", timeout=5, max_retries=0, default_headers={"X-A": "b"}, user_agent="me/1").close()


def test_arguments_that_json_cannot_represent_are_rejected_by_name(core: GatekeeperCore) -> None:
    tenants, anything = TenantsService(core), object()
    create: Callable[[Any], object] = tenants.create
    for wrong in (5, None, anything, b"bytes"):
        with pytest.raises(BadRequestError, match="name must be a string"):
            create(wrong)
    with pytest.raises(BadRequestError, match="name must be Unicode"):
        create("\ud800")
    with pytest.raises(BadRequestError, match="limit must be a whole number"):
        tenants.list(limit=math.nan)  # type: ignore[arg-type]
    with pytest.raises(BadRequestError, match="quantity must be a whole number from 1 to 1000000000"):
        UsageService(core).check(UNKNOWN_TENANT, quantity=10**30)
    for number in (2**53, -(2**53), 2**64, 10**30):
        with pytest.raises(
            BadRequestError, match=r"^metadata\.at\[0\] must be a whole number from -9007199254740991 to"
        ):
            AuditService(core).record(UNKNOWN_TENANT, "x.y", metadata={"at": [number]})
    with pytest.raises(BadRequestError, match=r"metadata\.at must be a JSON value"):
        AuditService(core).record(UNKNOWN_TENANT, "x.y", metadata={"at": anything})
    with pytest.raises(TypeError):
        tenants.list(limt=1)  # type: ignore[call-arg]
    with pytest.raises(BadRequestError, match="core must be"):
        AuthService(aio.GatekeeperCore("memory:"))  # type: ignore[arg-type]


def test_an_update_changes_only_the_given_fields(core: GatekeeperCore) -> None:
    tenants = TenantsService(core)
    tenant = tenants.create("Acme")
    assert tenants.update(tenant.id).name == "Acme"
    assert tenants.update(tenant.id, name=UNSET).name == "Acme"
    assert tenants.update(tenant.id, name="Acme Ltd").name == "Acme Ltd"
    assert repr(UNSET) == "UNSET"


def test_a_core_is_closed_at_the_end_of_its_block(core: GatekeeperCore) -> None:
    with core as same:
        assert same is core
        AuthService(core).me()
    core.close()
    with pytest.raises(BadRequestError, match="closed"):
        AuthService(core).me()
    with pytest.raises(BadRequestError, match="closed"):
        core.jwks()
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(core)


async def test_asynchronous_calls_run_concurrently() -> None:
    async with aio.GatekeeperCore("memory:", clock="manual") as core:
        auth = aio.AuthService(core)
        answers = await asyncio.gather(*(auth.signup(f"{each}@example.com", PASSWORD) for each in range(8)))
        assert len({answer.user.id for answer in answers}) == 8
        core.set_token(answers[0].access_token)
        tenants = aio.TenantsService(core)
        for each in range(5):
            await tenants.create(f"Tenant {each}")
        assert [tenant.name async for tenant in tenants.iterate(limit=2)] == [f"Tenant {each}" for each in range(5)]
        assert (await core.jwks())["keys"][0]["kty"] == "OKP"
        core.advance(900_000)
        with pytest.raises(UnauthorizedError):
            await auth.me()
    with pytest.raises(BadRequestError, match="closed"):
        await auth.me()


def test_threads_share_a_core(core: GatekeeperCore) -> None:
    tenants = TenantsService(core)
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend(tenants.create("Acme").id for _ in range(10))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == sorted(tenant.id for tenant in tenants.iterate(limit=7))


def test_the_environment_sets_the_url_and_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEKEEPER_URL", "memory:")
    monkeypatch.setenv("GATEKEEPER_TOKEN", "canary")
    with pytest.raises(UnauthorizedError):
        AuthService(GatekeeperCore.from_env()).me()
    with pytest.raises(NotFoundError):
        TenantsService(GatekeeperCore.from_env(operator=True)).get(UNKNOWN_TENANT)
    monkeypatch.setenv("GATEKEEPER_URL", "http://localhost:8787")
    with pytest.raises(BadRequestError, match="operator"):
        aio.GatekeeperCore.from_env(operator=True)


def test_nothing_is_opened_before_the_first_call(tmp_path: Path) -> None:
    path = tmp_path / "gatekeeper.db"
    core = GatekeeperCore(str(path), secret=SECRET)
    assert list(tmp_path.iterdir()) == []
    AuthService(core).signup(EMAIL, PASSWORD)
    assert path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.parametrize("used", [True, False], ids=["used", "not used"])
def test_a_core_works_in_a_forked_child_and_still_in_the_parent(tmp_path: Path, used: bool) -> None:
    core = GatekeeperCore(f"{tmp_path}/gatekeeper.db", secret=SECRET)
    other = core.with_token(None)
    if used:
        core.set_token(AuthService(core).signup(EMAIL, PASSWORD).access_token)
        TenantsService(core).create("Before")
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        output = b"failed"
        try:
            if used:
                TenantsService(core).create("In the child")
                output = json.dumps([tenant.name for tenant in TenantsService(core).iterate()]).encode()
            else:
                output = json.dumps([AuthService(other).signup("child@example.com", PASSWORD).user.email]).encode()
        finally:
            os.write(write, output)
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        printed = json.loads(pipe.read())
    os.waitpid(child, 0)
    if used:
        assert printed == ["Before", "In the child"]
        assert [tenant.name for tenant in TenantsService(core).iterate()] == printed
        AuthService(core).login(EMAIL, PASSWORD)
    else:
        assert printed == ["child@example.com"]
        assert AuthService(core).login("child@example.com", PASSWORD)


def forked(core: GatekeeperCore) -> str:
    return AuthService(core).login(EMAIL, PASSWORD)["user"].email  # type: ignore[no-any-return]


def test_a_process_forked_by_multiprocessing_can_use_a_core_of_its_parent(core: GatekeeperCore) -> None:
    context = multiprocessing.get_context("fork")
    queue: Any = context.SimpleQueue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        process = context.Process(target=lambda: queue.put(forked(core)))
        process.start()
    process.join(30)
    assert (process.exitcode, queue.get()) == (0, EMAIL)


def test_gatekeeper_and_aio_have_the_same_names() -> None:
    services = {name for name in gatekeeper.__all__ if name.endswith("Service")}
    assert services == {name for name in aio.__all__ if name.endswith("Service")}
    assert len(services) >= 4
