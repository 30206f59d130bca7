"""The behaviour of the services, described once for all languages: on every backend, sync and async."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import gatekeeper
import pytest
from conftest import ENDPOINTS, LIMITS, ROOT, SECRET, Serve
from gatekeeper import GatekeeperCore, GatekeeperError, aio
from gatekeeper._model import Model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCENARIOS: list[dict[str, Any]] = json.loads((ROOT / "tests/behaviour/services.json").read_text())
SURFACE: dict[str, Any] = json.loads((ROOT / "tests/parity/surface.json").read_text())


@dataclass
class Database:
    """A new database."""

    url: str
    operators: str
    """The URL that the operator opens: the file of a remote server."""
    client_address: str | None = None
    """The client address that the backend sees."""


@pytest.fixture(params=["memory", "file", "http"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    file = f"sqlite:{tmp_path}/gatekeeper.db"
    match request.param:
        case "memory":
            return Database("memory:", "memory:")
        case "file":
            return Database(file, file)
        case _:
            (tmp_path / "gatekeeper.toml").write_text(LIMITS)
            serve: Serve = request.getfixturevalue("serve")
            return Database(serve(file), file, "127.0.0.1")


def sync_call(core: Any, service: str, method: str, fields: dict[str, Any], *, iterates: bool) -> Any:
    answer = getattr(getattr(gatekeeper, service)(core), method)(**fields)
    return list(answer) if iterates else answer


def aio_call(core: Any, service: str, method: str, fields: dict[str, Any], *, iterates: bool) -> Any:
    async def run() -> Any:
        answer = getattr(getattr(aio, service)(core), method)(**fields)
        return [item async for item in answer] if iterates else await answer

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("make", "call"), [(GatekeeperCore, sync_call), (aio.GatekeeperCore, aio_call)], ids=["sync", "aio"]
)
@pytest.mark.filterwarnings("ignore:a valid key was rejected")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_behaviour(
    scenario: dict[str, Any], database: Database, make: Callable[..., Any], call: Callable[..., Any]
) -> None:
    operator = make(database.operators, operator=True, secret=SECRET, endpoints=ENDPOINTS)
    anonymous = operator if database.url == database.operators else make(database.url)
    kept: dict[str, Any] = {"source": database.client_address}
    for step in scenario["steps"]:
        credential = step.get("as")
        core = operator if credential == "operator" else anonymous.with_token(credential and filled(credential, kept))
        entry = SURFACE["operations"][step["call"]]
        iterates = step.get("iterate", False)
        method = iterator(entry["method"]) if iterates else entry["method"]
        fields = {snake(name): filled(value, kept) for name, value in step.get("with", {}).items()}
        try:
            answer = plain(call(core, entry["service"], named(method), fields, iterates=iterates))
        except GatekeeperError as error:
            assert "fails" in step, (step, error)  # noqa: PT017 - a failure of which all is compared
            failure = {
                "status": error.status,
                "code": error.code,
                "message": error.message,
                "details": error.details,
            }
            assert_matches(failure, step["fails"], step)
            # One class for each code.
            assert type(error) is GatekeeperError._by_code[step["fails"]["code"]]  # noqa: PT017
            continue
        assert "fails" not in step, (step, answer)
        if "gives" in step:
            assert_matches(answer, filled(step["gives"], kept), step)
        if "keep" in step:
            kept[step["keep"]] = answer


def iterator(method: str) -> str:
    if method in {"list", "query"}:
        return "iterate"
    return "iterate" + (method.removeprefix("list") if method.startswith("list") else method[0].upper() + method[1:])


def snake(wire: str) -> str:
    return re.sub("[A-Z]", lambda capital: "_" + capital[0].lower(), wire)


def named(wire: str) -> str:
    """The name of a method; a Python keyword gets an underscore at its end."""
    name = snake(wire)
    return f"{name}_" if iskeyword(name) else name


def plain(answer: Any) -> Any:
    """A result as plain JSON values."""
    match answer:
        case Model():
            return {name: plain(answer[name]) for name in answer}
        case list() | tuple():
            return [plain(each) for each in answer]
        case _:
            return answer


def filled(value: Any, kept: dict[str, Any]) -> Any:
    """The value of ``$name.field.0``."""
    match value:
        case str() if value.startswith("$"):
            name, *path = value[1:].split(".")
            found = kept[name]
            for part in path:
                found = found[int(part) if part.isdigit() else part]
            return found
        case list():
            return [filled(each, kept) for each in value]
        case dict():
            return {name: filled(each, kept) for name, each in value.items()}
        case _:
            return value


KINDS = {"integer": int, "string": str}


def assert_matches(found: Any, expected: Any, at: object) -> None:
    """Check that `actual` has the expected values. Objects may have further fields; lists have the same length."""
    match expected:
        case {"$is": kind}:
            assert type(found) is KINDS[kind], (at, found)
        case {"$has": item}:
            assert item in found, (at, found)
        case {"$matches": pattern}:
            assert re.search(pattern, found), (at, found)
        case dict():
            for name, value in expected.items():
                assert_matches(found[name], value, (at, name))
        case list():
            assert len(found) == len(expected), (at, found)
            for each, value in zip(found, expected, strict=True):
                assert_matches(each, value, at)
        case _:
            assert found == expected, (at, found)
            assert type(found) is type(expected), (at, found)
