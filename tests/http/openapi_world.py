"""Sample data for tests that call a server according to its OpenAPI document."""

from __future__ import annotations

from typing import Any

import httpx


def ask(url: str, body: object = None, token: str = "", address: str = "10.0.0.0") -> Any:
    """Send a GET request, or a POST request if there is a body, and return the data of the response."""
    headers = {"X-Forwarded-For": address, **({"Authorization": f"Bearer {token}"} if token else {})}
    method = "GET" if body is None else "POST"
    response = httpx.request(method, url, json=body, headers=headers, timeout=20)
    response.raise_for_status()
    answer = response.json()
    return answer.get("data", answer)


def populated(url: str, root_key: str) -> dict[str, Any]:
    """Create users, a tenant and keys, and return their credentials and ids."""
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
