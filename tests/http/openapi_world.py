"""A server with people, a tenant and keys in it, for those who drive it by its document."""

from __future__ import annotations

from typing import Any

import httpx


def ask(url: str, body: object = None, token: str = "", source: str = "10.0.0.0") -> Any:
    """What the server answers to a question, or to a body where there is one."""
    headers = {"X-Forwarded-For": source, **({"Authorization": f"Bearer {token}"} if token else {})}
    method = "GET" if body is None else "POST"
    answered = httpx.request(method, url, json=body, headers=headers, timeout=20)
    answered.raise_for_status()
    answer = answered.json()
    return answer.get("data", answer)


def populated(url: str, root_key: str) -> dict[str, Any]:
    """Who and what there is, once it is there."""
    people = [{"email": f"{name}@example.com", "password": f"a long password of {name}"} for name in ("ada", "ben")]
    owner, member = (ask(f"{url}/v1/auth/signup", login) for login in people)
    token = owner["accessToken"]
    tenant = ask(f"{url}/v1/tenants", {"name": "Acme Inc"}, token)["id"]
    ask(f"{url}/v1/tenants/{tenant}/members", {"userId": member["user"]["id"]}, token)
    key = ask(f"{url}/v1/keys", {"tenantId": tenant, "scopes": ["*:*"]}, token)
    return {
        "url": url,
        "owner": people[0],
        "ownerId": owner["user"]["id"],
        "memberId": member["user"]["id"],
        "password": "a password of newcomers",
        "tenantId": tenant,
        "keyId": key["apiKey"]["id"],
        "key": key["plainTextKey"],
        "userKey": ask(f"{url}/api/v1/keys", {"prefix": "user"}, root_key)["apiKey"],
        "rootKey": root_key,
    }
