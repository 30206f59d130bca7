"""Every program of `examples/` runs as a process of its own, and prints the same in all three languages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pages import ROOT
from programs import by_mypy, by_pyright, by_tsc, compiled, complaints, printed_by, served, with_packages

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = ROOT / "examples"
PROGRAMS = sorted(path for path in EXAMPLES.glob("*/*") if path.suffix in {".py", ".mts", ".rs"})
MAX_LINES = 80

PRINTED = {
    "service": [
        'without a key: 401 {"detail":"the API key is missing or not valid"}',
        'request 1: 200 {"owner":"u_42","remaining":2}',
        'request 2: 200 {"owner":"u_42","remaining":1}',
        'request 3: 200 {"owner":"u_42","remaining":0}',
        'request 4: 429 {"detail":"the limit of this API key is reached"}',
    ],
    "metering": [
        "Acme Inc: 1000 tokens a month",
        "server-key: 100 tokens a month",
        "60 tokens: 60 of 100 used",
        "the same request again: 60 of 100 used",
        "60 tokens more: 402 plan_limit, 40 left",
        "Acme Inc: 60 tokens in 1 request",
    ],
    "client": [
        "created a key for u_42",
        "verification 1: valid, 6 left",
        "verification 2: valid, 2 left",
        "verification 3: rate_limited, 2 left",
        "deleted the key",
        "verification 4: invalid_key",
    ],
}
"""What each program prints, in every language."""


@cache
def programs_in_rust() -> Path:
    """The folder of the Rust programs, which are built once."""
    subprocess.run(["cargo", "build", "--quiet", "--bins"], cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"


def command_of(program: Path, folder: Path) -> list[str]:
    """Return the command that runs a program in a folder."""
    match program.suffix:
        case ".rs":
            return [str(programs_in_rust() / f"example-{program.stem}")]
        case ".mts":
            (with_packages(folder) / f"{program.stem}.mjs").write_text(compiled(program.read_text()))
            return ["node", f"{program.stem}.mjs"]
        case _:
            return [sys.executable, str(program)]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_example_prints_what_happens(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "program"
    folder.mkdir()
    command = command_of(program, folder)
    if program.stem == "client":
        with served(tmp_path) as (url, root_key):
            printed = printed_by(command, folder, GATEKEEPER_URL=url, GATEKEEPER_TOKEN=root_key)
    else:
        printed = printed_by(command, folder)
    assert printed == PRINTED[program.stem]


def test_there_is_each_example_in_each_language() -> None:
    assert {(path.parent.name, path.stem) for path in PROGRAMS} == {
        (language, name) for language in ("python", "node", "rust") for name in PRINTED
    }


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_example_is_short(program: Path) -> None:
    assert len(program.read_text().splitlines()) < MAX_LINES


@pytest.mark.parametrize("checker", [by_mypy, by_pyright])
def test_the_python_examples_have_strict_types(checker: Callable[[Path], list[str]], tmp_path: Path) -> None:
    for program in EXAMPLES.glob("python/*.py"):
        shutil.copy(program, tmp_path)
    assert complaints(checker(tmp_path)) == ""


def test_the_typescript_examples_have_strict_types(tmp_path: Path) -> None:
    with_packages(tmp_path)
    for program in EXAMPLES.glob("node/*.mts"):
        shutil.copy(program, tmp_path)
    assert complaints(by_tsc(tmp_path)) == ""
