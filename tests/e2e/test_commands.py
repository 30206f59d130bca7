"""Every command of the README and `docs/` runs, and has the words, flags and settings that a page names."""

from __future__ import annotations

import functools
import re
import shlex
import socket
import subprocess
import tomllib
from typing import TYPE_CHECKING

import pytest
from exceptions import exception_of
from pages import GATEKEEPER, PAGES, ROOT, SCRIPTS, SERVER, SHOWN, Block, blocks_of, environment, is_quoted, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The flag of a command, in code.
FLAG = re.compile(r"`(?P<flag>--[a-z][a-z-]+)")

BY_HAND = [
    # What a reader copies from the output.
    ("gatekeeper init --open-signup\n", "gatekeeper init --open-signup | tee init.txt\n"),
    ("export ROOT_KEY=gkr_…\n", "export ROOT_KEY=$(grep -o 'gkr_[A-Za-z0-9_]*' init.txt)\n"),
    (
        "gatekeeper keys create --name first ",
        "export GATEKEEPER_KEY=$(gatekeeper keys create --name first --json | jq -r .plainTextKey) ",
    ),
    # What a reader types at a prompt.
    ("founder@example.com --tenant 'Acme Inc' ", "founder@example.com --tenant 'Acme Inc' <<< hunter2pass "),
    ("users login founder@example.com --json", "users login founder@example.com --json <<< hunter2pass"),
    # What a shell has.
    ("gatekeeper completions bash", "mkdir -p ~/.local/share/bash-completion/completions; gatekeeper completions bash"),
]
"""What a reader does by hand, and what the script does instead."""

PRELUDE = """
set -eu -o pipefail
curl() { command curl --fail-with-body --silent --show-error "$@"; }
until_ready() {
  for _ in $(seq 200); do command curl --fail --silent "$1/ready" > /dev/null && return; sleep 0.05; done
  return 1
}
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("page", SCRIPTS)
def test_the_commands_of_a_page_run_in_their_order(page: str, tmp_path: Path) -> None:
    port = free_port()
    blocks = [block for block in blocks_of(ROOT / page, "sh") if exception_of(block) is None]
    script = "".join(block.text for block in blocks)
    for read, typed in BY_HAND:
        script = script.replace(read, typed)
    serve = f"gatekeeper serve --port {port} > /dev/null 2> serve.log &\nuntil_ready http://127.0.0.1:{port}\n"
    script = re.sub(r"^gatekeeper serve\b[^\n]*\n", serve, script, flags=re.MULTILINE)
    script = script.replace(SERVER, f"http://127.0.0.1:{port}")
    ran = subprocess.run(
        ["bash", "-c", PRELUDE + script],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, f"{script}\n{ran.stdout}\n{ran.stderr}"
    if page == "README.md":
        assert '"keyValid":true' in ran.stdout


@pytest.mark.parametrize("block", [block for page in SHOWN for block in blocks_of(page, "toml")], ids=str)
def test_every_setting_shown_is_one_that_there_is(block: Block, tmp_path: Path) -> None:
    tomllib.loads(block.text)
    (tmp_path / "gatekeeper.toml").write_text(block.text)
    shown = subprocess.run(
        [GATEKEEPER, "config", "--json"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr


@functools.cache
def help_of(*command: str) -> str:
    """Return what a command of `gatekeeper` says of itself."""
    return subprocess.run([GATEKEEPER, *command, "--help"], check=True, capture_output=True, text=True).stdout


def subcommands_of(*command: str) -> list[str]:
    part = help_of(*command).partition("Commands:\n")[2].partition("\n\n")[0]
    return [name for name in re.findall(r"^  (\w[\w-]*)", part, re.MULTILINE) if name != "help"]


def commands_in(page: Path) -> Iterator[list[str]]:
    """Return the words of each command of `gatekeeper` in the code of a page."""
    inline = re.findall(r"`([^`]+)`", re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE))
    shown = (block for block in blocks_of(page, "sh") if not is_quoted(block))
    lines = [line for block in shown for line in block.text.splitlines()]
    for code in [*inline, *lines]:
        for part in re.split(r"[|;#()]", code.replace("\n", " ")):
            *_, words = re.split(r"\bgatekeeper(?:-admin)?(?= )", f" {part} ")
            # What follows is no command where it is a path or a flag of another program.
            if words != f" {part} " and re.match(r" [a-z]", words):
                yield shlex.split(words)


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=named)
def test_every_command_that_a_page_shows_has_its_words_and_flags(page: Path) -> None:
    for words in commands_in(page):
        command: list[str] = []
        while len(command) < len(words) and words[len(command)] in subcommands_of(*command):
            command.append(words[len(command)])
        assert command, words
        for flag in (word.partition("=")[0] for word in words if word.startswith("--")):
            assert flag in {"--help", "--version"} or re.search(rf"{flag}\b", help_of(*command)), (words, flag)


def test_every_flag_in_the_reference_of_a_command_is_one_that_it_has() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    for command in subcommands_of():
        part = page.partition(f"\n## {command}\n")[2].partition("\n## ")[0]
        known = "".join(help_of(*path) for path in paths_below(command))
        for flag in FLAG.findall(part):
            assert re.search(rf"{flag}\b", known), (command, flag)


def paths_below(*command: str) -> Iterator[tuple[str, ...]]:
    """Return a command and every command below it."""
    yield command
    for sub in subcommands_of(*command):
        yield from paths_below(*command, sub)


def test_the_checks_of_doctor_in_the_reference_are_those_that_it_makes() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    part = page.partition("\n## doctor\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| ")][1:]
    sources = [ROOT / "server/src/cli/doctor.rs", *(ROOT / "server/src/cli/doctor").glob("*.rs")]
    names = re.compile(r'(?:Finding::\w+\(\s*|const CHECK: &str = )"([a-z][a-z -]*)"')
    made = {name for source in sources for name in names.findall(source.read_text())}
    assert {name.strip() for row in rows for name in row.split(",")} == made
