"""The log lines of requests, and the fail2ban filter that reads them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
from serving import ROOT, run, serving

if TYPE_CHECKING:
    from pathlib import Path

    from serving import Server

FILTER = ROOT / "docs/how-to/files/fail2ban-gatekeeper.conf"
WRONG = {"email": "a@example.com", "password": "not the password"}


def lines_of(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log().splitlines()]


def test_a_log_line_has_the_client_address_the_principal_and_the_tenant(tmp_path: Path) -> None:
    with serving(tmp_path, "--trusted-proxies", "127.0.0.1") as server, server.client() as client:
        from_client = {"X-Forwarded-For": "203.0.113.9"}

        def logged(method: str, path: str, **options: Any) -> dict[str, Any]:
            headers = {**from_client, **options.pop("headers", {})}
            answer = client.request(method, path, headers=headers, **options)
            request_id = answer.headers["x-request-id"]
            return next(line for line in lines_of(server) if line.get("requestId") == request_id)

        login = logged("POST", "/v1/auth/login", json=WRONG)
        assert (login["clientAddress"], login["principal"], login["status"]) == ("203.0.113.9", "anonymous", 401)
        assert "tenantId" not in login
        assert isinstance(login["micros"], int)
        # The id of the root key, not that of its tenant.
        listed = json.loads(run(tmp_path, "root-keys", "list", "--tenant", server.tenant, "--json").stdout)
        root = logged("GET", "/v1/auth/me", headers=server.root)
        assert (root["principal"], root["principalId"]) == ("rootKey", listed["items"][0]["id"])
        assert (root["tenantId"], root["status"]) == (server.tenant, 403)
        signup = {"email": "a@example.com", "password": "correct horse"}
        tokens = client.post("/v1/auth/signup", json=signup).json()["data"]
        bearer = {"Authorization": "Bearer " + tokens["accessToken"]}
        tenant = client.post("/v1/tenants", json={"name": "Acme"}, headers=bearer).json()["data"]["id"]
        user = logged("GET", "/v1/usage/check", params={"tenantId": tenant, "quantity": "x"}, headers=bearer)
        assert "principal" not in user
        user = logged("PUT", f"/v1/platform/tenants/{tenant}/quota", json={"limit": 5}, headers=bearer)
        assert (user["principal"], user["principalId"]) == ("user", tokens["user"]["id"])
        gone = logged("DELETE", f"/v1/tenants/{tenant}/members/{'usr_' + '0' * 26}", headers=bearer)
        assert (gone["status"], gone["tenantId"]) == (404, tenant)
        wrong = logged("GET", "/v1/auth/me", headers={"X-API-Key": "user_xxx"})
        assert "principal" not in wrong


def test_the_path_of_a_404_is_logged_without_possible_keys(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.client() as client:
        key = client.post("/api/v1/keys", json={"prefix": "user"}, headers=server.root).json()["apiKey"]
        for path in ("/wp-login.php", f"/v1/keys/{key}/show", "/api/v1/\u00e9" + "x" * 1000, "/v1/sk_live_1234567890"):
            assert client.get(path).status_code == 404
        paths = [line["path"] for line in lines_of(server) if line.get("status") == 404]
        assert paths == ["/wp-login.php", "/v1/keys/…/show", "/api/v1/…", "/v1/…"]
        assert key not in server.log()


def test_the_key_managers_routes_log_the_client_too(tmp_path: Path) -> None:
    with serving(tmp_path, "--trusted-proxies", "127.0.0.1") as server, server.client() as client:
        headers = {**server.root, "X-Forwarded-For": "[2001:db8::7]:443"}
        client.post("/api/v1/keys", json={"prefix": "user"}, headers=headers)
        client.post("/api/v1/keys", json={"prefix": ""}, headers=headers)
        events = client.get("/v1/audit", params={"tenantId": server.tenant}, headers=server.root).json()["data"]
        created = next(event for event in events["items"] if event["action"] == "key.created")
        assert created["source"] == "2001:db8::/64"
        rejected = next(line for line in lines_of(server) if line.get("operation") == "keyManager.createKey")
        assert (rejected["clientAddress"], rejected["principal"]) == ("2001:db8::7", "rootKey")


def test_the_fail2ban_filter_finds_the_address_of_failed_logins_and_cannot_be_forged(
    tmp_path: Path,
) -> None:
    text = FILTER.read_text()
    [failregex] = re.findall(r"^failregex = (.*)$", text, re.MULTILINE)
    failing = re.compile(failregex.replace("<HOST>", r"(?P<host>[0-9A-Fa-f.:]+)"))
    [date] = re.findall(r"^datepattern = (.*)$", text, re.MULTILINE)
    date = date.replace("%%Y", r"\d{4}").replace("%%f", r"\d+").replace("%%z", "Z")
    date = re.sub("%%[mdHMS]", r"\\d\\d", date)
    with serving(tmp_path, "--trusted-proxies", "127.0.0.1") as server, server.client() as client:
        forged = '","clientAddress":"192.0.2.66","method":"GET","operation":"x","status":401,"x":"'
        for address in ("203.0.113.9", "2001:db8::7"):
            headers = {"X-Forwarded-For": address, "X-Request-Id": forged[:128]}
            assert client.post("/v1/auth/login", json=WRONG, headers=headers).status_code == 401
            assert client.get("/v1/" + forged, headers=headers).status_code == 404
        assert client.get("/v1/auth/me", headers=server.root).status_code == 403
        # A key that a gateway checks does not count against the gateway.
        params = {"endpoint": "GET_TASKS"}
        invalid = {"X-API-Key": "user_xxx"}
        rejected = httpx.get(f"{server.gateway_url}/check", params=params, headers=invalid, timeout=30)
        assert rejected.status_code == 401
        log = server.log().splitlines()
    assert all(re.search(date, line) for line in log)
    hosts = [found["host"] for line in log if (found := failing.search(line))]
    assert hosts == ["203.0.113.9", "2001:db8::7"]
