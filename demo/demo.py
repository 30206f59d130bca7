"""Builds both packages, installs them as a user would, and shows on one SQLite file what they do."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "demo"
ENDPOINTS = {
    "GET_TASKS": {
        "default": {"maxReq": 10, "duration": 60_000},
        "roles": {"PRO": {"maxReq": 1000, "duration": 60_000}},
    },
    "TIMING": {"default": {"maxReq": 4_000_000_000, "duration": 60_000}},
}


def run(*command: object, folder: Path = ROOT, **variables: str) -> str:
    """Runs a command to its end; shows what it said if it fails."""
    environment = os.environ | variables
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def progress(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


class Program:
    """One language's program: asked in JSON, a line each, answers in JSON."""

    def __init__(self, *command: object, folder: Path) -> None:
        self.process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

        assert self.process.stdin
        assert self.process.stdout
        self.questions, self.answers = self.process.stdin, self.process.stdout

    def ask(self, call: str, *arguments: object) -> dict[str, Any]:
        self.questions.write(json.dumps([call, *arguments]) + "\n")
        self.questions.flush()
        answer = self.answers.readline()
        if not answer:
            sys.exit(f"a program of the demo ended: exit {self.process.wait()}")
        return dict(json.loads(answer))

    def close(self) -> None:
        self.questions.close()
        self.process.wait()


class Table:
    """Prints what happened, and remembers whether all of it was as documented."""

    def __init__(self) -> None:
        self.wrong = 0
        print(f"\n  {'in':<7} {'what':<58} answer")
        print(f"  {'─' * 6}  {'─' * 57}  {'─' * 44}")

    def row(self, where: str, what: str, answer: str, expected: bool) -> None:
        self.wrong += not expected
        print(f"{'  ' if expected else '✗ '}{where:<7} {what:<58} {answer}")


