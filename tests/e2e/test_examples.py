"""Every example of the README and `docs/` runs as it is printed, or is an exception with a reason."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from exceptions import EXCEPTIONS, OUTPUT, exception_of
from pages import (
    ROOT,
    SCRIPTS,
    SERVER,
    SHOWN,
    Block,
    blocks_of,
    expected_of,
    is_quoted,
    named,
    programs_of,
)
from programs import by_mypy, by_pyright, by_tsc, compiled, complaints, printed_by, served, with_packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PYTHON = [program for page in SHOWN for program in programs_of(page, "python")]
TYPESCRIPT = [program for page in SHOWN for program in programs_of(page, "ts")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server as the tutorial starts it: its URL, and the root key."""
    with served(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.mark.parametrize("program", PYTHON, ids=str)
def test_a_python_example_prints_what_it_says(program: Block, server: tuple[str, str], tmp_path: Path) -> None:
    url, root_key = server
    calls = "\nfor _name, _test in list(globals().items()):\n    if _name.startswith('test_'):\n        _test()\n"
    (tmp_path / "example.py").write_text(program.text.replace(SERVER, url) + calls)
    printed = printed_by([sys.executable, "example.py"], tmp_path, ROOT_KEY=root_key)
    assert [line for line in expected_of(program) if line not in printed] == []


@pytest.mark.parametrize("program", TYPESCRIPT, ids=str)
def test_a_typescript_example_prints_what_it_says(program: Block, server: tuple[str, str], tmp_path: Path) -> None:
    url, root_key = server
    (with_packages(tmp_path) / "example.mjs").write_text(compiled(program.text.replace(SERVER, url)))
    printed = printed_by(["node", "example.mjs"], tmp_path, ROOT_KEY=root_key)
    assert [line for line in expected_of(program) if line not in printed] == []


@pytest.mark.parametrize("checker", [by_mypy, by_pyright])
def test_every_python_example_has_strict_types(checker: Callable[[Path], list[str]], tmp_path: Path) -> None:
    for number, program in enumerate(PYTHON):
        (tmp_path / f"example_{number}.py").write_text(program.text)
    assert complaints(checker(tmp_path)) == "", [*enumerate(map(str, PYTHON))]


def test_every_typescript_example_has_strict_types(tmp_path: Path) -> None:
    with_packages(tmp_path)
    for number, program in enumerate(TYPESCRIPT):
        (tmp_path / f"example-{number}.mts").write_text(program.text)
    assert complaints(by_tsc(tmp_path)) == "", [*enumerate(map(str, TYPESCRIPT))]


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
