"""A remote server: the same results as embedded, no thread for a pending call, and no resource left open."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ENDPOINTS, SOAK, RootKeys, Serve
from gatekeeper import (
    AuthService,
    ConnectionFailedError,
    GatekeeperCore,
    GatekeeperError,
    KeyManager,
    RequestTimeoutError,
    TenantsService,
    UnauthorizedError,
    aio,
    init_key_manager,
)
from test_processes import in_a_fork

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def remote(serve: Serve, url: str, root_key: RootKeys) -> tuple[str, str]:
    """The URL of a server, and one of its root keys."""
    key = root_key(url, "Acme Inc")
    return serve(url), key


@pytest.fixture
def keys(remote: tuple[str, str]) -> KeyManager:
    url, root_key = remote
    return init_key_manager(url=url, root_api_key=root_key, endpoints=ENDPOINTS)


@contextmanager
def hanging() -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that reads requests and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connections: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    connections.append(listener.accept()[0])
            except OSError:
                pass

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", connections
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in connections:
        connection.close()


def one_of(connections: list[socket.socket]) -> None:
    """Wait for a connection."""
    while not connections:
        time.sleep(0.01)


def ends(connection: socket.socket) -> bool:
    """Whether the client closes the connection within the timeout."""
    connection.settimeout(10)
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def test_a_key_manager_returns_the_same_over_http_as_embedded(
    keys: KeyManager, url: str, remote: tuple[str, str]
) -> None:
    here = init_key_manager(url=url, root_api_key=remote[1], endpoints=ENDPOINTS)
    created = keys.create_user_api_key("user", ["PRO", "BETA"], owner_id="user 7", name="Ada's", metadata={"a": [1]})
    assert (created.success, created.roles) == (True, ("BETA", "PRO"))
    one, other = (each.verify_user_api_key(created["apiKey"], "GET_TASKS", ["task"]) for each in (here, keys))
    assert (other.ok, other.remaining, other.role) == (True, one["remaining"] - 1, "PRO")
    for field in set(one) - {"remaining", "reset", "resetAfterMs"}:
        assert one[field] == other[field], field
    assert (other.name, other.metadata, other.scopes, other.code) == ("Ada's", {"a": [1]}, (), "valid")
    assert pickle.loads(pickle.dumps(other)) == other
    assert list(one) == list(other)
    assert keys.verify_user_api_key(created["apiKey"], "ONCE").ok
    assert dict(keys.verify_user_api_key(created["apiKey"], "ONCE"))["retryAfterMs"] > 0
    assert dict(keys.verify_user_api_key("user_xxx", "ONCE")) == {"success": True, "keyValid": False, "ok": False}

    id = created["id"]
    assert keys.add_roles(id, ["TEAM"]).count == keys.remove_roles(id, ["PRO"]).count == 1
    rotated = keys.rotate_user_api_key(id)
    assert not keys.verify_user_api_key(created["apiKey"], "GET_TASKS").key_valid
    assert keys.verify_user_api_key(rotated["apikey"], "GET_TASKS").roles == ("BETA", "TEAM")
    assert dict(keys.delete_user_api_key(id)) == {"success": True, "id": id}
    assert keys.delete_user_api_key(id).error == "invalidId"


def test_a_server_rejects_calls_in_the_same_order(remote: tuple[str, str], url: str) -> None:
    def rejections(url: str, **options: Any) -> list[tuple[bool, str | None, str | None]]:
        keys = init_key_manager(url=url, endpoints=ENDPOINTS, **options)
        wrong: Any = object()
        results: list[Any] = [
            keys.verify_user_api_key("", "GET_TASKS"),
            keys.verify_user_api_key(wrong, "GET_TASKS"),
            keys.verify_user_api_key("", "NEVER_DEFINED"),
            keys.verify_user_api_key("", "GET_TASKS", [""] * 1001),
            keys.verify_user_api_key("", "GET_TASKS", scopes=wrong),
            keys.verify_user_api_key("", "GET_TASKS", scopes=["a b"]),
            keys.verify_user_api_key("", "GET_TASKS", cost=0),
            keys.verify_user_api_key("", "GET_TASKS", client_address="canary"),
            keys.create_user_api_key(wrong),
            keys.create_user_api_key("user", metadata={"at": wrong}),
            keys.create_user_api_key("?"),
            keys.rotate_user_api_key(wrong),
            keys.add_roles("key_00000000000000000000000000", ["PRO"]),
        ]
        return [(res.success, res.error, res.reason) for res in results]

    for root_key in (remote[1], "", "canary", "gkr_\n", "\ud800"):
        assert rejections(remote[0], root_api_key=root_key) == rejections(url, root_api_key=root_key)
    anonymous = rejections(remote[0])
    assert {error for _, error, _ in anonymous} == {"authorizationHeaderNotPresent"}


async def test_a_server_takes_the_options_of_a_verification(keys: KeyManager, remote: tuple[str, str]) -> None:
    later = aio.KeyManager(keys)
    core = GatekeeperCore(remote[0], token=remote[1])
    key = keys.create_user_api_key("user")["apiKey"]
    tenant = keys.verify_user_api_key(key, "GET_TASKS")["tenantId"]
    scoped = core.keys.create(tenant, scopes=["tasks:*"]).plain_text_key
    assert keys.verify_user_api_key(scoped, "GET_TASKS", cost=7, client_address="192.0.2.1").remaining == 3
    assert (await later.verify_user_api_key(scoped, "GET_TASKS", scopes={"tasks:read"}, cost=2)).remaining == 1
    rejected = await later.verify_user_api_key(scoped, "GET_TASKS", scopes=["tasks:read", "users:read"])
    assert (rejected.key_valid, rejected.ok, rejected.code) == (True, False, "insufficient_scope")
    assert rejected.scopes == ("tasks:*",)
    assert (await later.verify_user_api_key(scoped, "GET_TASKS", cost=2)).code == "rate_limited"
    assert keys.verify_user_api_key(scoped, "GET_TASKS").ok
    assert keys.verify_user_api_key(scoped, "GET_TASKS", cost=11).error == "invalidBody"


async def test_every_call_can_be_awaited_with_a_server(keys: KeyManager, remote: tuple[str, str]) -> None:
    later = aio.KeyManager(keys)
    wrong: Any = object()
    created = await later.create_user_api_key("user", ["PRO"], owner_id="o", name="n", metadata={"a": 1})
    res = await later.verify_user_api_key(created["apiKey"], "GET_TASKS", ["task_id"])
    assert (res.ok, res.remaining, res.owner_id) == (True, 999, "o")
    assert (await later.add_roles(created["id"], ["TEAM"])).count == 1
    assert (await later.remove_roles(created["id"], ["TEAM"])).count == 1
    assert (await later.rotate_user_api_key(created["id"])).success
    assert (await later.delete_user_api_key(created["id"])).success
    assert (await later.delete_user_api_key(wrong)).error == "invalidId"
    assert (await later.create_user_api_key("user", metadata={"at": wrong})).error == "invalidBody"
    for arguments in ((wrong, "ONCE"), ("", wrong), ("", "ONCE", "task_id"), ("", "NEVER_DEFINED")):
        assert (await later.verify_user_api_key(*arguments)).error == "invalidBody"

    core = aio.GatekeeperCore(remote[0])
    tokens = await aio.AuthService(core).signup("ada@example.com", "a long password")
    core.set_token(tokens.access_token)
    tenants = aio.TenantsService(core)
    made = [tenant.id for tenant in await asyncio.gather(*(tenants.create(f"tenant {each}") for each in range(30)))]
    assert {tenant.id async for tenant in tenants.iterate(limit=7)} == set(made)
    assert (await core.jwks())["keys"]
    await aio.AuthService(core).logout()
    with pytest.raises(UnauthorizedError) as raised:
        await aio.AuthService(core).me()
    assert raised.value.request_id


def test_without_a_response_the_error_has_status_zero() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nowhere = GatekeeperCore(f"http://127.0.0.1:{port}", max_retries=0)
    with pytest.raises(ConnectionFailedError, match=f"no connection to http://127.0.0.1:{port}") as raised:
        AuthService(nowhere).me()
    assert (raised.value.status, raised.value.code) == (0, "connection_error")
    assert raised.value.__cause__
    with pytest.raises(ConnectionFailedError):
        init_key_manager(url=f"http://127.0.0.1:{port}", root_api_key="x", endpoints={}).create_user_api_key("user")
    with hanging() as (url, _):
        core = GatekeeperCore(url, timeout=0.1)
        with pytest.raises(RequestTimeoutError, match="within 100 ms"):
            AuthService(core).me()
        with pytest.raises(RequestTimeoutError):
            asyncio.run(aio.AuthService(aio.GatekeeperCore(url, timeout=0.1)).me())


def tasks() -> int:
    """The number of threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_no_thread_waits_for_an_asynchronous_call() -> None:
    async def wait_for_many(core: aio.GatekeeperCore) -> None:
        auth = aio.AuthService(core)
        calls = [asyncio.ensure_future(auth.me()) for _ in range(200)]
        await asyncio.sleep(0.2)
        assert tasks() <= before + 1
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    with hanging() as (url, _):
        with pytest.raises(RequestTimeoutError):
            AuthService(GatekeeperCore(url, timeout=0.1)).me()
        before = tasks()
        asyncio.run(wait_for_many(aio.GatekeeperCore(url)))


