"""Two languages use one database file at the same time: nothing is lost, corrupt or stale, even if one is killed."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gatekeeper import AuthService, GatekeeperCore, TenantsService, init_key_manager

if TYPE_CHECKING:
    from gatekeeper import Endpoint

ROOT = Path(__file__).resolve().parents[2]
ENDPOINTS = {"GET": {"default": {"maxReq": 1_000_000, "duration": 60_000}}}
PROGRAMS = {
    "python": [sys.executable, str(ROOT / "demo/program.py")],
    "node": ["node", str(ROOT / "demo/program.mjs")],
}


class Program:
    """A program that reads calls and writes results as lines of JSON, and can be killed."""

    def __init__(self, language: str, database: Path) -> None:
        """Start it on `database`."""
        command = [*PROGRAMS[language], str(database), json.dumps(ENDPOINTS)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, call: str, *arguments: object) -> None:
        """Send a call without waiting for its result."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps([call, *arguments]) + "\n")
        self.process.stdin.flush()

    def ask(self, call: str, *arguments: object) -> dict[str, Any]:
        """Send a call and wait for its result."""
        self.send(call, *arguments)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next result."""
        assert self.process.stdout
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def kill(self) -> list[dict[str, Any]]:
        """Kill the program with SIGKILL and return the results that were not read yet."""
        self.process.kill()
        rest, _ = self.process.communicate()
        whole = rest[: rest.rfind("\n") + 1]
        return [json.loads(line) for line in whole.splitlines()]


@pytest.mark.parametrize(("writer", "reader"), [("python", "node"), ("node", "python")])
def test_a_change_in_one_language_applies_to_the_next_call_of_the_other(
    tmp_path: Path, writer: str, reader: str
) -> None:
    """The reader has cached the key that the writer changes."""
    database = tmp_path / "gatekeeper.db"
    programs = {"writer": Program(writer, database), "reader": Program(reader, database)}
    for turn in range(50):
        key = programs["reader" if turn % 2 else "writer"].ask("create", "user", ["PRO"])
        verified = [program.ask("verify", key["apiKey"], "GET", []) for program in programs.values()]
        assert [each["ok"] for each in verified] == [True, True]
        rotated = programs["writer"].ask("rotate", key["id"])
        assert not programs["reader"].ask("verify", key["apiKey"], "GET", [])["keyValid"]
        assert programs["reader"].ask("verify", rotated["apikey"], "GET", [])["ok"]
        programs["writer"].ask("delete", key["id"])
        assert not programs["reader"].ask("verify", rotated["apikey"], "GET", [])["keyValid"]
    for program in programs.values():
        program.kill()


@pytest.mark.parametrize(("killed", "survivor"), [("python", "node"), ("node", "python")])
def test_a_writer_killed_at_any_instant_leaves_a_valid_file_to_the_other_language(
    tmp_path: Path, killed: str, survivor: str
) -> None:
    """Both write at the same time; every acknowledged change is complete after the kill."""
    database = tmp_path / "gatekeeper.db"
    running = Program(survivor, database)
    rounds = 3 * int(os.environ.get("GATEKEEPER_SOAK", "1"))
    for _ in range(rounds):
        victim = Program(killed, database)
        acknowledged = [victim.ask("create", "user", [])]
        for _ in range(200):
            victim.send("create", "user", [])
        own = [running.ask("create", "user", []) for _ in range(random.randrange(1, 60))]  # noqa: S311
        acknowledged += victim.kill()
        for created in [*acknowledged, *own]:
            assert running.ask("verify", created["apiKey"], "GET", [])["ok"], "an acknowledged key is lost"
    running.kill()
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


USER = "one@example.com", "a long password"
IN_NODE = """
import { AuthService, GatekeeperCore, TenantsService } from 'gatekeeper-native';
const [baseUrl, token, password] = process.argv.slice(1);
const core = new GatekeeperCore({ baseUrl, token });
const tenant = await new TenantsService(core).create('From Node');
const login = await new AuthService(core.withToken(undefined)).login({ email: 'one@example.com', password });
console.log(JSON.stringify({ tenant: tenant.id, token: login.accessToken, keys: await core.jwks() }));
"""


def test_a_session_of_one_language_works_in_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have the same users, tokens, tenants and signing keys, and see the end of a session immediately."""
    monkeypatch.setenv("GATEKEEPER_SECRET", "a secret of this test alone")
    database = str(tmp_path / "gatekeeper.db")
    core = GatekeeperCore(database)
    tokens = AuthService(core).signup(*USER)
    core.set_token(tokens.access_token)

    def in_node(token: str) -> subprocess.CompletedProcess[str]:
        command = ["node", "--input-type=module", "-e", IN_NODE, database, token, USER[1]]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    result = json.loads(in_node(tokens.access_token).stdout)
    assert [tenant.id for tenant in TenantsService(core).iterate()] == [result["tenant"]]
    assert result["keys"] == core.jwks()
    AuthService(core.with_token(result["token"])).logout_all()
    assert "UnauthorizedError" in in_node(tokens.access_token).stderr


