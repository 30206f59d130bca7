"""Malformed and excessive requests are rejected, use little memory, and do not affect other clients."""

from __future__ import annotations

import gzip
import json
import os
import resource
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from serving import Server

SIGNUP = "/v1/auth/signup"
JSON = {"Content-Type": "application/json"}
IDLE = int(os.environ.get("GATEKEEPER_IDLE", "10000"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with short timeouts."""
    with serving(
        tmp_path_factory.mktemp("hostile"), "--header-timeout-ms", "2000", "--body-timeout-ms", "2000"
    ) as server:
        yield server


def raw(server: Server, text: bytes, *, timeout: float = 20) -> bytes:
    """Send these bytes and return everything that the server sends until it closes the connection."""
    with socket.create_connection(address(server), timeout=timeout) as peer:
        peer.sendall(text)
        parts = []
        while part := peer.recv(65536):
            parts.append(part)
    return b"".join(parts)


def address(server: Server) -> tuple[str, int]:
    parts = urlsplit(server.url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def is_rejected(body: Any, code: str) -> bool:
    return body["ok"] is False and body["code"] == code and body["requestId"].startswith("req_")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'{"email":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"{" + b",".join(b'"k%d":1' % number for number in range(50_000)) + b"}",
        b'{"email":"a@example.com","email":"b@example.com","password":"hunter2pass"}',
        b'{"email":5,"password":"hunter2pass"}',
        b'{"email":"a@example.com","password":"hunter2pass","role":"owner"}',
        b'{"email":"a@example.com","password":"hunter2pass"} x',
        b'{"email":"a\\u0000@example.com","password":"hunter2pass"}',
    ],
)
def test_an_invalid_body_is_rejected_with_400(server: Server, body: bytes) -> None:
    with server.client() as client:
        answer = client.post(SIGNUP, content=body, headers=JSON)
        assert answer.status_code == 400
        assert is_rejected(answer.json(), "bad_request")


def test_a_body_over_one_mebibyte_is_rejected_with_and_without_content_length(server: Server) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(4096):
            yield b" " * 4096

    before = server.rss_kib()
    with server.client() as client:
        for content in (b" " * 10_000_000, endless()):
            answer = client.post(SIGNUP, content=content, headers=JSON)
            assert answer.status_code == 413
            assert is_rejected(answer.json(), "payload_too_large")
    assert server.rss_kib() < before + 32 * 1024


def test_a_compressed_body_or_another_content_type_is_rejected_with_415(server: Server) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with server.client() as client:
        for headers, content in [
            ({**JSON, "Content-Encoding": "gzip"}, bomb),
            ({"Content-Type": "text/plain"}, b"{}"),
            ({"Content-Type": "application/x-www-form-urlencoded"}, b"email=a"),
        ]:
            answer = client.post(SIGNUP, content=content, headers=headers)
            assert answer.status_code == 415
            assert is_rejected(answer.json(), "unsupported_media_type")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/../v1/auth/me", 404),
        ("GET", "/v1/tenants/..", 400),
        ("GET", "/v1/tenants/%2e%2e", 400),
        ("GET", "/v1/tenants/x%2Fmembers", 400),
        ("GET", "/v1/tenants/%ff", 400),
        ("GET", "/v1//tenants", 404),
        ("GET", "/V1/tenants", 404),
        ("GET", "/v1/auth/me?x=1", 400),
        ("POST", "/v1/auth/signup?email=a@example.com", 400),
        ("GET", "/" + "x" * 20_000, 404),
    ],
)
def test_a_path_is_not_normalized(server: Server, method: str, path: str, status: int) -> None:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: x\r\nConnection: close\r\n\r\n".encode()
    answer = raw(server, head)
    assert int(answer.split()[1]) == status, answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["ok"] is False


def test_an_unsupported_method_is_rejected_with_405_and_the_allowed_methods(server: Server) -> None:
    with server.client() as client:
        for path, allowed in [("/v1/auth/me", "GET"), (SIGNUP, "POST"), ("/health", "GET")]:
            answer = client.put(path)
            assert answer.status_code == 405
            assert allowed in answer.headers["allow"]
            assert is_rejected(answer.json(), "method_not_allowed")


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer x"), ("Authorization", "Bearer x")],
        [("Authorization", "Bearer x y")],
        [("Authorization", "Bearer")],
        [("Authorization", "Basic eDp5")],
        [("Authorization", "Bearer \xe9")],
        [("X-API-Key", "x"), ("Authorization", "Bearer x")],
        [("X-API-Key", "x" * 8192)],
    ],
)
def test_malformed_credentials_are_rejected_with_401_and_the_same_message(
    server: Server, headers: list[tuple[str, str]]
) -> None:
    with server.client() as client:
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        answer = client.get("/v1/auth/me", headers=encoded)
        assert answer.status_code == 401
        body = answer.json()
        assert is_rejected(body, "unauthorized")
        assert body["error"] == "the credential is not valid"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "text",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 65536 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"GET / HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_invalid_http_closes_the_connection(server: Server, text: bytes) -> None:
    try:
        answer = raw(server, text)
    except ConnectionResetError:
        return
    assert answer == b"" or 400 <= int(answer.split()[1]) < 500, answer[:100]


def test_a_request_cannot_be_smuggled_inside_another(server: Server) -> None:
    hidden = b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n"
    text = (
        b"POST /v1/auth/signup HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n\r\n0\r\n\r\n" % (len(hidden) + 5) + hidden
    )
    assert raw(server, text).count(b"HTTP/1.1") == 1


def test_a_slow_client_is_disconnected(server: Server) -> None:
    began = time.monotonic()
    with socket.create_connection(address(server), timeout=20) as peer:
        peer.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        try:
            while True:
                peer.sendall(b"X: y\r\n")
                time.sleep(0.2)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert time.monotonic() - began < 10
    began = time.monotonic()
    head = b"POST /v1/auth/signup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
    answer = raw(server, head + b"Connection: close\r\n\r\n{")
    assert int(answer.split()[1]) == 400
    assert time.monotonic() - began < 10


def test_idle_connections_do_not_block_others_and_are_closed(server: Server) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(IDLE, hard - 1000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 1000, hard), hard))
    before = server.rss_kib()
    idle = []
    try:
        for number in range(count):
            idle.append(socket.create_connection(address(server), timeout=20))
            if number % 1000 == 0:
                with server.client() as client:
                    assert client.get("/health").status_code == 200
        with server.client() as client:
            assert client.get("/ready").status_code == 200
        # At most 40 KiB for each idle connection.
        assert server.rss_kib() < before + 40 * count
        idle[-1].settimeout(20)
        assert idle[-1].recv(1) == b""
    finally:
        for peer in idle:
            peer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with server.client() as client:
        assert client.get("/health").status_code == 200


def test_a_forged_client_address_is_ignored_by_throttles(server: Server) -> None:
    with server.client() as client:
        for number in range(61):
            answer = client.post(
                "/v1/auth/refresh",
                json={"refreshToken": "x" * 43},
                headers={"X-Forwarded-For": f"203.0.113.{number}", "Forwarded": f"for=203.0.113.{number}"},
            )
            assert answer.status_code == (401 if number < 60 else 429)
    assert is_rejected(answer.json(), "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers["ratelimit-policy"] == '"refresh";q=60;w=60'
    assert answer.headers["ratelimit"] == f'"refresh";r=0;t={answer.headers["retry-after"]}'
    assert answer.headers["x-gatekeeper-not-run"] == "true"


def test_the_throttle_of_a_client_address_is_configurable(tmp_path: Path) -> None:
    (tmp_path / "strict.toml").write_text("refreshesPerMinute = 2\n")
    with serving(tmp_path, "--config", "strict.toml") as server, server.client() as client:
        statuses = [client.post("/v1/auth/refresh", json={"refreshToken": "x" * 43}).status_code for _ in range(3)]
    assert statuses == [401, 401, 429]


def test_a_flood_of_unknown_keys_does_not_affect_known_keys(server: Server) -> None:
    with server.client(headers=server.root) as client:
        created = client.post("/api/v1/keys", json={"prefix": "user", "roles": ["PRO"]}).json()
        known = {"key": created["apiKey"], "endpoint": "GET_TASKS"}
        assert client.post("/v1/keys/verify", json=known).json()["data"]["ok"]
        statuses: set[int] = set()
        over = threading.Event()

        def guess() -> None:
            with server.client(headers=server.root) as client:
                while not over.is_set():
                    guess = created["apiKey"][:-30] + os.urandom(24).hex()[:22]
                    answer = client.post("/v1/keys/verify", json={"key": guess, "endpoint": "GET_TASKS"})
                    statuses.add(answer.status_code)
                    if answer.status_code == 200:
                        assert answer.json()["data"]["code"] == "invalid_key"

        threads = [threading.Thread(target=guess) for _ in range(16)]
        for thread in threads:
            thread.start()
        before = server.rss_kib()
        for _ in range(200):
            answer = client.post("/v1/keys/verify", json=known)
            assert answer.status_code == 200
            assert answer.json()["data"]["keyValid"]
        over.set()
        for thread in threads:
            thread.join()
        assert statuses <= {200, 503}
        assert server.rss_kib() < before + 64 * 1024


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /health HTTP/1.1", 400),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b", 400),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: a", 400),
        (b"GET /health HTTP/1.1\r\nHost: a/b", 400),
        (b"GET /health HTTP/1.0", 200),
        (b"POST /v1/auth/signup HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked", 501),
        (b"POST /v1/auth/signup HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501),
        (b"POST /v1/auth/signup HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked", 400),
    ],
)
def test_a_request_needs_one_host_and_no_unsupported_transfer_coding(server: Server, head: bytes, status: int) -> None:
    answer = raw(server, head + b"\r\nConnection: close\r\n\r\n")
    assert int(answer.split()[1]) == status, answer
    if status != 200:
        # The rest of the connection is not read as another request.
        assert b"connection: close" in answer.lower()
        assert is_rejected(json.loads(answer.partition(b"\r\n\r\n")[2]), "bad_request")


def test_the_key_managers_api_reports_invalid_http_in_its_own_format(server: Server) -> None:
    answer = raw(server, b"POST /api/v1/keys HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert int(answer.split()[1]) == 400
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (body["success"], body["error"]) == (False, "invalidBody")


def test_announced_bodies_that_never_arrive_do_not_block_other_clients(server: Server) -> None:
    head = b"POST /v1/auth/signup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    stalled = []
    try:
        for framing in (b"Content-Length: 1048576\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"):
            for _ in range(100):
                stalled.append(socket.create_connection(address(server), timeout=20))
                stalled[-1].sendall(head + framing)

        def long_body() -> Iterator[bytes]:
            for _ in range(50):
                yield b" " * 8192

        with server.client() as client:
            for content in (b" " * 400_000, long_body()):
                assert client.post(SIGNUP, content=content, headers=JSON).status_code == 400
    finally:
        for peer in stalled:
            peer.close()


def test_unfinished_bodies_block_only_their_own_client_address(tmp_path: Path) -> None:
    def head(client: str) -> bytes:
        lines = (SIGNUP.encode(), client.encode())
        text = b"POST %b HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %b\r\nContent-Type: application/json\r\n" % lines
        return text + b"Content-Length: 1048576\r\n\r\n"

    def post(client: httpx.Client, forwarded: str) -> int:
        headers = {**JSON, "X-Forwarded-For": forwarded}
        return client.post(SIGNUP, content=b" " * 500_000, headers=headers).status_code

    with serving(tmp_path, "--trusted-proxies", "127.0.0.1") as server, server.client() as client:
        stalled = []
        try:
            for _ in range(20):
                stalled.append(socket.create_connection(address(server), timeout=20))
                stalled[-1].sendall(head("192.0.2.1") + b" " * 1_000_000)
            # All have arrived once another body of this address is rejected.
            while post(client, "192.0.2.1") != 503:
                pass
            assert post(client, "192.0.2.2") == 400
        finally:
            for peer in stalled:
                peer.close()
        while post(client, "192.0.2.1") != 400:
            pass
