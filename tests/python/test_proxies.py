"""Proxy variables of the environment: used, never for this machine, and an error if they are malformed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conftest import RootKeys, Serve

PROGRAM = """
import sys
from gatekeeper import GatekeeperError, init_key_manager
try:
    keys = init_key_manager(url=sys.argv[1], root_api_key=sys.argv[2], endpoints={}, timeout=5, max_retries=0)
    print(keys.create_user_api_key("user").success)
except GatekeeperError as error:
    print(error.code, error)
"""


def run_program(url: str, variables: Mapping[str, str], root_key: str = "gkr_x") -> str:
    """The output of a program with these environment variables and no other proxy."""
    others = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    run = [sys.executable, "-c", PROGRAM, url, root_key]
    return subprocess.run(run, env={**others, **variables}, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def proxy() -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A proxy that answers every request itself, and the requests with their credentials."""
    requests: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.append((self.path, self.headers["Proxy-Authorization"]))
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"success": True, "apiKey": "user_x", "id": "key_" + "0" * 26, "roles": []}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", requests
        server.shutdown()


def test_a_server_is_reached_through_the_proxy_of_the_environment() -> None:
    with proxy() as (address, requests):
        url = "http://gatekeeper.invalid:8787"
        assert run_program(url, {"HTTP_PROXY": f"http://ada:s%40t@{address}"}) == "True"
        assert run_program(url, {"all_proxy": address}) == "True"
    ada = "Basic YWRhOnNAdA=="
    assert requests == [(f"{url}/api/v1/keys", ada), (f"{url}/api/v1/keys", None)]


def test_this_machine_is_never_reached_through_a_proxy(serve: Serve, url: str, root_key: RootKeys) -> None:
    root = root_key(url, "Acme Inc")
    server = serve(url)
    with proxy() as (address, requests):
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
            there = server.replace("127.0.0.1", host)
            assert run_program(there, {"HTTP_PROXY": address, "ALL_PROXY": "canary:port"}, root) == "True", host
    assert requests == []


@pytest.mark.parametrize(
    ("url", "variables", "name"),
    [
        ("http://gatekeeper.invalid", {"HTTP_PROXY": "socks5://canary:1080"}, "HTTP_PROXY"),
        ("https://gatekeeper.invalid", {"https_proxy": "http://canary:port"}, "https_proxy"),
        ("https://gatekeeper.invalid", {"ALL_PROXY": "canary canary"}, "ALL_PROXY"),
        ("https://gatekeeper.invalid", {"ALL_PROXY": "proxy:1", "NO_PROXY": "10.0.0.0/99,canary"}, "NO_PROXY"),
    ],
)
def test_a_malformed_proxy_variable_is_an_error_and_no_direct_connection_is_made(
    url: str, variables: Mapping[str, str], name: str
) -> None:
    output = run_program(url, variables)
    assert output.startswith(f"bad_request {name}: ")
    assert "canary" not in output
