"""Demonstrates one limit shared by three languages on one file, and a key that is revoked in all of them at once.

    demo.py [PACKAGES]

Uses the output of ``make build``. With a folder of packages, installs its wheel and npm tarballs in clean environments
first, as their users would.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HOUR = 3_600_000
"""Windows are long, so that the demo does not depend on the speed of the machine."""

ENDPOINTS = {
    "GET_TASKS": {
        "default": {"maxReq": 10, "duration": HOUR},
        "roles": {"PRO": {"maxReq": 1_000, "duration": HOUR}},
    },
    "BUSY": {"default": {"maxReq": 10_000, "duration": HOUR}},
}
EXPECTED_ERRORS = {
    "check and record more": "402 plan_limit",
    "a wrong password": "401 unauthorized",
    "a member removes the tenant": "403 forbidden",
    "a stranger looks at the tenant": "404 not_found",
}


class Program:
    """The program of one language: reads calls and writes results as lines of JSON."""

    def __init__(self, language: str, *command: object) -> None:
        self.language = language
        words = [str(word) for word in command]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin
        assert self.process.stdout
        self.calls, self.answers = self.process.stdin, self.process.stdout

    def send(self, call: str, *arguments: object) -> None:
        self.calls.write(json.dumps([call, *arguments]) + "\n")
        self.calls.flush()

    def answer(self) -> dict[str, Any]:
        line = self.answers.readline()
        if not line:
            sys.exit(f"the demo's program in {self.language} ended: exit {self.process.wait()}")
        return dict(json.loads(line))

    def ask(self, call: str, *arguments: object) -> dict[str, Any]:
        self.send(call, *arguments)
        return self.answer()

    def close(self) -> None:
        self.calls.close()
        self.process.wait()


class Table:
    """Prints results, and counts those that differ from the documentation."""

    def __init__(self) -> None:
        self.wrong = 0

    def title(self, text: str) -> None:
        print(f"\n  {text}\n", flush=True)

    def row(self, where: str, what: str, answer: str, *, expected: bool) -> None:
        self.wrong += not expected
        print(f"{'  ' if expected else '✗ '}  {where:<7} {what:<34} {answer}", flush=True)


def brief(answer: dict[str, Any]) -> str:
    """A short description of a verdict."""
    if not answer["success"]:
        return f"{answer['error']}: {answer['reason']}"
    if not answer["keyValid"]:
        return "401, not a valid key"
    state = "admitted" if answer["ok"] else "429, limit reached"
    role = f", by the role {answer['role']}" if answer.get("role") else ""
    return f"{state}: {answer['remaining']:,} of {answer['total']:,} left{role}"


def one_limit(programs: list[Program], key: str, table: Table) -> None:
    """Make ten calls in turn, one more in each language, and then calls from all of them concurrently."""
    table.title("One limit, 10 calls an hour, over three languages")
    for turn in range(13):
        program = programs[turn % 3]
        answer = program.ask("verify", key, "GET_TASKS", ["task 1"])
        expected = (answer["ok"], answer["remaining"]) == (turn < 10, max(9 - turn, 0))
        table.row(program.language, f"call {turn + 1}", brief(answer), expected=expected)

    table.title("10,000 calls an hour, and each language makes 10,000 calls concurrently")
    for program in programs:
        program.send("burst", key, "BUSY", 10_000)
    admitted = {program.language: program.answer()["admitted"] for program in programs}
    for language, count in admitted.items():
        table.row(language, "10,000 calls", f"{count:,} admitted", expected=True)
    table.row("", "together", f"{sum(admitted.values()):,} admitted", expected=sum(admitted.values()) == 10_000)


def one_key(programs: list[Program], key: str, key_id: str, table: Table) -> None:
    """Add a role, rotate and delete the key: each change applies to all three languages immediately."""
    python, node, _ = programs
    table.title("A change in one language applies to all of them immediately")
    answer = python.ask("add_roles", key_id, ["PRO"])
    table.row("Python", "give the key the role PRO", f"{answer['count']} added", expected=answer["count"] == 1)
    for program in programs:
        answer = program.ask("verify", key, "GET_TASKS", ["task 1"])
        expected = (answer["ok"], answer["total"], answer["role"]) == (True, 1_000, "PRO")
        table.row(program.language, "the next call", brief(answer), expected=expected)

    rotated = node.ask("rotate", key_id)
    table.row("Node", "rotate the key", "a new key, the same id", expected=rotated["id"] == key_id)
    for program in programs:
        old, new = (program.ask("verify", each, "GET_TASKS", ["task 2"]) for each in (key, rotated["apikey"]))
        table.row(program.language, "the old key", brief(old), expected=not old["keyValid"])
        table.row(program.language, "the new key", brief(new), expected=new["ok"])

    answer = python.ask("delete", key_id)
    table.row("Python", "delete the key", "deleted", expected=answer["success"])
    for program in programs:
        answer = program.ask("verify", rotated["apikey"], "GET_TASKS", ["task 2"])
        table.row(program.language, "the deleted key", brief(answer), expected=not answer["keyValid"])


@dataclass
class Environments:
    """The environments in which the programs import the packages."""

    python: Path
    node: Path
    """A folder in which programs can import the package by its name."""


def quickstart(environments: Environments, database: Path, table: Table) -> None:
    """From sign-up to usage, on the same file."""
    secret = os.environ | {"GATEKEEPER_SECRET": "a secret of the demo alone"}
    commands: dict[str, list[object]] = {
        "Python": [environments.python, HERE / "quickstart.py", database],
        "Node": ["node", environments.node / "quickstart.mjs", database],
    }
    table.title("Accounts, tenants, keys with a quota, and usage")
    for language, command in commands.items():
        rows = [json.loads(line) for line in run(*command, environment=secret).splitlines()]
        for what, answer in rows:
            table.row(language, what, answer, expected=answer == EXPECTED_ERRORS.get(what, answer))
        for missing in sorted(set(EXPECTED_ERRORS) - {what for what, _ in rows}):
            table.row(language, missing, "missing", expected=False)


def run(*command: object, folder: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    """Runs a command and shows its output if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def installed(packages: Path, folder: Path) -> Environments:
    """Installs the packages, each in a clean environment."""
    python, node = folder / "venv/bin/python", folder / "node"
    run(sys.executable, "-m", "venv", folder / "venv")
    run(python, "-m", "pip", "install", "--quiet", "--no-index", *packages.glob("*.whl"))
    node.mkdir()
    run("npm", "init", "--yes", folder=node)
    run("npm", "install", "--silent", "--no-audit", "--no-fund", *packages.glob("*.tgz"), folder=node)
    for program in HERE.glob("*.mjs"):
        (node / program.name).write_text(program.read_text())
    return Environments(python, node)


def main(packages: Path | None = None) -> int:
    table = Table()
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    with tempfile.TemporaryDirectory(prefix="gatekeeper-demo-") as name:
        folder = Path(name)
        environments = installed(packages.resolve(), folder) if packages else Environments(Path(sys.executable), HERE)
        database = folder / "gatekeeper.db"
        given = (database, json.dumps(ENDPOINTS))
        programs = [
            Program("Python", environments.python, HERE / "program.py", *given),
            Program("Node", "node", environments.node / "program.mjs", *given),
            Program("Rust", target / "debug/demo", *given),
        ]
        created = programs[0].ask("create", "user", ["TRIAL"])
        table.title("One key in one SQLite file, used by a program in Python, one in Node and one in Rust")
        table.row("Python", "create a key", f"user_…, {created['id']}", expected=created["success"])
        one_limit(programs, created["apiKey"], table)
        one_key(programs, created["apiKey"], created["id"], table)
        for program in programs:
            program.close()
        quickstart(environments, database, table)
    summary = (
        f"{table.wrong} results differ from the documentation." if table.wrong else "All results are as documented."
    )
    print(f"\n  {summary}\n")
    return min(table.wrong, 1)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
