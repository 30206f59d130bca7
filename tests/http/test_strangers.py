"""A stranger who signs up owns a tenant, and no gateway or verifier of another tenant accepts its keys."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from contextlib import contextmanager
from signal import SIGTERM
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from serving import BINARY, LIMITS, end, run, serving
from test_gateways import free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Server

SIGNUP = {"email": "mallory@example.com", "password": "a long password"}
HEADERS = {"X-Gatekeeper-Endpoint": "GET_TASKS"}
COUNTER = "gatekeeper_other_tenant_keys_rejected_total"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass {url}; {headers} }}
    }}
}}
"""


def attack(client: httpx.Client) -> tuple[str, str]:
    """Sign up, create a tenant and a key with every claim; return the tenant and the key."""
    token = client.post("/v1/auth/signup", json=SIGNUP).raise_for_status().json()["data"]["accessToken"]
    bearer = {"Authorization": f"Bearer {token}"}
    tenant = (
        client.post("/v1/tenants", json={"name": "Acme Inc"}, headers=bearer).raise_for_status().json()["data"]["id"]
    )
    claims = {"roles": ["PRO", "ADMIN"], "scopes": ["*:*", "tasks:read"], "ownerId": "somebody else"}
    created = client.post("/v1/keys", json={"tenantId": tenant, **claims}, headers=bearer).raise_for_status()
    return tenant, created.json()["data"]["plainTextKey"]


def statuses(server: Server, key: str, tenant: str = "") -> dict[str, int]:
    """The statuses that gateways get for a key, by their request; the query contains `tenant` if it is given."""
    chosen = f"&tenant={tenant}" if tenant else ""
    requests = [
        f"/check?endpoint=GET_TASKS{chosen}",
        f"/check?headers{chosen}",
        f"/check/nginx?endpoint=GET_TASKS{chosen}",
    ]
    if not tenant:
        requests += ["/check/envoy", "/check/envoy/tasks?endpoint=GET_TASKS"]
    with httpx.Client(base_url=server.gateway_url, headers={"X-API-Key": key, **HEADERS}) as client:
        return {request: client.get(request).status_code for request in requests}


def test_no_gateway_accepts_a_strangers_key_with_any_headers(server: Server) -> None:
    with server.client() as client:
        tenant, key = attack(client)
        before = counted(client)
        assert set(statuses(server, key).values()) == {401}
        forged = {
            name: value
            for name in ("X-Gatekeeper-Tenant", "X-Gatekeeper-Tenants", "X-Gatekeeper-Tenant-Id", "X-Tenant", "Tenant")
            for value in (tenant, "all")
        }
        with httpx.Client(base_url=server.gateway_url, headers={"X-API-Key": key, **HEADERS, **forged}) as gateway:
            for request in ("/check?endpoint=GET_TASKS", "/check?headers", "/check/nginx?headers", "/check/envoy"):
                rejected = gateway.get(request)
                assert rejected.status_code == 401
                assert not any(name.startswith("x-gatekeeper-key") for name in rejected.headers)
        assert counted(client) == before + 9
        log = server.log()
    assert log.count("a valid key was rejected because its tenant is not accepted here") == 1
    assert tenant in log
    assert key not in log


def test_the_query_cannot_select_a_tenant_that_is_not_configured(server: Server) -> None:
    with server.client() as client:
        token = {"Authorization": f"Bearer {client.post('/v1/auth/login', json=SIGNUP).json()['data']['accessToken']}"}
        [tenant] = client.get("/v1/tenants", headers=token).json()["data"]["items"]
        key = client.post("/v1/keys", json={"tenantId": tenant["id"]}, headers=token).json()["data"]["plainTextKey"]
    for wrong in (tenant["id"], "all", "", "canary"):
        answers = statuses(server, key, wrong) if wrong else {}
        assert all(status == (403 if "nginx" in request else 400) for request, status in answers.items()), answers


