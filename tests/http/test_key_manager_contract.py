"""The key manager's REST API, called with generic clients: httpx, curl, and Node's fetch."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from serving import Server

ROOT = Path(__file__).parents[2]
SCENARIOS: list[dict[str, Any]] = json.loads((ROOT / "tests/behaviour/key-manager.json").read_text())
TYPES = ["application/json", "text/plain;charset=UTF-8", None]

Answer = tuple[int, "Mapping[str, str]", Any]


def filled(value: Any, kept: dict[str, Any]) -> Any:
    """Replace `$NAME` in `value` by the value kept under that name, and expand `$repeat` and `$join`."""
    if isinstance(value, str):
        for name, known in kept.items():
            value = value.replace(f"${name}", str(known))
    elif isinstance(value, list):
        value = [filled(each, kept) for each in value]
    elif isinstance(value, dict) and "$repeat" in value:
        part, count = value["$repeat"]
        value = part * count
    elif isinstance(value, dict) and "$join" in value:
        value = "".join(filled(each, kept) for each in value["$join"])
    elif isinstance(value, dict):
        value = {name: filled(each, kept) for name, each in value.items()}
    return value


def headers_of(step: dict[str, Any], kind: str | None, kept: dict[str, Any]) -> dict[str, str]:
    auth = filled({"root": "Bearer $root"}.get(step.get("auth", "root"), step.get("auth")), kept)
    # HTTP removes a trailing space (RFC 9110 §5.5).
    headers = {} if auth == "none" else {"Authorization": auth.strip()}
    return headers if kind is None else {**headers, "Content-Type": kind}


def body_of(step: dict[str, Any], kept: dict[str, Any]) -> bytes | None:
    body = filled(step.get("body"), kept)
    if body is None or isinstance(body, str):
        return None if body is None else body.encode()
    return json.dumps(body, ensure_ascii=False).encode()


def play(scenario: dict[str, Any], root: str, send: Callable[[dict[str, Any], dict[str, Any]], Answer]) -> None:
    kept: dict[str, Any] = {"root": root}
    for number, step in enumerate(scenario["steps"]):
        status, headers, answer = send(step, kept)
        where = f"step {number}: {json.dumps(step)[:300]}: {status} {str(answer)[:300]}"
        assert status == step["status"], where
        for name, value in filled(step.get("gives", {}), kept).items():
            assert name in answer, where
            assert answer[name] == value, where
        for name in step.get("lacks", []):
            assert name not in answer, where
        for name, values in step.get("headers", {}).items():
            assert set(values) <= {part.strip() for part in headers[name].split(",")}, where
        for name, field in step.get("keep", {}).items():
            kept[name] = answer[field]


@pytest.mark.parametrize("kind", TYPES, ids=["json", "text", "none"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_httpx_receives_the_documented_responses(server: Server, scenario: dict[str, Any], kind: str | None) -> None:
    with server.client() as client:

        def send(step: dict[str, Any], kept: dict[str, Any]) -> Answer:
            answer = client.request(
                step["method"], step["path"], headers=headers_of(step, kind, kept), content=body_of(step, kept)
            )
            return answer.status_code, answer.headers, answer.json()

        play(scenario, server.root_key, send)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_curl_receives_the_documented_responses(server: Server, scenario: dict[str, Any]) -> None:
    def send(step: dict[str, Any], kept: dict[str, Any]) -> Answer:
        command = ["curl", "-sS", "-i", "-X", step["method"], f"{server.url}{step['path']}", "-H", "Expect:"]
        # curl sends the content type of a form by default.
        for name, value in headers_of(step, None, kept).items():
            command += ["-H", f"{name}: {value}"]
        body = body_of(step, kept)
        if body is not None:
            command += ["--data-binary", "@-"]
        done = subprocess.run(command, input=body, capture_output=True, check=True, timeout=30)
        head, _, text = done.stdout.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers, json.loads(text)

    play(scenario, server.root_key, send)


def test_nodes_fetch_receives_the_documented_responses(server: Server) -> None:
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("key_manager_contract.mjs")), server.url],
        input=server.root_key,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") == len(SCENARIOS) * len(TYPES)