CALLS: list[dict[str, Any]] = [
    {"scopes": ["tasks:read"], "cost": 3, "clientAddress": "192.0.2.1"},
    {"scopes": ["tasks:read", "users:read"]},
    {"cost": 1_000_000},
    {"cost": 1_000_001},
    {"scopes": ["a b"]},
]
VERIFY_IN_NODE = """
import { initKeyManager } from 'gatekeeper-native';
const [url, endpoints, tenant, key, calls] = process.argv.slice(1);
const keys = initKeyManager({ url, endpoints: JSON.parse(endpoints), tenants: [tenant] });
const results = JSON.parse(calls).map((options) => keys.verifyUserAPIKeySync(key, 'GET', ['node'], options));
console.log(JSON.stringify([...results, keys.verifyUserAPIKeySync('', 'GET'), keys.verifyUserAPIKeySync('', 'PUT')]));
"""


def test_a_verification_has_the_same_result_in_both_languages(tmp_path: Path) -> None:
    """All fields, for each code and each error."""
    database = str(tmp_path / "gatekeeper.db")
    core = GatekeeperCore(database, operator=True)
    tenant = core.tenants.create("Acme Inc").id
    metadata = {"plan": "pro", "seats": [1, 2.5, None, {"é": "🦊"}]}
    key = core.keys.create(
        tenant, name="server-key", owner_id="u_42", roles=["PRO"], scopes=["tasks:*"], metadata=metadata
    ).plain_text_key
    endpoints: dict[str, Endpoint] = {"GET": {"default": "1000000/day", "roles": {"PRO": "1000000/2 days"}}}

    keys = init_key_manager(core=core, tenants=[tenant], endpoints=endpoints)
    here: list[Any] = []
    for options in CALLS:
        named = {{"clientAddress": "client_address"}.get(name, name): value for name, value in options.items()}
        here.append(keys.verify_user_api_key(key, "GET", ["python"], **named))
    here += [keys.verify_user_api_key("", "GET"), keys.verify_user_api_key("", "PUT")]

    command = ["node", "--input-type=module", "-e", VERIFY_IN_NODE, database, json.dumps(endpoints), tenant, key]
    run = subprocess.run([*command, json.dumps(CALLS)], cwd=ROOT, capture_output=True, text=True, check=True)
    there = json.loads(run.stdout)
    assert [res.code or res.error or "invalid_key" for res in here] == [
        "valid",
        "insufficient_scope",
        "rate_limited",
        "invalidBody",
        "invalidBody",
        "invalid_key",
        "invalidBody",
    ]
    times = {"reset", "resetAfterMs", "retryAfterMs"}
    for in_python, in_node in zip(here, there, strict=True):
        assert set(in_python) == set(in_node)
        for field in set(in_node) - times:
            value = in_python[field]
            assert (list(value) if isinstance(value, tuple) else value) == in_node[field], field