def test_a_cancelled_task_closes_its_request() -> None:
    async def cancel(connections: list[socket.socket], call: Callable[[], Awaitable[object]]) -> None:
        waiting = asyncio.ensure_future(call())
        await asyncio.to_thread(one_of, connections)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    for make in (
        lambda url: aio.AuthService(aio.GatekeeperCore(url, timeout=60)).me,
        lambda url: partial(verify_of(url), "user_xxx", "ONCE"),
    ):
        with hanging() as (url, connections):
            asyncio.run(cancel(connections, make(url)))
            assert ends(connections[0])


def verify_of(url: str) -> Callable[..., Awaitable[object]]:
    keys = aio.init_key_manager(url=url, root_api_key="x", endpoints=ENDPOINTS, timeout=60)
    return keys.verify_user_api_key


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")
def test_loops_come_and_go_in_many_threads(remote: tuple[str, str]) -> None:
    core = aio.GatekeeperCore(remote[0])

    async def ask() -> str:
        error = await asyncio.gather(*(aio.AuthService(core).me() for _ in range(5)), return_exceptions=True)
        return "".join(sorted({type(each).__name__ for each in error}))

    assert asyncio.run(ask()) == "UnauthorizedError"
    before = descriptors()
    errors: list[str] = []

    def run() -> None:
        errors.extend(asyncio.run(ask()) for _ in range(25))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == ["UnauthorizedError"] * 100
    # Closed loops leave a few sockets open, not two each.
    assert descriptors() < before + 50


