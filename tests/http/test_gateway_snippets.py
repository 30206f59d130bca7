"""The snippets of the how-to pages that count a value of the request separately, before a real upstream."""

from __future__ import annotations

import re
import shutil
import textwrap
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from serving import ROOT
from test_gateways import FILES, FORGED, NGINX, filled, free_port, running, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Server


def snippet(page: str, start: str) -> str:
    """Return the block of a page that begins like this."""
    text = (ROOT / "docs/how-to" / page).read_text()
    blocks = (
        textwrap.dedent(block) for block in re.findall(r"^ *```\w+\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    )
    return next(block for block in blocks if block.startswith(start))


@contextmanager
def nginx(server: Server, folder: Path) -> Iterator[str]:
    with ExitStack() as stack:
        port = free_port()
        tasks = filled(FILES / "nginx/tasks.conf", port, server.gateway_url, stack.enter_context(upstream()))
        listen = f"listen {port};\n"
        assert listen in tasks
        (folder / "tasks.conf").write_text(tasks.replace(listen, listen + snippet("nginx.md", "location ~ ^/users/")))
        shutil.copy(FILES / "nginx/gatekeeper.conf", folder)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
        yield stack.enter_context(running(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], port))


@contextmanager
def caddy(server: Server, folder: Path) -> Iterator[str]:
    with ExitStack() as stack:
        port, upstream_port = free_port(), stack.enter_context(upstream())
        question = snippet("caddy.md", "forward_auth").replace(
            "127.0.0.1:8788", server.gateway_url.removeprefix("http://")
        )
        route = f"request_header -X-Gatekeeper-*\n{question}\nreverse_proxy 127.0.0.1:{upstream_port}"
        site = f":{port} {{\nroute /users* {{\n{route}\n}}\n}}\n"
        (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n\n" + site)
        command = ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
        yield stack.enter_context(running(command, port))


@pytest.mark.parametrize("gateway", [nginx, caddy])
def test_a_value_of_the_path_has_a_window_of_its_own_and_no_header_of_the_client_has(
    server: Server, tmp_path: Path, gateway: Any
) -> None:
    with server.client(headers=server.root) as client:
        key = client.post("/api/v1/keys", json={"prefix": "user"}).json()["apiKey"]
    headers = {"X-API-Key": key, **FORGED}
    with gateway(server, tmp_path) as url, httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        assert [client.get("/users/7").status_code for _ in range(3)] == [200, 200, 429]
        assert client.get("/users/8").status_code == 200