def test_gateways_accept_the_keys_of_the_configured_tenants(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.client() as client:
        tenant, key = attack(client)
        own = client.post("/api/v1/keys", json={"prefix": "user", "roles": ["PRO"]}, headers=server.root).json()[
            "apiKey"
        ]
        end(server.process, SIGTERM)
    configured = LIMITS + f'\n[gateway]\ntenants = ["default", "{tenant}"]\n'
    (tmp_path / "gatekeeper.toml").write_text(configured)
    with restarted(server) as server:
        assert set(statuses(server, key).values()) == set(statuses(server, own).values()) == {200}
        assert set(statuses(server, key, tenant).values()) == set(statuses(server, own, "default").values()) == {200}
        for key_of_another, chosen in ((own, tenant), (key, "default")):
            assert set(statuses(server, key_of_another, chosen).values()) == {401}
        with httpx.Client(base_url=server.gateway_url, headers={"X-API-Key": key}) as gateway:
            headers = gateway.get("/check?endpoint=GET_TASKS").headers
        assert headers["x-gatekeeper-tenant-id"] == tenant


def test_a_root_key_accepts_only_keys_of_its_own_tenant(server: Server) -> None:
    with server.client(headers=server.root) as client:
        key = client.post("/api/v1/keys", json={"prefix": "user"}).json()["apiKey"]
        request = {"key": key, "endpoint": "GET_TASKS"}
        assert client.post("/v1/keys/verify", json=request).json()["data"]["keyValid"]
        for tenants in ("all", ["default"], [server.tenant]):
            rejected = client.post("/v1/keys/verify", json={**request, "tenants": tenants})
            assert rejected.status_code == 400
            assert rejected.json()["error"].startswith("tenants: a root key accepts")


def counted(client: httpx.Client) -> int:
    line = next(line for line in client.get("/metrics").text.splitlines() if line.startswith(COUNTER))
    return int(line.split()[-1])


@contextmanager
def restarted(server: Server) -> Iterator[Server]:
    """Restart a server with the current configuration of its folder."""
    from serving import started  # noqa: PLC0415

    server.process, server.url, server.gateway_url = started(server.folder, *server.arguments)
    try:
        yield server
    finally:
        end(server.process, SIGTERM)


@contextmanager
def fresh(folder: Path, *arguments: str, **environment: str) -> Iterator[str]:
    """Run a server with default settings on a new database; return its URL."""
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [BINARY, "serve", "--port", "0", *arguments],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **environment},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[2]
    finally:
        end(process, SIGTERM)


def quickstart(url: str) -> list[httpx.Response]:
    """Sign up, create a tenant, a key and a usage event; stop at the first failure."""
    answers = []
    with httpx.Client(base_url=url, timeout=30) as client:
        answers.append(client.post("/v1/auth/signup", json={"email": "founder@example.com", "password": "hunter2pass"}))
        if answers[-1].is_success:
            client.headers["Authorization"] = f"Bearer {answers[-1].json()['data']['accessToken']}"
            answers.append(client.post("/v1/tenants", json={"name": "Acme Inc"}))
            tenant = answers[-1].json()["data"]["id"]
            answers.append(client.post("/v1/keys", json={"tenantId": tenant, "name": "server-key", "scopes": ["read"]}))
            key = answers[-1].json()["data"]["apiKey"]["id"]
            event = {"tenantId": tenant, "apiKeyId": key, "service": "inference", "action": "completion", "quantity": 1}
            answers.append(client.post("/v1/usage/record", json=event))
    return answers


def is_closed(answer: httpx.Response) -> bool:
    """Whether sign-up was rejected as closed, with instructions."""
    body: dict[str, Any] = answer.json()
    return (
        answer.status_code == 403
        and body["code"] == "forbidden"
        and 'signup = "open"' in body["error"]
        and "gatekeeper users create EMAIL --tenant NAME" in body["error"]
    )


def test_the_quickstart_runs_against_a_fresh_server(tmp_path: Path) -> None:
    run(tmp_path, "init")
    with fresh(tmp_path) as url:
        assert [answer.status_code for answer in quickstart(url)] == [201] * 4


def test_the_quickstart_runs_with_the_settings_of_the_container(tmp_path: Path) -> None:
    assert run(tmp_path, "init", "--open-signup").returncode == 0
    with fresh(tmp_path, GATEKEEPER_HOST=EVERY_ADDRESS) as url:
        assert [answer.status_code for answer in quickstart(url.replace(EVERY_ADDRESS, own_address()))] == [201] * 4


