"""What a credential header is read as: alike for gateways, under /v1 and under /api/v1."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import pytest
from serving import ROOT, run

if TYPE_CHECKING:
    from serving import Server

CASES: list[dict[str, Any]] = json.loads((ROOT / "tests/cases/credentials.json").read_text())["cases"]


@dataclass
class Side:
    """Where credentials are shown: what is asked there, a valid one, and another."""

    address: str
    method: str
    path: str
    body: dict[str, Any] | None
    key: str
    other: str

    def ask(self, headers: list[tuple[str, str]]) -> tuple[int, str]:
        """The status and the text of the answer, to headers that are sent as they are."""
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
def sides(server: Server) -> dict[str, Side]:
    other = json.loads(run(server.folder, "init", "--another", "--tenant-name", "Other Inc", "--json").stdout)
    with server.client(headers=server.root) as client:
        new = {"prefix": "user", "roles": ["PRO"]}
        key, another = (client.post("/api/v1/keys", json=new).json()["apiKey"] for _ in range(2))
    limits = {"DEFAULT": {"maxReq": 1_000_000, "duration": 60_000}}
    verify = {"apikey": key, "endpoint": "GET_TASKS", "variables": [], "ratelimits": limits}
    roots = (server.root_key, other["rootKey"])
    return {
        "/check": Side(server.gateway_url, "GET", "/check?endpoint=GET_TASKS", None, key, another),
        "/check/envoy": Side(server.gateway_url, "GET", "/check/envoy", None, key, another),
        "/v1": Side(server.url, "GET", f"/v1/tenants/{server.tenant}", None, *roots),
        "/api/v1": Side(server.url, "POST", "/api/v1/keys/verify", verify, *roots),
    }


@pytest.mark.parametrize("side", ["/check", "/check/envoy", "/v1", "/api/v1"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: json.dumps(case["headers"]))
def test_a_credential_is_read_alike_wherever_it_is_shown(
    sides: dict[str, Side], side: str, case: dict[str, Any]
) -> None:
    asked = sides[side]
    headers = [(name, value.replace("OTHER", asked.other).replace("KEY", asked.key)) for name, value in case["headers"]]
    if side == "/check/envoy":
        headers.append(("X-Gatekeeper-Endpoint", "GET_TASKS"))
    status, text = asked.ask(headers)
    assert status == (200 if case["expect"] == "key" else 401), text
    assert ("two different credentials" in text) == (case["expect"] == "two")
    assert asked.key not in text
    assert asked.other not in text


def test_the_key_managers_api_alone_reads_a_root_key_without_a_scheme(sides: dict[str, Side]) -> None:
    for side, status in (("/api/v1", 200), ("/v1", 401), ("/check", 401)):
        assert sides[side].ask([("Authorization", sides[side].key)])[0] == status, side