def test_a_forked_child_opens_new_connections(keys: KeyManager) -> None:
    api_key = keys.create_user_api_key("user")["apiKey"]

    def verify() -> bool:
        return keys.verify_user_api_key(api_key, "GET_TASKS").success

    async def later() -> bool:
        return (await aio.KeyManager(keys).verify_user_api_key(api_key, "GET_TASKS")).success

    assert verify()
    assert asyncio.run(later())
    for _ in range(5):
        assert in_a_fork(verify)
        assert in_a_fork(lambda: asyncio.run(later()))
        assert in_a_fork(lambda: in_a_fork(verify) and verify())
    assert verify()


def test_a_fork_while_threads_call_never_hangs(keys: KeyManager) -> None:
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            keys.verify_user_api_key("user_xxx", "ONCE")

    def run_loops() -> None:
        while not stop.is_set():
            asyncio.run(await_a_few(keys))

    threads = [threading.Thread(target=target) for target in (call, call, run_loops)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20 * SOAK):
            assert in_a_fork(lambda: keys.verify_user_api_key("user_xxx", "ONCE").success)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


async def await_a_few(keys: KeyManager) -> None:
    later = aio.KeyManager(keys)
    await asyncio.gather(*(later.verify_user_api_key("user_xxx", "ONCE") for _ in range(5)))


