"""What a stranger gets who signs up: a tenant of their own, and nothing that anyone else lets through."""

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
    """Sign up, make a tenant and in it a key that claims all that a key can: the tenant and the key."""
    token = client.post("/v1/auth/signup", json=SIGNUP).raise_for_status().json()["data"]["accessToken"]
    bearer = {"Authorization": f"Bearer {token}"}
    tenant = (
        client.post("/v1/tenants", json={"name": "Acme Inc"}, headers=bearer).raise_for_status().json()["data"]["id"]
    )
    claims = {"roles": ["PRO", "ADMIN"], "scopes": ["*:*", "tasks:read"], "ownerId": "somebody else"}
    created = client.post("/v1/keys", json={"tenantId": tenant, **claims}, headers=bearer).raise_for_status()
    return tenant, created.json()["data"]["plainTextKey"]


def statuses(server: Server, key: str, tenant: str = "") -> dict[str, int]:
    """What gateways are answered about a key, by their question; `tenant` is named in the query where there is one."""
    chosen = f"&tenant={tenant}" if tenant else ""
    questions = [
        f"/check?endpoint=GET_TASKS{chosen}",
        f"/check?headers{chosen}",
        f"/check/nginx?endpoint=GET_TASKS{chosen}",
    ]
    if not tenant:
        questions += ["/check/envoy", "/check/envoy/tasks?endpoint=GET_TASKS"]
    with httpx.Client(base_url=server.gateway_url, headers={"X-API-Key": key, **HEADERS}) as client:
        return {question: client.get(question).status_code for question in questions}


def test_no_gateway_lets_the_key_of_a_stranger_through_whatever_its_headers_say(server: Server) -> None:
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
            for question in ("/check?endpoint=GET_TASKS", "/check?headers", "/check/nginx?headers", "/check/envoy"):
                rejected = gateway.get(question)
                assert rejected.status_code == 401
                assert not any(name.startswith("x-gatekeeper-key") for name in rejected.headers)
        assert counted(client) == before + 9
        log = server.log()
    assert log.count("a valid key was rejected because its tenant is not accepted here") == 1
    assert tenant in log
    assert key not in log


def test_the_query_chooses_no_tenant_that_is_not_configured(server: Server) -> None:
    with server.client() as client:
        token = {"Authorization": f"Bearer {client.post('/v1/auth/login', json=SIGNUP).json()['data']['accessToken']}"}
        [tenant] = client.get("/v1/tenants", headers=token).json()["data"]["items"]
        key = client.post("/v1/keys", json={"tenantId": tenant["id"]}, headers=token).json()["data"]["plainTextKey"]
    for wrong in (tenant["id"], "all", "", "canary"):
        answers = statuses(server, key, wrong) if wrong else {}
        assert all(status == (403 if "nginx" in question else 400) for question, status in answers.items()), answers


def test_gateways_let_through_the_keys_of_the_tenants_that_are_configured(tmp_path: Path) -> None:
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
            told = gateway.get("/check?endpoint=GET_TASKS").headers
        assert told["x-gatekeeper-tenant-id"] == tenant


def test_a_root_key_accepts_its_own_tenants_keys_and_names_no_others(server: Server) -> None:
    with server.client(headers=server.root) as client:
        key = client.post("/api/v1/keys", json={"prefix": "user"}).json()["apiKey"]
        question = {"key": key, "endpoint": "GET_TASKS"}
        assert client.post("/v1/keys/verify", json=question).json()["data"]["keyValid"]
        for tenants in ("all", ["default"], [server.tenant]):
            rejected = client.post("/v1/keys/verify", json={**question, "tenants": tenants})
            assert rejected.status_code == 400
            assert rejected.json()["error"].startswith("tenants: a root key accepts")


def counted(client: httpx.Client) -> int:
    line = next(line for line in client.get("/metrics").text.splitlines() if line.startswith(COUNTER))
    return int(line.split()[-1])


@contextmanager
def restarted(server: Server) -> Iterator[Server]:
    """The same server again, with what its folder says now."""
    from serving import started  # noqa: PLC0415

    server.process, server.url, server.gateway_url = started(server.folder, *server.arguments)
    try:
        yield server
    finally:
        end(server.process, SIGTERM)


@contextmanager
def fresh(folder: Path, *arguments: str, **environment: str) -> Iterator[str]:
    """A server on a new database, as it is when nothing is said; its URL."""
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
    """Sign up, make a tenant, a key and a usage event, for as long as that succeeds."""
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
    """Whether sign-up was rejected as closed, with what to do."""
    told: dict[str, Any] = answer.json()
    return (
        answer.status_code == 403
        and told["code"] == "forbidden"
        and 'signup = "open"' in told["error"]
        and "gatekeeper users create EMAIL --tenant NAME" in told["error"]
    )


def test_the_quickstart_runs_against_a_fresh_server(tmp_path: Path) -> None:
    run(tmp_path, "init")
    with fresh(tmp_path) as url:
        assert [answer.status_code for answer in quickstart(url)] == [201] * 4


def test_the_quickstart_runs_with_the_settings_of_the_container(tmp_path: Path) -> None:
    assert run(tmp_path, "init", "--open-signup").returncode == 0
    with fresh(tmp_path, GATEKEEPER_HOST=EVERY_ADDRESS) as url:
        assert [answer.status_code for answer in quickstart(url.replace(EVERY_ADDRESS, own_address()))] == [201] * 4


def test_to_other_machines_a_fresh_server_is_closed(tmp_path: Path) -> None:
    if own_address() == "127.0.0.1":
        pytest.fail("this machine has no address but loopback: run the test where it has one")
    run(tmp_path, "init")
    with fresh(tmp_path, "--host", EVERY_ADDRESS) as url:
        [rejected] = quickstart(url.replace(EVERY_ADDRESS, own_address()))
        assert is_closed(rejected)
        assert [answer.status_code for answer in quickstart(url.replace(EVERY_ADDRESS, "127.0.0.1"))] == [201] * 4


def own_address() -> str:
    """An address of this machine that others would call, if it has one."""
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
def test_behind_a_unix_socket_sign_up_is_closed_unless_it_is_opened(tmp_path: Path, arguments: list[str]) -> None:
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


def test_where_it_is_closed_users_make_no_tenants_and_the_operator_makes_accounts(tmp_path: Path) -> None:
    run(tmp_path, "init")
    command = ["users", "create", SIGNUP["email"], "--tenant", "Acme Inc", "--json"]
    made = json.loads(run(tmp_path, *command, input=SIGNUP["password"] + "\n").stdout)
    with fresh(tmp_path, "--signup", "closed") as url, httpx.Client(base_url=url, timeout=30) as client:
        assert is_closed(client.post("/v1/auth/signup", json={**SIGNUP, "email": "other@example.com"}))
        # What is wrong with a request is said first, and what is too much.
        assert client.post("/v1/auth/signup", json={**SIGNUP, "password": "x"}).status_code == 400
        login = client.post("/v1/auth/login", json=SIGNUP)
        bearer = {"Authorization": f"Bearer {login.json()['data']['accessToken']}"}
        assert is_closed(client.post("/v1/tenants", json={"name": "Another"}, headers=bearer))
        [tenant] = client.get("/v1/tenants", headers=bearer).json()["data"]["items"]
        assert (tenant["id"], tenant["role"]) == (made["tenant"]["id"], "owner")
        assert client.post("/v1/keys", json={"tenantId": tenant["id"]}, headers=bearer).status_code == 201


def test_a_socket_that_sends_headers_in_any_case_is_no_program_of_this_machine(tmp_path: Path) -> None:
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
