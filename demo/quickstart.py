"""The GatekeeperCore quickstart in Python, with one error of each kind. Prints a line of JSON for each step."""

import json
import sys
from collections.abc import Callable
from typing import Any

from gatekeeper import (
    AuthService,
    GatekeeperCore,
    GatekeeperError,
    KeysService,
    TenantsService,
    UsageService,
)


def row(what: str, answer: str) -> None:
    print(json.dumps([what, answer]), flush=True)


def failing(what: str, call: Callable[[], Any]) -> None:
    """Run a call that must fail, and print its error."""
    try:
        call()
    except GatekeeperError as error:
        row(what, f"{error.status} {error.code}")
    else:
        row(what, "did not fail")


def main(url: str) -> None:
    email, password = "python@example.com", "hunter2pass"
    with GatekeeperCore(url) as core:
        auth, tenants = AuthService(core), TenantsService(core)
        tokens = auth.signup(email, password, name="Founder")
        row("sign up", f"user {tokens.user.name}, token for {tokens.expires_in} s")
        core.set_token(tokens.access_token)
        tenant = tenants.create("Acme Inc")
        row("create a tenant", f"{tenant.name}, role {tenant.role}")
        metered(core, tenant.id)

        failing("a wrong password", lambda: auth.login(email, "not the password"))
        guest = core.with_token(auth.signup("guest-of-" + email, password).access_token)
        tenants.add_member(tenant.id, AuthService(guest).me().id)
        failing("a member removes the tenant", lambda: TenantsService(guest).remove(tenant.id))
        tenants.remove_member(tenant.id, AuthService(guest).me().id)
        failing("a stranger looks at the tenant", lambda: TenantsService(guest).get(tenant.id))


def metered(core: GatekeeperCore, tenant_id: str) -> None:
    """Create a key with a quota and record usage."""
    keys, usage = KeysService(core), UsageService(core)
    created = keys.create(tenant_id=tenant_id, name="server-key", scopes=["read", "write"], quota_limit=2)
    row("create a key with a quota of 2", f"{created.api_key.name}, {created.api_key.status}")
    event = usage.record(tenant_id, "inference", "completion", api_key_id=created.api_key.id, quantity=1)
    row("record usage", f"{event.service}.{event.action}, quantity {event.quantity}")
    failing(
        "check and record more",
        lambda: usage.check_and_record(tenant_id, "inference", "completion", api_key_id=created.api_key.id, quantity=2),
    )


main(sys.argv[1])