def run_python(program: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_the_first_call_starts_the_only_thread_and_making_a_core_none(remote: tuple[str, str]) -> None:
    program = """
import os, sys
from gatekeeper import AuthService, GatekeeperCore, UnauthorizedError, init_key_manager
tasks = lambda: len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 1
before, descriptors = tasks(), len(os.listdir("/dev/fd"))
core = GatekeeperCore(sys.argv[1])
init_key_manager(url=sys.argv[1], root_api_key="x", endpoints={})
assert (tasks(), len(os.listdir("/dev/fd"))) == (before, descriptors)
for _ in range(10):
    try:
        AuthService(core).me()
    except UnauthorizedError:
        pass
assert tasks() <= before + 2, tasks()  # one for requests, and for a short time one that resolves names
"""
    with run_python(program, remote[0]) as process:
        assert process.wait(20) == 0, process.communicate()


def test_ctrl_c_interrupts_a_waiting_call() -> None:
    program = """
import signal, sys
from gatekeeper import AuthService, GatekeeperCore
# The parent process may ignore SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
try:
    AuthService(GatekeeperCore(sys.argv[1], timeout=60)).me()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    with hanging() as (url, connections), run_python(program, url) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        one_of(connections)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - began < 5
        assert ends(connections[0])
        assert process.wait(20) == 0


@pytest.mark.parametrize("waiting", ["thread", "loop", "loop that is dropped"])
def test_a_program_exits_while_calls_are_pending(waiting: str) -> None:
    program = """
import asyncio, os, sys, threading, time
from gatekeeper import AuthService, GatekeeperCore, aio
url, waiting = sys.argv[1:]
if waiting == "thread":
    threading.Thread(target=AuthService(GatekeeperCore(url, timeout=1)).me, daemon=True).start()
    time.sleep(0.2)
elif waiting == "loop":
    async def main():
        task = asyncio.ensure_future(aio.AuthService(aio.GatekeeperCore(url, timeout=1)).me())
        await asyncio.sleep(0.2)
    asyncio.run(main())
else:
    loop = asyncio.new_event_loop()
    call = loop.create_task(aio.AuthService(aio.GatekeeperCore(url, timeout=0.3)).me())
    loop.run_until_complete(asyncio.sleep(0.2))
    loop.close()
    time.sleep(0.4)
"""
    with hanging() as (url, _), run_python(program, url, waiting) as process:
        assert process.wait(20) == 0, process.communicate()
        assert process.stderr is not None
        assert "Error" not in process.stderr.read().replace("Task was destroyed but it is pending", "")


class HeaderEcho(BaseHTTPRequestHandler):
    """Responds that the credential is wrong, with the header of the request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        answer = {"ok": False, "code": "unauthorized", "error": str(self.headers["X-Edge"]), "requestId": "req_7"}
        body = json.dumps(answer).encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def test_a_certificate_is_checked_against_the_machines_trust_store(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    program = """
import sys
from gatekeeper import AuthService, GatekeeperCore, GatekeeperError
try:
    AuthService(GatekeeperCore(sys.argv[1], default_headers={"X-Edge": "seven"}, max_retries=0)).me()
except GatekeeperError as error:
    print(error.code, error, error.request_id, error.__cause__)
"""
    with ThreadingHTTPServer(("localhost", 0), HeaderEcho) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"https://localhost:{server.server_port}"
            for trusted, expected in (
                (str(certificate), "unauthorized seven req_7"),
                (None, "connection_error the certificate of https://localhost"),
            ):
                environment = {key: value for key, value in os.environ.items() if key != "SSL_CERT_FILE"}
                if trusted:
                    environment["SSL_CERT_FILE"] = trusted
                with run_python(program, url, env=environment) as process:
                    output, problem = process.communicate(timeout=20)
                assert output.startswith(expected), (output, problem)
            assert "certificate" in output
        finally:
            server.shutdown()
            thread.join()


def test_cores_with_different_tokens_share_one_server(remote: tuple[str, str]) -> None:
    core = GatekeeperCore(remote[0], user_agent="acme/1")
    ada, ben = (AuthService(core).signup(f"{name}@example.com", "a long password") for name in ("ada", "ben"))
    theirs = [TenantsService(core.with_token(user.access_token)).create("t").id for user in (ada, ben)]
    assert len(set(theirs)) == 2
    with pytest.raises(GatekeeperError) as raised:
        TenantsService(core.with_client_address("192.0.2.1")).list()
    assert raised.value.status == 401
