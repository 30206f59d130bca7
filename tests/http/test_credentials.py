"""Credential headers and client addresses are parsed in the same way for gateways, under /v1 and under /api/v1."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from serving import ROOT, run, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Server


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ROOT / f"tests/cases/{name}.json").read_text())["cases"]
    return found


CREDENTIALS = cases("credentials")
ADDRESSES = cases("client-addresses")
SIDES = ["/check", "/check/nginx", "/check/envoy", "/v1", "/api/v1"]


@dataclass
class Side:
    """A route that needs a credential: its request, a valid credential, and another valid one."""

    address: str
    method: str
    path: str
    body: dict[str, Any] | None
    key: str
    other: str

    def ask(self, headers: list[tuple[str, str]]) -> tuple[int, str]:
        """Send a request with exactly these headers; return the status and the text of the response."""
        connection = HTTPConnection(self.address.removeprefix("http://"), timeout=30)
        body = b"" if self.body is None else json.dumps(self.body).encode()
        connection.putrequest(self.method, self.path)
        for name, value in [*headers, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that trusts this machine as a proxy."""
    with serving(tmp_path_factory.mktemp("proxied"), "--trusted-proxies", "127.0.0.1") as server:
        yield server


@pytest.fixture(scope="module")
def sides(server: Server) -> dict[str, Side]:
    other = json.loads(run(server.folder, "init", "--additional", "--tenant-name", "Other Inc", "--json").stdout)
    with server.client(headers=server.root) as client:
        new = {"prefix": "user", "roles": ["PRO"]}
        key, another = (client.post("/api/v1/keys", json=new).json()["apiKey"] for _ in range(2))
    limits = {"DEFAULT": {"maxReq": 1_000_000, "duration": 60_000}}
    verify = {"apikey": key, "endpoint": "GET_TASKS", "variables": [], "ratelimits": limits}
    roots = (server.root_key, other["rootKey"])
    return {
        "/check": Side(server.gateway_url, "GET", "/check?endpoint=GET_TASKS", None, key, another),
        "/check/nginx": Side(server.gateway_url, "GET", "/check/nginx?endpoint=GET_TASKS", None, key, another),
        "/check/envoy": Side(server.gateway_url, "GET", "/check/envoy", None, key, another),
        "/v1": Side(server.url, "GET", f"/v1/tenants/{server.tenant}", None, *roots),
        "/api/v1": Side(server.url, "POST", "/api/v1/keys/verify", verify, *roots),
    }


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("case", CREDENTIALS, ids=lambda case: json.dumps(case["headers"]))
def test_a_credential_is_parsed_in_the_same_way_on_every_route(
    sides: dict[str, Side], side: str, case: dict[str, Any]
) -> None:
    route = sides[side]
    headers = [(name, value.replace("OTHER", route.other).replace("KEY", route.key)) for name, value in case["headers"]]
    if side == "/check/envoy":
        headers.append(("X-Gatekeeper-Endpoint", "GET_TASKS"))
    status, text = route.ask(headers)
    # Only the key manager's API accepts a root key without a scheme.
    expected = case.get("withoutScheme", case["expect"]) if side == "/api/v1" else case["expect"]
    assert status == (200 if expected == "key" else 401), text
    assert ("two different credentials" in text) == (expected == "two")
    assert route.key not in text
    assert route.other not in text


def logged_as(address: str | None) -> str:
    """The client address in the log: this address, or the proxy's if there is none."""
    return "127.0.0.1" if address is None else str(ipaddress.ip_address(address))


def test_a_client_has_the_same_address_on_every_route_and_in_every_notation(
    server: Server, sides: dict[str, Side]
) -> None:
    for number, case in enumerate(ADDRESSES):
        for side in SIDES:
            headers = [("X-Forwarded-For", case["value"]), ("X-Request-Id", f"{number} {side}".replace(" ", "-"))]
            if side == "/check/envoy":
                headers.append(("X-Gatekeeper-Endpoint", "GET_TASKS"))
            assert sides[side].ask(headers)[0] == 401
    lines = [json.loads(line) for line in server.log().splitlines()]
    logged = {line["requestId"]: line["clientAddress"] for line in lines if "requestId" in line}
    for number, case in enumerate(ADDRESSES):
        for side in SIDES:
            assert logged[f"{number}-{side}"] == logged_as(case["address"]), (case, side)
    # An unreadable address is logged once, without its value.
    assert server.log().count("is not an address") == 1
    assert "_hidden" not in server.log()


def test_clients_behind_a_trusted_proxy_are_throttled_separately_in_every_notation(server: Server) -> None:
    def refresh(forwarded: str) -> int:
        side = Side(server.url, "POST", "/v1/auth/refresh", {"refreshToken": "x" * 43}, "", "")
        return side.ask([("X-Forwarded-For", forwarded)])[0]

    spellings = ["192.0.2.7:50001", '"192.0.2.7"', "192.0.2.7:_x", "::ffff:192.0.2.7"]
    statuses = [refresh(spellings[number % len(spellings)]) for number in range(61)]
    assert statuses == [401] * 60 + [429]
    assert refresh("192.0.2.8:50001") == 401
