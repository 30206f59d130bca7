"""Tests with real gateways and a real upstream: nginx, Caddy and Envoy, with the files from the documentation."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from serving import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Server

FILES = ROOT / "docs/how-to/files"
FORGED = {
    "X-Gatekeeper-Key-Id": "key_00000000000000000000000000",
    "X-Gatekeeper-Tenant-Id": "tnt_00000000000000000000000000",
    "X-Gatekeeper-Owner-Id": "somebody else",
    "X-Gatekeeper-Roles": "ADMIN",
    "X-Gatekeeper-Scopes": "*:*",
    "X-Gatekeeper-Endpoint": "OTHER",
    "X-Gatekeeper-Variable": "fresh",
}
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/tasks.conf;
}}
"""


class Upstream(BaseHTTPRequestHandler):
    """Responds with the headers of the gateway that reached it."""

    def do_GET(self) -> None:
        """Respond to a request."""
        headers = ((name.lower(), value) for name, value in self.headers.items())
        received = {name: value for name, value in headers if name.startswith("x-gatekeeper")}
        body = json.dumps(received).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self) -> None:
        """Respond to a preflight as an application with CORS does."""
        self.send_response(204)
        self.send_header("Access-Control-Allow-Origin", "https://app.example.com")
        self.send_header("Access-Control-Allow-Headers", "authorization")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@contextmanager
