"""The OpenAPI document matches the behavior of a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema_rs
import pytest
from openapi_spec_validator import validate
from openapi_world import populated
from serving import ROOT, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
DOCUMENT: dict[str, Any] = json.loads((ROOT / "server/openapi.json").read_text())
# The number of random requests for each operation, in addition to those at the bounds of its schema.
EXAMPLES = 15 * int(os.environ.get("GATEKEEPER_SOAK", "1"))
SEED = os.environ.get("GATEKEEPER_SEED", "1")


def media_types(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every media type with an example, and every parameter and header with one."""
    if isinstance(value, dict):
        if "schema" in value and "example" in value:
            yield path, value
        for name, inner in value.items():
            if name != "example":
                yield from media_types(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from media_types(inner, f"{path}/{index}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run a server with users, a tenant and keys that trusts this machine as a proxy."""
    with serving(tmp_path_factory.mktemp("openapi"), "--trusted-proxies", "127.0.0.1") as server:
        yield populated(server.url, server.root_key) | {"folder": str(server.folder)}


def drive(world: dict[str, Any], **environment: str) -> None:
    """Run schemathesis: it sends valid and invalid requests and checks every response."""
    tool = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
    run = ["run", str(ROOT / "server/openapi.json"), "--url", world["url"], "--checks", "all"]
    known = {"GATEKEEPER_WORLD": json.dumps(world), "PYTHONPATH": str(HERE)}
    drawn = ["--seed", SEED, "--max-examples", str(EXAMPLES)]
    driven = subprocess.run(
        [*tool, *run, *drawn],
        env=os.environ | known | environment,
        cwd=world["folder"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert driven.returncode == 0, driven.stdout + driven.stderr


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    validate(DOCUMENT)


def test_every_example_matches_its_schema() -> None:
    examples = list(media_types(DOCUMENT))
    assert len(examples) > 140
    for path, media in examples:
        schema = {"components": DOCUMENT["components"], "allOf": [media["schema"]]}
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        problems = [error.message for error in validator.iter_errors(media["example"])]
        assert not problems, path


@pytest.mark.parametrize(
    ("path", "kind", "file"),
    [("/openapi.json", "application/json", "openapi.json"), ("/docs", "text/html; charset=utf-8", "docs.html")],
)
def test_the_server_serves_the_documents_that_are_checked_in(
    world: dict[str, Any], path: str, kind: str, file: str
) -> None:
    response = httpx.get(world["url"] + path)
    assert response.headers["Content-Type"] == kind
    assert response.content == (ROOT / "server" / file).read_bytes()


def test_the_server_matches_its_document(world: dict[str, Any]) -> None:
    drive(world)


def test_the_server_matches_its_document_for_anonymous_callers(world: dict[str, Any]) -> None:
    drive(world, GATEKEEPER_ANONYMOUS="1")