def test_sign_up_on_a_fresh_server_is_closed_for_other_machines(tmp_path: Path) -> None:
    if own_address() == "127.0.0.1":
        pytest.fail("this machine has no address but loopback: run the test where it has one")
    run(tmp_path, "init")
    with fresh(tmp_path, "--host", EVERY_ADDRESS) as url:
        [rejected] = quickstart(url.replace(EVERY_ADDRESS, own_address()))
        assert is_closed(rejected)
        assert [answer.status_code for answer in quickstart(url.replace(EVERY_ADDRESS, "127.0.0.1"))] == [201] * 4


def own_address() -> str:
    """An address of this machine other than loopback, if it has one."""
    addresses = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split()
    return next((address for address in addresses if ":" not in address), "127.0.0.1")


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        (["--gateway-listen", "127.0.0.1:0"], ""),
        (["--trusted-proxies", "127.0.0.1"], ""),
        ([], "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"),
        ([], "proxy_set_header X-Real-IP $remote_addr;"),
        ([], 'proxy_set_header Forwarded "for=$remote_addr";'),
        ([], 'proxy_set_header Via "1.1 nginx";'),
    ],
)
def test_the_quickstart_is_closed_behind_nginx(tmp_path: Path, arguments: list[str], headers: str) -> None:
    run(tmp_path, "init")
    port = free_port()
    with fresh(tmp_path, *arguments) as url:
        (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, port=port, url=url, headers=headers))
        with running(["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], port) as gateway:
            [rejected] = quickstart(gateway)
            assert is_closed(rejected)


@pytest.mark.parametrize("arguments", [[], ["--signup", "open"]])
def test_sign_up_on_a_unix_socket_is_closed_unless_it_is_opened(tmp_path: Path, arguments: list[str]) -> None:
    run(tmp_path, "init")
    with (tmp_path / "log").open("a") as log:
        process = subprocess.Popen(
            [BINARY, "serve", "--socket", "socket", *arguments],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        transport = httpx.HTTPTransport(uds=str(tmp_path / "socket"))
        with httpx.Client(base_url="http://gatekeeper", transport=transport) as client:
            answer = client.post("/v1/auth/signup", json=SIGNUP)
        assert answer.status_code == 201 if arguments else is_closed(answer)
    finally:
        end(process, SIGTERM)


def test_with_closed_sign_up_users_create_no_tenants_and_the_operator_creates_accounts(tmp_path: Path) -> None:
    run(tmp_path, "init")
    command = ["users", "create", SIGNUP["email"], "--tenant", "Acme Inc", "--json"]
    made = json.loads(run(tmp_path, *command, input=SIGNUP["password"] + "\n").stdout)
    with fresh(tmp_path, "--signup", "closed") as url, httpx.Client(base_url=url, timeout=30) as client:
        assert is_closed(client.post("/v1/auth/signup", json={**SIGNUP, "email": "other@example.com"}))
        # An invalid request is rejected as such, before closed sign-up.
        assert client.post("/v1/auth/signup", json={**SIGNUP, "password": "x"}).status_code == 400
        login = client.post("/v1/auth/login", json=SIGNUP)
        bearer = {"Authorization": f"Bearer {login.json()['data']['accessToken']}"}
        assert is_closed(client.post("/v1/tenants", json={"name": "Another"}, headers=bearer))
        [tenant] = client.get("/v1/tenants", headers=bearer).json()["data"]["items"]
        assert (tenant["id"], tenant["role"]) == (made["tenant"]["id"], "owner")
        assert client.post("/v1/keys", json={"tenantId": tenant["id"]}, headers=bearer).status_code == 201


def test_a_proxy_header_in_any_case_closes_sign_up(tmp_path: Path) -> None:
    run(tmp_path, "init")
    body = json.dumps(SIGNUP)
    with fresh(tmp_path) as url:
        host, port = url.removeprefix("http://").split(":")
        for line in ("x-FORWARDED-for: 127.0.0.1", "X-Forwarded-Anything:", "forwarded: for=127.0.0.1", "VIA: 1.1 x"):
            with socket.create_connection((host, int(port)), timeout=30) as stream:
                stream.sendall(
                    f"POST /v1/auth/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{line}\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
                )
                assert stream.recv(12) == b"HTTP/1.1 403", line
