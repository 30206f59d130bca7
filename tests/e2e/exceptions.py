"""The blocks of the documentation that no test runs as they are printed, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pages import Block

OUTPUT = {"json", "promql", "text"}
"""The languages of blocks that show output, or a query of another program."""

EXCEPTIONS = {
    "sudo apt-get install": "installs packages as root: scripts/check-tools and its tests do",
    "make demo ": "CI runs both commands on a clean checkout",
    "make dist ": "its own tests use what it builds, in tests/dist",
    "cargo install --locked": "compiles the server, which the tests have built",
    "curl -i http://127.0.0.1:3000/": "tests/e2e/test_tutorial.py sends these requests to the programs",
    "KEY=$(gatekeeper keys create --json": "tests/http/test_gateways.py sends these requests through the gateways",
    "gatekeeper serve --gateway-listen": "tests/http starts every server like this",
    "caddy validate": "tests/http/test_gateways.py runs Caddy with this file",
    "sudo cp docs/how-to/files/nginx/": "needs root; tests/http/test_gateways.py runs nginx with these files",
    "docker ": "needs a container engine",
    "cargo build --release --package gatekeeper-server": "installs a service as root",
    "sudo curl --unix-socket": "needs the installed service",
    "location /v1/ {": "nginx before the Unix socket of the installed service",
    "location ~ ^/users/": "tests/http/test_gateway_snippets.py runs nginx with this snippet",
    "forward_auth 127.0.0.1:8788": "tests/http/test_gateway_snippets.py runs Caddy with this snippet",
    "entryPoints:": "no Traefik to test with",
    "labels:": "no container engine, and no Traefik",
    "[gatekeeper]\nenabled": "fail2ban's jail; tests/http/test_log.py tests its filter",
    "pip install openapi-python-client": "tests/http/test_generated_clients.py runs the generators",
    "curl -s http://127.0.0.1:8787/metrics | grep gatekeeper_": "docs/tutorial.md has this request in its script",
    "esbuild app.mjs": "tests/node/package.test.mjs bundles with these options",
    "npm install --os": "installs from the registry, where nothing is published yet",
    "gatekeeper restore backup.db": "tests/python/test_replaced.py replaces databases in these ways",
}
"""Blocks that no test here runs, by how they begin, with the reason."""


def exception_of(block: Block) -> str | None:
    """Return the beginning under which a block is an exception, if it is one."""
    return next((start for start in EXCEPTIONS if block.text.startswith(start)), None)
