"""Clients generated from the OpenAPI document by other tools can read every response of a server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from openapi_world import ask, populated
from serving import ROOT, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = ROOT / "tests/http/generators"
PYTHON = ROOT / ".cache/generators/bin"
NODE = HERE / "node_modules/.bin"
DOCUMENT: dict[str, Any] = json.loads((ROOT / "server/openapi.json").read_text())
# These return no JSON, or are not meant for generated clients.
NOT_CALLED = {"metrics", "docs", "openapi", "audit.export"}
# Calls that invalidate the credential of other calls come last.
ENDINGS = (
    "keyManager.deleteKey",
    "keys.revoke",
    "tenants.removeMember",
    "auth.logout",
    "auth.logoutAll",
    "tenants.remove",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run a server with users, a tenant and keys."""
    with serving(tmp_path_factory.mktemp("clients"), "--trusted-proxies", "127.0.0.1") as server:
        yield populated(server.url, server.root_key)


def run(command: list[str | Path], folder: Path, **options: Any) -> str:
    """Run a program, which must succeed, and return its output."""
    path = f"{PYTHON}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path} | options.pop("env", {})
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **options)
    output: str = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def snake(name: str) -> str:
    words: str = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return words.lower()


def calls(world: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation of the document, with ids and credentials that exist."""
    owner = ask(f"{world['url']}/v1/auth/login", world["owner"])
    known = {
        "tenantId": world["tenantId"],
        "userId": world["memberId"],
        "apiKeyId": world["keyId"],
        "id": world["keyId"],
        "key": world["key"],
        "apikey": world["userKey"],
        "email": world["owner"]["email"],
        "password": world["owner"]["password"],
        "currentPassword": world["owner"]["password"],
        "refreshToken": owner["refreshToken"],
        "permission": "keys:read",
    }
    user_key = ask(f"{world['url']}/api/v1/keys", {"prefix": "user"}, world["rootKey"])["id"]
    listed = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]
    listed.sort(key=lambda each: ENDINGS.index(each["operationId"]) if each["operationId"] in ENDINGS else -1)
    for operation in listed:
        name, tag = operation["operationId"], operation["tags"][0]
        if name in NOT_CALLED:
            continue
        is_manager = tag == "keyManager"
        values = known | ({"id": user_key, "roles": ["PRO"]} if is_manager else {})
        if name == "auth.signup":
            values = values | {"email": "newcomer@example.com"}
        example = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        body = None if example is None else {field: values.get(field, value) for field, value in example.items()}
        if name == "keys.verify" and body is not None:
            body["tenants"] = [world["tenantId"]]
        arguments = {
            snake(parameter["name"]): values.get(parameter["name"], parameter.get("example"))
            for parameter in operation.get("parameters", [])
            if parameter["required"]
        }
        token = world["rootKey"] if is_manager else owner["accessToken"] if operation["security"] else ""
        yield (
            name,
            {
                "module": f"{snake(tag)}.{snake(name.replace('.', '_'))}",
                "token": token,
                "arguments": arguments,
                "body": body,
            },
        )


def test_a_client_of_openapi_python_client_reads_every_response(world: dict[str, Any], tmp_path: Path) -> None:
    generate: list[str | Path] = [
        PYTHON / "openapi-python-client",
        "generate",
        "--path",
        ROOT / "server/openapi.json",
        "--meta",
        "none",
    ]
    output = run([*generate, "--output-path", tmp_path / "python_client_made"], tmp_path)
    assert "WARNING" not in output, output
    shutil.copy(HERE / "python_client.py", tmp_path)
    names, requests = zip(*calls(world), strict=True)
    request = json.dumps({"url": world["url"], "calls": requests})
    answers = json.loads(run([PYTHON / "python", "python_client.py"], tmp_path, input=request))
    for name, answer in zip(names, answers, strict=True):
        assert answer["read"] == answer["sent"], name
    succeeded = {name for name, answer in zip(names, answers, strict=True) if answer["status"] < 300}
    failed = set(names) - succeeded
    assert len(succeeded) >= 40, failed


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the TypeScript clients and compile programs that use them, in strict mode."""
    folder = tmp_path_factory.mktemp("typescript")
    for file in ("package.json", "tsconfig.json", "openapi-ts.config.mjs", "openapi_typescript.ts", "hey_api.ts"):
        shutil.copy(HERE / file, folder)
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    document = ROOT / "server/openapi.json"
    # Otherwise a field with a default would be required.
    types: list[str | Path] = [NODE / "openapi-typescript", document, "--default-non-nullable", "false"]
    run([*types, "-o", folder / "openapi-typescript/schema.d.ts"], folder)
    run([NODE / "openapi-ts", "--no-log-file"], folder, env={"GATEKEEPER_DOCUMENT": str(document)})
    run([NODE / "tsc", "-p", folder], folder)
    return folder


@pytest.mark.parametrize("program", ["openapi_typescript", "hey_api"])
def test_typescript_clients_compile_and_work(world: dict[str, Any], compiled: Path, program: str) -> None:
    env = {"GATEKEEPER_WORLD": json.dumps(world)}
    assert run(["node", f"{program}.js"], compiled, env=env).strip().endswith("done")