def install(folder: Path) -> tuple[Path, Path]:
    """Builds the wheel and the tarball and installs each in a place of its own."""
    progress("building the wheel")
    run(ROOT / ".venv/bin/maturin", "build", "--release", "--quiet", "--out", folder)
    progress("packing the npm tarball")
    tarball = run("npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder).split()[-1]
    progress("installing both, each in a clean place")
    run(sys.executable, "-m", "venv", folder / "venv")
    python = folder / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--no-index", *folder.glob("*.whl"))
    node = folder / "node"
    node.mkdir()
    run("npm", "init", "--yes", folder=node)
    run("npm", "install", "--silent", "--no-audit", "--no-fund", folder / tarball, folder=node)
    for program in ("program.mjs", "quickstart.mjs"):
        (node / program).write_text((HERE / program).read_text())
    progress("building the Rust program")
    run("cargo", "build", "--release", "--quiet", "-p", "gatekeeper-tests", "--bin", "demo")
    return python, node


def brief(answer: dict[str, Any]) -> str:
    """A verdict in a few words."""
    if not answer["success"]:
        return f"{answer['error']}: {answer['reason']}"
    if not answer["keyValid"]:
        return "not a valid key"
    role = f", limit of {answer['role']}" if answer.get("role") else ""
    state = "admitted" if answer["ok"] else f"429, wait {answer['retryAfterMs'] / 1000:.1f} s"
    return f"{state}: {answer['remaining']} of {answer['total']} left{role}"


def story(python: Program, node: Program, rust: Program, wrong_root: Program) -> int:
    table = Table()
    languages = {"Python": python, "Node": node, "Rust": rust}

    created = python.ask("create", "user", ["TRIAL"])
    key, key_id = created["apiKey"], created["id"]
    table.row("Python", "create a key with the role TRIAL", f"user_…, {key_id}", created["success"])
    for language, program in languages.items():
        answer = program.ask("verify", key, "GET_TASKS", [f"from {language}"])
        table.row(language, "verify it", brief(answer), answer["ok"] and answer["remaining"] == 9)

    for language, program in languages.items():
        answers = [program.ask("verify", key, "GET_TASKS", ["task 1"]) for _ in range(11)]
        refused = [answer["ok"] for answer in answers] == [True] * 10 + [False]
        table.row(language, "11 calls at 10 a minute, variable “task 1”: the 11th", brief(answers[-1]), refused)
        answer = program.ask("verify", key, "GET_TASKS", ["task 2"])
        table.row(language, "variable “task 2” has a window of its own", brief(answer), answer["remaining"] == 9)

    answer = python.ask("add_roles", key_id, ["PRO"])
    table.row("Python", "add the role PRO", f"{answer['count']} added", answer["count"] == 1)
    for language, program in languages.items():
        answer = program.ask("verify", key, "GET_TASKS", ["task 1"])
        expected = answer["total"] == 1000 and answer["remaining"] == 989
        table.row(language, "PRO chooses its limit, and what was taken still counts", brief(answer), expected)

    rotated = node.ask("rotate", key_id)
    table.row("Node", "rotate the key", "user_…, same id", rotated["id"] == key_id)
    for language, program in languages.items():
        old, new = (program.ask("verify", each, "GET_TASKS", ["r"]) for each in (key, rotated["apikey"]))
        table.row(language, "the old key", brief(old), not old["keyValid"])
        table.row(language, "the new key", brief(new), new["ok"])

    answer = python.ask("delete", key_id)
    table.row("Python", "delete the key", "deleted", answer["success"])
    for language, program in languages.items():
        answer = program.ask("verify", rotated["apikey"], "GET_TASKS", ["r"])
        table.row(language, "the deleted key", brief(answer), not answer["keyValid"])

    for language, program in languages.items():
        answer = program.ask("verify", rotated["apikey"][:-1] + "?", "GET_TASKS", [])
        table.row(
            language, "a malformed key", brief(answer), answer == {"success": True, "keyValid": False, "ok": False}
        )
        answer = program.ask("verify", rotated["apikey"], "NO_SUCH", [])
        table.row(language, "an unknown endpoint", brief(answer)[:44] + "…", answer["error"] == "invalidBody")
    answer = wrong_root.ask("verify", rotated["apikey"], "GET_TASKS", [])
    table.row("Python", "a wrong root key", brief(answer), answer["error"] == "invalidAPIToken")

    timed = python.ask("create", "user", [])["apiKey"]
    print("\n  one verification of a key seen before, on this file\n")
    for language, program in languages.items():
        nanoseconds = program.ask("time", timed, "TIMING", ["task"])["ns"]
        print(f"  {language:<7} {nanoseconds / 1000:.2f} µs")
    return table.wrong


REFUSALS = {
    "check and record more": "402 plan_limit",
    "a wrong password": "401 unauthorized",
    "a member removes the tenant": "403 forbidden",
    "a stranger looks at the tenant": "404 not_found",
}


def quickstart(python: Path, node: Path, folder: Path) -> int:
    """From sign-up to metered usage, in both languages on one file."""
    table = Table()
    database = folder / "accounts.db"
    secret = {"GATEKEEPER_SECRET": "a secret of the demo alone"}
    for language, command, place in [
        ("Python", (python, HERE / "quickstart.py", database), folder),
        ("Node", ("node", node / "quickstart.mjs", database), node),
    ]:
        rows = [json.loads(line) for line in run(*command, folder=place, **secret).splitlines()]
        for what, answer in rows:
            table.row(language, what, answer, answer == REFUSALS.get(what, answer))
        missing = {"a wrong password", "a member removes the tenant", "a stranger looks at the tenant"}
        missing -= {what for what, _ in rows}
        if missing:
            table.row(language, ", ".join(sorted(missing)), "not there", expected=False)
    return table.wrong


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="gatekeeper-demo-") as name:
        folder = Path(name)
        python, node = install(folder)
        database = folder / "gatekeeper.db"
        database_and_endpoints = (database, json.dumps(ENDPOINTS))
        in_python = (python, HERE / "program.py", *database_and_endpoints)
        programs = [
            Program(*in_python, folder=folder),
            Program("node", node / "program.mjs", *database_and_endpoints, folder=node),
            Program(ROOT / "target/release/demo", *database_and_endpoints, folder=folder),
            Program(*in_python, "gkr_wxcBDexvUxa78kRDFHicb6CN31kF7VDBaF", folder=folder),
        ]
        wrong = story(*programs)
        for program in programs:
            program.close()
        wrong += quickstart(python, node, folder)
    print(f"\n  {'All of it as documented.' if not wrong else f'{wrong} answers are not as documented.'}\n")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
