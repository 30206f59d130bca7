"""Metered usage of an API: an account, its tenant, a key with a scope, and quotas of the key and of the tenant."""

from gatekeeper import GatekeeperCore, PlanLimitError

URL = "sqlite:gatekeeper.db"


def serve(core: GatekeeperCore, key: str, tokens: int, request_id: str) -> str:
    """Record the usage of one request, if the key may write and the quotas have room for it."""
    caller = core.keys.validate(key)  # raises UnauthorizedError if the key is not valid
    if "write" not in caller.scopes:
        return "403 the key needs the scope write"
    try:
        recorded = core.usage.check_and_record(
            caller.tenant_id,
            "inference",
            "completion",
            api_key_id=caller.id,
            quantity=tokens,
            idempotency_key=request_id,  # a request that is sent again counts once
        )
    except PlanLimitError as error:
        left = core.usage.check(caller.tenant_id, tokens, caller.id).remaining
        return f"{error.status} {error.code}, {left} left"
    return f"{recorded.quota.used} of {recorded.quota.limit} used"


def main() -> None:
    """Sign up, create a tenant and a key, and serve requests until the quota is reached."""
    with GatekeeperCore(URL, operator=True) as operator, GatekeeperCore(URL) as core:
        tokens = core.auth.signup("founder@example.com", "hunter2pass", name="Founder")
        core.set_token(tokens.access_token)
        tenant = core.tenants.create("Acme Inc")
        quota = operator.platform.set_tenant_quota(tenant.id, 1000)
        print(f"{tenant.name}: {quota.limit} tokens a {quota.period}")

        created = core.keys.create(tenant.id, name="server-key", scopes=["read", "write"], quota_limit=100)
        print(f"{created.api_key.name}: {created.api_key.quota_limit} tokens a {created.api_key.quota_period}")
        key = created.plain_text_key
        print(f"60 tokens: {serve(operator, key, 60, 'request 1')}")
        print(f"the same request again: {serve(operator, key, 60, 'request 1')}")
        print(f"60 tokens more: {serve(operator, key, 60, 'request 2')}")

        summary = core.usage.summary(tenant.id)
        print(f"{tenant.name}: {summary.total_usage} tokens in {summary.event_count} request")


if __name__ == "__main__":
    main()
