"""Gatekeeper compared with the key manager's own server, call by call, as documented in the reference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from serving import ROOT, run

if TYPE_CHECKING:
    import httpx
    from serving import Server

PAGE = ROOT / "docs/reference/key-manager-comparison.md"
CALLS: list[dict[str, Any]] = json.loads((ROOT / "tests/cases/key-manager-comparison.json").read_text())["calls"]


def filled(value: Any, kept: dict[str, str]) -> Any:
    """Replace `$NAME` in `value` by the value kept under that name."""
    if isinstance(value, str):
        for name, known in kept.items():
            value = value.replace(f"${name}", known)
        return value
    if isinstance(value, list):
        return [filled(each, kept) for each in value]
    if isinstance(value, dict):
        return {name: filled(each, kept) for name, each in value.items()}
    return value


def summary(answer: httpx.Response) -> str:
    """A short summary of a response, as in the table."""
    words, body = str(answer.status_code), answer.json()
    if body["success"] is False:
        words += f" `{body['error']}`"
    elif "keyValid" in body:
        words += " valid" if body["keyValid"] else " not valid"
        if body["keyValid"]:
            words += f", {'ok' if body['ok'] else 'limited'}, {body['remaining']} of {body['total']}"
    elif "count" in body:
        words += f" count {body['count']}"
    elif "roles" in body:
        words += f" roles {len(body['roles'])}"
    return f"{words} `Allow: {answer.headers['allow']}`" if answer.status_code == 405 else words


def test_every_call_of_the_comparison_returns_the_documented_response(server: Server) -> None:
    other = json.loads(run(server.folder, "init", "--additional", "--tenant-name", "Other Inc", "--json").stdout)
    kept = {"root": server.root_key, "other": other["rootKey"]}
    with server.client() as client:
        for call in CALLS:
            body = filled(call.get("body"), kept)
            content = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
            headers = [(name.encode(), filled(value, kept).encode("latin-1")) for name, value in call["headers"]]
            answer = client.request(call["method"], call["path"], headers=headers, content=content)
            assert summary(answer) == call["ours"], (call, answer.text)
            for name, field in call.get("keep", {}).items():
                kept[name] = answer.json()[field]
            # Existing clients know only these names for 200, 400 and 401.
            if answer.status_code in (200, 400, 401) and not answer.json()["success"]:
                names = {
                    "authorizationHeaderNotPresent",
                    "apiTokenNotPresent",
                    "invalidAPIToken",
                    "invalidBody",
                    "invalidId",
                }
                assert answer.json()["error"] in names


@pytest.mark.parametrize("group", dict.fromkeys(call["group"] for call in CALLS))
def test_the_tables_of_the_reference_are_these_calls(group: str) -> None:
    part = PAGE.read_text().partition(f"\n## {group[0].upper()}{group[1:]}\n")[2].partition("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("| ")]
    calls = [call for call in CALLS if call["group"] == group]
    assert rows[1:] == [row_of(call) for call in calls]


def row_of(call: dict[str, Any]) -> str:
    ours = "the same" if call["ours"] == call["theirs"] else call["ours"]
    return f"| {call['call']} | {call['theirs']} | {ours} | {call.get('why', '')} |"


def test_every_difference_in_the_comparison_has_a_reason() -> None:
    for call in CALLS:
        assert (call["ours"] != call["theirs"]) == ("why" in call), call["call"]