def upstream() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int) -> Iterator[str]:
    """Run a gateway; return its URL once it accepts connections."""
    program = shutil.which(command[0])
    assert program is not None, f"missing: {command[0]}: run scripts/check-tools {command[0]}"
    with subprocess.Popen([program, *command[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while True:
                assert process.poll() is None, f"{command[0]} has ended"
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def filled(file: Path, port: int, gateway: str, upstream_port: int) -> str:
    """Read a file of the documentation and replace its addresses by those of this test."""
    text = file.read_text()
    for documented, actual in (
        ("127.0.0.1:8788", gateway.removeprefix("http://")),
        ("127.0.0.1:3000", f"127.0.0.1:{upstream_port}"),
        ("8080", str(port)),
    ):
        assert documented in text
        text = text.replace(documented, actual)
    return text


@contextmanager
def nginx(server: Server, folder: Path, also: str = "") -> Iterator[str]:
    with ExitStack() as stack:
        port = free_port()
        tasks = filled(FILES / "nginx/tasks.conf", port, server.gateway_url, stack.enter_context(upstream()))
        (folder / "tasks.conf").write_text(tasks.replace("?endpoint=GET_TASKS;", f"?endpoint=GET_TASKS{also};"))
        shutil.copy(FILES / "nginx/gatekeeper.conf", folder)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
        yield stack.enter_context(running(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], port))


@contextmanager
def caddy(server: Server, folder: Path, also: str = "") -> Iterator[str]:
    with ExitStack() as stack:
        port = free_port()
        text = filled(FILES / "Caddyfile", port, server.gateway_url, stack.enter_context(upstream()))
        text = text.replace("?endpoint=GET_TASKS\n", f"?endpoint=GET_TASKS{also}\n")
        (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n\n" + text)
        command = ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
        yield stack.enter_context(running(command, port))


@contextmanager
def envoy(server: Server, folder: Path) -> Iterator[str]:
    with ExitStack() as stack:
        port, upstream_port = free_port(), stack.enter_context(upstream())
        text = (FILES / "envoy.yaml").read_text()
        gateway_port = server.gateway_url.rsplit(":", 1)[1]
        for documented, actual in (
            ("8788 }", f"{gateway_port} }}"),
            ("3000 }", f"{upstream_port} }}"),
            ("8080 }", f"{port} }}"),
        ):
            assert documented in text
            text = text.replace(documented, actual)
        (folder / "envoy.yaml").write_text(text)
        program = str(ROOT / ".cache/generators/bin/envoy")
        command = [program, "-c", str(folder / "envoy.yaml"), "--use-dynamic-base-id", "--concurrency", "1"]
        yield stack.enter_context(running(command, port))


@pytest.mark.parametrize("gateway", [nginx, caddy, envoy])
def test_a_gateway_forwards_allowed_requests_and_rejects_all_others(
    server: Server, tmp_path: Path, gateway: Any
) -> None:
    with server.client(headers=server.root) as client:
        created = client.post(
            "/v1/keys",
            json={"tenantId": server.tenant, "name": "k", "ownerId": "Zoë, 50 %", "scopes": ["tasks:read"]},
        ).json()["data"]
    key = {"Authorization": f"Bearer {created['plainTextKey']}"}
    with gateway(server, tmp_path) as url, httpx.Client(base_url=url, timeout=30) as client:
        for headers in ({}, {"Authorization": "Bearer user_xxx"}, FORGED):
            rejected = client.get("/tasks", headers=headers)
            assert rejected.status_code == 401
            assert rejected.headers["www-authenticate"] == "Bearer"

        assert client.get("/reports", headers=key).status_code == 403

        # Identity headers from the client are replaced, and do not give it another window.
        for _ in range(2):
            passed = client.get("/tasks", headers={**key, **FORGED})
            assert passed.status_code == 200
            received = passed.json()
            assert received["x-gatekeeper-key-id"] == created["apiKey"]["id"]
            assert received["x-gatekeeper-tenant-id"] == server.tenant
            assert received["x-gatekeeper-owner-id"] == "Zo%C3%AB%2C%2050%20%25"
            assert received["x-gatekeeper-scopes"] == "tasks:read"
            assert not received.get("x-gatekeeper-roles")

        limited = client.get("/tasks", headers={**key, **FORGED})
        assert limited.status_code == 429
        assert 1 <= int(limited.headers["retry-after"]) <= 60
        assert limited.headers["ratelimit"] == f'"endpoint";r=0;t={limited.headers["retry-after"]}'

        with server.client(headers=server.root) as admin:
            assert admin.request("DELETE", "/api/v1/keys", json={"id": created["apiKey"]["id"]}).json()["success"]
        assert client.get("/tasks", headers=key).status_code == 401


PREFLIGHT = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}


@pytest.mark.parametrize(
    ("gateway", "also"), [(nginx, "&preflight=pass&method=$request_method"), (caddy, "&preflight=pass")]
)
def test_a_gateway_allows_a_preflight_and_no_other_request_without_a_key(
    server: Server, tmp_path: Path, gateway: Any, also: str
) -> None:
    with gateway(server, tmp_path, also) as url, httpx.Client(base_url=url, timeout=30) as client:
        preflight = client.options("/tasks", headers=PREFLIGHT)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-headers"] == "authorization"
        # Neither is a preflight: a client cannot declare one with a header.
        assert client.options("/tasks").status_code == 401
        assert client.get("/tasks", headers={**PREFLIGHT, "X-Forwarded-Method": "OPTIONS"}).status_code == 401
        forged = [*PREFLIGHT.items(), ("X-Forwarded-Method", "OPTIONS"), ("X-Forwarded-Method", "OPTIONS")]
        assert client.get("/tasks", headers=forged).status_code == 401
        # A route without preflight=pass needs a key for preflights too.
        assert client.options("/reports", headers=PREFLIGHT).status_code == 401


def test_each_kind_of_gateway_supplies_the_method_of_a_preflight(server: Server) -> None:
    query = "endpoint=GET_TASKS&preflight=pass"
    forwarded = {**PREFLIGHT, "X-Forwarded-Method": "OPTIONS"}
    envoy = {**PREFLIGHT, "X-Gatekeeper-Endpoint": "GET_TASKS", "X-Gatekeeper-Preflight": "pass"}
    with httpx.Client(base_url=server.gateway_url) as client:
        passed = client.get(f"/check?{query}", headers={**forwarded, **FORGED})
        assert passed.status_code == 200
        # No identity header of the client is left.
        for name in ("Key-Id", "Tenant-Id", "Owner-Id", "Roles", "Scopes"):
            assert passed.headers[f"X-Gatekeeper-{name}"] == ""
        assert client.get(f"/check?{query}&method=OPTIONS", headers=PREFLIGHT).status_code == 200
        assert client.options("/check/envoy/tasks", headers=envoy).status_code == 200
        for rejected in (
            client.get("/check?endpoint=GET_TASKS", headers=forwarded),
            client.get(f"/check?{query}", headers={"X-Forwarded-Method": "OPTIONS"}),
            client.get("/check/envoy/tasks", headers={**envoy, "X-Forwarded-Method": "OPTIONS"}),
            client.get(f"/check?{query}&method=GET", headers=forwarded),
        ):
            assert rejected.status_code == 401
        # nginx forwards the client's headers; only the query comes from its configuration.
        nginx = client.get(f"/check/nginx?{query}", headers=forwarded)
        assert nginx.headers["x-gatekeeper-status"] == "400"
        assert client.get(f"/check?{query}", headers=PREFLIGHT).status_code == 400


def test_every_response_reports_the_remaining_permits(server: Server) -> None:
    with server.client(headers=server.root) as client:
        key = client.post("/api/v1/keys", json={"prefix": "user"}).json()["apiKey"]
    with httpx.Client(base_url=server.gateway_url, headers={"X-API-Key": key}) as client:
        passed = client.get("/check?endpoint=GET_TASKS")
        assert passed.headers["ratelimit"] == '"endpoint";r=1;t=60'
        assert passed.headers["ratelimit-policy"] == '"endpoint";q=2;w=60'
        rejected = client.get("/check?endpoint=GET_TASKS&cost=2")
        assert rejected.status_code == 429
        assert rejected.headers["ratelimit"] == f'"endpoint";r=1;t={rejected.headers["retry-after"]}'


def test_an_invalid_request_of_a_gateway_allows_no_client(server: Server) -> None:
    with httpx.Client(base_url=server.gateway_url) as client:
        for path in ("/check", "/check?endpoint=NOPE", "/check?endpoint=GET_TASKS&cost=x"):
            assert client.get(path).status_code == 400
            nginx = client.get(path.replace("/check", "/check/nginx"))
            assert (nginx.status_code, nginx.headers["x-gatekeeper-status"]) == (403, "400")
        envoy = client.get("/check/envoy/any/path?endpoint=GET_TASKS")
        assert envoy.status_code == 400
        headers = {"X-Gatekeeper-Endpoint": "GET_TASKS"}
        for path in ("/check/envoy", "/check/envoy/", "/check/envoy/any", "/check?headers"):
            assert client.get(path, headers=headers).status_code == 401
        assert client.get("/check", headers=headers).status_code == 400
        # The gateways' address serves no other route, and no other address serves this one.
        assert client.post("/v1/auth/signup", json={}).status_code == 404
    with server.client() as client:
        assert client.get("/check?endpoint=GET_TASKS").status_code == 404


def test_caddy_removes_identity_headers_of_the_client_first() -> None:
    # Caddy 2.9 and later do not copy empty headers; the version in this test may be older.
    command = ["caddy", "adapt", "--config", str(FILES / "Caddyfile"), "--adapter", "caddyfile"]
    adapted = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    (server,) = adapted["apps"]["http"]["servers"].values()
    for route in server["routes"]:
        first, second = route["handle"][0]["routes"][:2]
        assert first["handle"][0]["request"]["delete"] == ["X-Gatekeeper-*"]
        assert second["handle"][0]["handler"] == "reverse_proxy"
