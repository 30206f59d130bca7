"""Every example of the README and `docs/` runs as it is printed, or is an exception with a reason."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from exceptions import EXCEPTIONS, OUTPUT, exception_of
from pages import (
    GATEKEEPER,
    ROOT,
    SCRIPTS,
    SERVER,
    SHOWN,
    Block,
    blocks_of,
    environment,
    expected_of,
    is_quoted,
    named,
    programs_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PYTHON = [program for page in SHOWN for program in programs_of(page, "python")]
TYPESCRIPT = [program for page in SHOWN for program in programs_of(page, "ts")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server as the tutorial starts it: its URL, and the root key."""
    folder = tmp_path_factory.mktemp("server")
    settings = environment(folder)
    created = subprocess.run([GATEKEEPER, "init", "--json"], cwd=folder, env=settings, check=True, capture_output=True)
    with subprocess.Popen(
        [GATEKEEPER, "serve", "--port", "0"],
        cwd=folder,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[2], json.loads(created.stdout)["rootKey"]
        finally:
            process.terminate()


def printed_by(command: list[str], folder: Path, root_key: str) -> list[str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder, ROOT_KEY=root_key),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.splitlines()


def with_packages(folder: Path) -> Path:
    """The folder with the packages that the programs import."""
    packages = folder / "node_modules"
    packages.mkdir()
    for name, target in (("gatekeeper-native", ROOT), ("jose", ROOT / "node_modules/jose")):
        (packages / name).symlink_to(target)
    (packages / "@types").symlink_to(ROOT / "node_modules/@types")
    return folder


@pytest.mark.parametrize("program", PYTHON, ids=str)
def test_a_python_example_prints_what_it_says(program: Block, server: tuple[str, str], tmp_path: Path) -> None:
    url, root_key = server
    calls = "\nfor _name, _test in list(globals().items()):\n    if _name.startswith('test_'):\n        _test()\n"
    (tmp_path / "example.py").write_text(program.text.replace(SERVER, url) + calls)
    printed = printed_by([sys.executable, "example.py"], tmp_path, root_key)
    assert [line for line in expected_of(program) if line not in printed] == []


@pytest.mark.parametrize("program", TYPESCRIPT, ids=str)
def test_a_typescript_example_prints_what_it_says(program: Block, server: tuple[str, str], tmp_path: Path) -> None:
    url, root_key = server
    compiled = subprocess.run(
        [str(ROOT / "node_modules/.bin/esbuild"), "--loader=ts", "--format=esm"],
        input=program.text.replace(SERVER, url),
        capture_output=True,
        text=True,
        check=True,
    )
    (with_packages(tmp_path) / "example.mjs").write_text(compiled.stdout)
    printed = printed_by(["node", "example.mjs"], tmp_path, root_key)
    assert [line for line in expected_of(program) if line not in printed] == []


def by_mypy(folder: Path) -> list[str]:
    """Return the command that checks a folder with mypy."""
    (folder / "mypy.ini").write_text("[mypy]\nstrict = True\nignore_missing_imports = True\n")
    return [sys.executable, "-m", "mypy", "--config-file", str(folder / "mypy.ini"), str(folder)]


def by_pyright(folder: Path) -> list[str]:
    """Return the command that checks a folder with pyright."""
    strict = {"strict": ["."], "reportMissingTypeStubs": False}
    (folder / "pyrightconfig.json").write_text(json.dumps(strict))
    return [str(ROOT / "node_modules/.bin/pyright"), "--pythonpath", sys.executable, "-p", str(folder)]


@pytest.mark.parametrize("checker", [by_mypy, by_pyright])
def test_every_python_example_has_strict_types(checker: Callable[[Path], list[str]], tmp_path: Path) -> None:
    for number, program in enumerate(PYTHON):
        (tmp_path / f"example_{number}.py").write_text(program.text)
    checked = subprocess.run(checker(tmp_path), cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, [*enumerate(map(str, PYTHON)), checked.stdout]


def test_every_typescript_example_has_strict_types(tmp_path: Path) -> None:
    with_packages(tmp_path)
    for number, program in enumerate(TYPESCRIPT):
        (tmp_path / f"example-{number}.mts").write_text(program.text)
    options = {"target": "es2023", "lib": ["es2024"], "types": ["node"], "module": "nodenext"}
    strict = {"compilerOptions": {**options, "strict": True, "noEmit": True}, "include": ["*.mts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(strict))
    command = [str(ROOT / "node_modules/.bin/tsc"), "-p", str(tmp_path)]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, [*enumerate(map(str, TYPESCRIPT)), checked.stdout]


@pytest.mark.parametrize("page", SHOWN, ids=named)
def test_every_block_is_run_or_an_exception(page: Path) -> None:
    for block in blocks_of(page):
        is_run = block.language in {"python", "ts", "rust", "toml"} or block.language in OUTPUT or is_quoted(block)
        is_script = block.language == "sh" and named(page) in SCRIPTS
        assert is_run or is_script or exception_of(block), f"{block} is neither run nor an exception"


def test_every_exception_is_needed() -> None:
    used = {exception_of(block) for page in SHOWN for block in blocks_of(page)}
    assert set(EXCEPTIONS) - used == set()


def test_every_rust_block_is_a_doctest() -> None:
    source = (ROOT / "tests/rust/src/documentation.rs").read_text() + (ROOT / "core/src/lib.rs").read_text()
    for page in SHOWN:
        if blocks_of(page, "rust"):
            assert f'{named(page)}")]' in source, f"{named(page)} has Rust that no doctest compiles"
