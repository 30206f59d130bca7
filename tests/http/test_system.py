"""The operators' view of a server: health, metrics, logs, start and shutdown."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import ssl
import stat
import subprocess
import threading
from typing import TYPE_CHECKING

import httpx
from serving import BINARY, ROOT, end, run, serving, started

if TYPE_CHECKING:
    from pathlib import Path

    from serving import Server

OPENSSL = [
    "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
]  # fmt: skip


def test_health_and_readiness_need_no_credential(server: Server) -> None:
    with server.client() as client:
        assert client.get("/health").json() == {"ok": True, "service": "gatekeeper"}
        assert client.get("/ready").json() == {"ok": True}
        assert client.head("/health").status_code == 200


def test_each_request_gets_an_id_and_the_callers_id_is_kept(server: Server) -> None:
    with server.client() as client:
        made = client.get("/health").headers["x-request-id"]
        assert re.fullmatch(r"req_[0-7][0-9a-z]{25}", made)
        answer = client.get("/v1/auth/me", headers={"X-Request-Id": "mine-7"})
        assert (answer.headers["x-request-id"], answer.json()["requestId"]) == ("mine-7", "mine-7")
        assert answer.headers["x-api-version"] == "v1"
        for wrong in ("x" * 129, "a b"):
            assert client.get("/health", headers={"X-Request-Id": wrong}).headers["x-request-id"] != wrong


def test_the_openapi_document_and_its_page_are_served(server: Server) -> None:
    with server.client() as client:
        document = client.get("/openapi.json")
        assert document.json()["openapi"].startswith("3.1")
        assert document.text == (ROOT / "server/openapi.json").read_text()
        page = client.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "<script" not in page.text


def test_the_root_and_a_trailing_slash_redirect_to_the_page_also_behind_a_prefix(server: Server) -> None:
    with server.client() as client:
        for path in ("/", "/docs/"):
            assert client.get(path).status_code == 307
            assert str(client.get(path, follow_redirects=True).url) == f"{server.url}/docs"


def test_pages_for_operators_can_be_served_only_to_gateways_or_disabled(tmp_path: Path) -> None:
    def statuses(url: str) -> list[int]:
        with httpx.Client(base_url=url) as client:
            paths = ("/metrics", "/docs", "/openapi.json", "/", "/docs/", "/health")
            return [client.get(path).status_code for path in paths]

    with serving(tmp_path, "--metrics", "gateway", "--docs", "gateway") as server:
        assert statuses(server.url) == [404, 404, 404, 404, 404, 200]
        assert statuses(server.gateway_url) == [200, 200, 200, 307, 307, 200]
    end(server.process, signal.SIGTERM)
    process, url, gateway_url = started(tmp_path, "--metrics", "off", "--docs", "off")
    assert statuses(url) == statuses(gateway_url) == [404, 404, 404, 404, 404, 200]
    assert end(process, signal.SIGTERM) == 0
    alone = run(tmp_path, "serve", "--metrics", "gateway")
    assert alone.returncode == 1
    assert "server.gatewayListen" in alone.stderr


def test_metrics_count_verdicts_requests_and_connections(server: Server) -> None:
    with server.client(headers=server.root) as client:

        def count(line: str) -> float:
            text = client.get("/metrics").text
            found = [each for each in text.splitlines() if each.startswith(line)]
            return float(found[0].split()[-1]) if found else 0

        valid = 'gatekeeper_decisions_total{outcome="valid"}'
        invalid = 'gatekeeper_decisions_total{outcome="invalid_key"}'
        requests = 'gatekeeper_http_requests_total{operation="keys.verify",status="200"}'
        before = [count(line) for line in (valid, invalid, requests)]
        key = client.post("/api/v1/keys", json={"prefix": "user", "roles": ["PRO"]}).json()["apiKey"]
        for each in (key, key, "user_xxx"):
            client.post("/v1/keys/verify", json={"key": each, "endpoint": "GET_TASKS"})
        assert [count(line) for line in (valid, invalid, requests)] == [before[0] + 2, before[1] + 1, before[2] + 3]
        assert count("gatekeeper_http_connections") >= 1
        assert count('gatekeeper_cache_keys{kind="known"}') >= 1
        assert count("gatekeeper_build_info") == 1
        assert count('gatekeeper_http_request_duration_seconds_count{operation="keys.verify"}') >= 3
        text = client.get("/metrics").text
    assert server.root_key not in text
    assert key not in text


def test_the_log_is_json_with_ids_and_no_secret(tmp_path: Path) -> None:
    with serving(tmp_path, "--log-level", "trace") as server:
        trace = "0af7651916cd43dd8448eb211c80319c"
        with server.client() as client:
            key = client.post("/api/v1/keys", json={"prefix": "user"}, headers=server.root).json()["apiKey"]
            headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "X-Request-Id": "mine-8"}
            tokens = client.post("/v1/auth/signup", json={"email": "a@example.com", "password": "a canary word"})
            assert client.get("/v1/auth/me", headers={**headers, "X-API-Key": key}).status_code == 403
            bearer = {"Authorization": "Bearer " + tokens.json()["data"]["accessToken"]}
            assert client.get("/v1/auth/me", headers=bearer).status_code == 200
    log = server.log()
    lines = [json.loads(line) for line in log.splitlines()]
    mine = [line for line in lines if line.get("requestId") == "mine-8"]
    assert mine
    assert mine[0]["traceId"] == trace
    assert (mine[0]["operation"], mine[0]["status"]) == ("auth.me", 403)
    secrets = [
        key,
        server.root_key,
        "a canary word",
        *(tokens.json()["data"][name] for name in ("accessToken", "refreshToken")),
    ]
    for secret in secrets:
        assert secret not in log


def test_a_server_on_a_terminal_prints_readable_lines(tmp_path: Path) -> None:
    assert run(tmp_path, "init").returncode == 0
    (tmp_path / "gatekeeper.toml").write_text("")
    shown, terminal = pty.openpty()
    process = subprocess.Popen(
        [BINARY, "serve", "--port", "0"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    text = ""
    while "no endpoint is defined" not in text:
        text += os.read(shown, 4096).decode()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    os.close(shown)
    first, second = text.splitlines()[:2]
    assert re.fullmatch(
        r"listening on http://127\.0\.0\.1:\d+ with gatekeeper\.db and 0 endpoints "
        r"\(sign-up is open to programs on this machine: signup is not set\)",
        first,
    )
    assert "WARN" in second
    assert "{" not in text


def test_a_stopped_server_finishes_requests_in_progress_and_loses_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        acknowledged: list[str] = []
        broken: list[str] = []

        def record() -> None:
            with server.client(headers=server.root) as client:
                while True:
                    try:
                        answer = client.post(
                            "/v1/usage/record", json={"tenantId": server.tenant, "service": "s", "action": "a"}
                        )
                    except httpx.ConnectError:
                        return
                    except httpx.TransportError as error:
                        broken.append(repr(error))
                        return
                    assert answer.status_code == 201
                    acknowledged.append(answer.json()["data"]["id"])

        threads = [threading.Thread(target=record) for _ in range(8)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 200:
            assert any(thread.is_alive() for thread in threads)
        assert end(server.process, signal.SIGTERM) == 0
        for thread in threads:
            thread.join()
        with sqlite3.connect(tmp_path / "gatekeeper.db") as database:
            stored = {row[0] for row in database.execute("SELECT id FROM usage_events")}
    assert set(acknowledged) <= stored
    # A request may be lost if its idle connection closes while it is in transit, but never once it has begun.
    assert len(stored) - len(set(acknowledged)) <= len(broken)


def test_tls_from_files_and_a_unix_socket(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run([*OPENSSL, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with serving(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key)) as server:
        assert server.url.startswith("https://")
        with httpx.Client(verify=ssl.create_default_context(cafile=certificate)) as client:
            ready = client.get(f"{server.url}/ready")
            assert ready.status_code == 200
            assert ready.headers["strict-transport-security"] == "max-age=31536000"
            # The response to an unknown path has the header too.
            assert "strict-transport-security" in client.get(f"{server.url}/nothing").headers
        assert "strict-transport-security" not in httpx.get(f"{server.gateway_url}/health").headers
    end(server.process, signal.SIGTERM)
    process, url, _ = started(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key), "--hsts-seconds", "0")
    with httpx.Client(verify=ssl.create_default_context(cafile=certificate)) as client:
        assert "strict-transport-security" not in client.get(f"{url}/ready").headers
    assert end(process, signal.SIGTERM) == 0
    socket = tmp_path / "gatekeeper.sock"
    process, url, _ = started(tmp_path, "--socket", str(socket))
    assert url == f"unix:{socket}"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o660
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket))) as client:
        assert client.get("http://localhost/ready").status_code == 200
    # A killed server leaves its socket file. The next server replaces it; a second server at the same time cannot.
    end(process, signal.SIGKILL)
    process, _, _ = started(tmp_path, "--socket", str(socket))
    second = run(tmp_path, "serve", "--socket", str(socket))
    assert second.returncode == 1
    assert "cannot listen" in second.stderr
    assert end(process, signal.SIGTERM) == 0
    assert not socket.exists()


def test_cors_is_off_unless_an_origin_is_configured(server: Server, tmp_path: Path) -> None:
    origin = {"Origin": "https://app.example.com"}
    with server.client() as client:
        assert "access-control-allow-origin" not in client.get("/health", headers=origin).headers
    with serving(tmp_path, "--cors-origin", "https://app.example.com") as other, other.client() as client:
        requested = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        preflight = client.options("/v1/auth/me", headers={**origin, **requested})
        # `*` would not include it (Fetch standard, CORS non-wildcard request-header name).
        assert "authorization" in preflight.headers["access-control-allow-headers"]
        assert client.get("/health", headers=origin).headers["access-control-allow-origin"] == origin["Origin"]
        stranger = client.get("/health", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers


def test_changed_endpoints_are_reloaded_without_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.client(headers=server.root) as client:
        key = client.post("/api/v1/keys", json={"prefix": "user"}).json()["apiKey"]

        def total() -> int | None:
            answer = client.post("/v1/keys/verify", json={"key": key, "endpoint": "GET_TASKS"})
            return int(answer.json()["data"]["total"])

        assert total() == 2
        config = tmp_path / "gatekeeper.toml"
        written(tmp_path, "[endpoints.GET_TASKS]\ndefault = {maxReq = 7, duration = 60000}\n").replace(config)
        os.kill(server.process.pid, signal.SIGHUP)
        for _ in range(200):
            if total() == 7:
                break
        else:
            raise AssertionError(server.log())
        written(tmp_path, "[endpoints.GET_TASKS]\ndefault = {maxReq = 0, duration = 60000}\n").replace(config)
        os.kill(server.process.pid, signal.SIGHUP)
        assert total() == 7


def test_a_root_key_revoked_in_another_process_is_rejected_by_the_next_request(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.client(headers=server.root) as client:

        def statuses() -> list[int]:
            created = client.post("/api/v1/keys", json={"prefix": "user"})
            verified = client.post("/v1/keys/verify", json={"key": "no key", "endpoint": "GET_TASKS"})
            return [created.status_code, verified.status_code]

        assert statuses() == [200, 200]
        listed = json.loads(run(tmp_path, "root-keys", "list", "--json").stdout)
        assert run(tmp_path, "root-keys", "revoke", listed["items"][0]["id"]).returncode == 0
        assert statuses() == [401, 401]


def written(folder: Path, text: str) -> Path:
    path = folder / "new.toml"
    path.write_text(text)
    return path
