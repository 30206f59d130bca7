"""The package as users see it: examples, documentation, signatures, versions."""

from __future__ import annotations

import ast
import doctest
import inspect
import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gatekeeper
import pytest
from conftest import ROOT
from gatekeeper import KeyManager, ValidKey, _core, _key_manager, _limits, _native, aio, errors, models, results

MODULES = [gatekeeper, _core, _key_manager, _limits, aio, errors, models, results]
NATIVE: list[Any] = [ValidKey, KeyManager.verify_user_api_key, KeyManager.advance]


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [test for module in MODULES for test in finder.find(module)]
    for documented in NATIVE:
        found += finder.find(documented, documented.__qualname__, module=False, globs={})
    return [test for test in found if test.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_every_example_in_the_documentation_runs(example: doctest.DocTest) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    output: list[str] = []
    assert runner.run(example, out=output.append).failed == 0, "".join(output)


def public_members(cls: type) -> list[tuple[str, Any]]:
    return [(name, member) for name, member in inspect.getmembers(cls) if not name.startswith("_")]


@pytest.mark.parametrize("name", [name for name in gatekeeper.__all__ if isinstance(getattr(gatekeeper, name), type)])
def test_everything_public_is_documented(name: str) -> None:
    public = getattr(gatekeeper, name)
    inherited = dir(dict) if issubclass(public, dict) else dir(Exception)
    assert public.__doc__
    for member_name, member in public_members(public):
        # The attributes of a dataclass or an exception are documented in its class, under "Attributes". One that a
        # result does not have is None.
        if member_name not in inherited and not inspect.ismemberdescriptor(member) and member is not None:
            assert member.__doc__, member_name


def test_the_stub_has_the_docstrings_of_the_native_module() -> None:
    stub = ast.parse(Path(_native.__file__).with_name("_native.pyi").read_text(encoding="utf-8"))
    shown = {}
    for cls in (node for node in stub.body if isinstance(node, ast.ClassDef)):
        native = getattr(_native, cls.name)
        shown[cls.name] = (ast.get_docstring(cls), inspect.getdoc(native))
        for method in (node for node in cls.body if isinstance(node, ast.FunctionDef)):
            if not method.name.startswith("_"):
                documented = inspect.getdoc(getattr(native, method.name))
                shown[f"{cls.name}.{method.name}"] = (ast.get_docstring(method), documented)
    assert len(shown) > 15
    assert {name: stub for name, (stub, _) in shown.items()} == {name: native for name, (_, native) in shown.items()}


def test_sync_and_async_have_the_same_methods_and_arguments() -> None:
    for name, method in public_members(KeyManager):
        awaited = getattr(aio.KeyManager, name)
        assert list(inspect.signature(awaited).parameters) == list(inspect.signature(method).parameters), name
    assert inspect.signature(aio.init_key_manager).replace(return_annotation=None) == inspect.signature(
        gatekeeper.init_key_manager
    ).replace(return_annotation=None)


def test_the_module_for_asynchronous_code_is_loaded_on_first_use() -> None:
    program = """
import sys, gatekeeper
assert not {"asyncio", "gatekeeper.aio"} & set(sys.modules)
assert gatekeeper.aio.GatekeeperCore is sys.modules["gatekeeper.aio"].GatekeeperCore
gatekeeper.oia
"""
    run = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert run.stderr.endswith("AttributeError: module 'gatekeeper' has no attribute 'oia'\n")


def test_there_is_one_version() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    assert gatekeeper.__version__ == version("gatekeeper-native") == cargo["workspace"]["package"]["version"]


def test_neither_importing_nor_making_a_key_manager_starts_a_thread_or_opens_a_file(tmp_path: Path) -> None:
    run = [sys.executable, "-c", MAKE_BOTH]
    output = subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert json.loads(output) == {"threads": 1, "files": []}


MAKE_BOTH = """
import json, os, threading
from gatekeeper import GatekeeperCore, aio, init_key_manager
kept = init_key_manager(endpoints={}), aio.init_key_manager(endpoints={}), GatekeeperCore(), aio.GatekeeperCore()
tasks = "/proc/self/task"
threads = len(os.listdir(tasks)) if os.path.exists(tasks) else threading.active_count()
print(json.dumps({"threads": threads, "files": os.listdir()}))
"""
