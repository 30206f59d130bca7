"""The methods of the Python services, compared with the table of operations."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import inspect
import json
import pickle
from contextlib import suppress
from typing import Any

import gatekeeper
import pytest
from conftest import ROOT, SOAK
from gatekeeper import aio
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bad_input import anything
from test_services import iterator, named, snake

SURFACE: dict[str, Any] = json.loads((ROOT / "tests/parity/surface.json").read_text())


@pytest.mark.parametrize("module", [gatekeeper, aio])
def test_every_service_has_the_methods_of_the_table_and_no_other(module: Any) -> None:
    assert {name for name in module.__all__ if name.endswith("Service")} == set(SURFACE["services"])
    for service, expected in SURFACE["services"].items():
        found = {name for name in vars(getattr(module, service)) if not name.startswith("_")}
        assert found == {named(method) for method in expected["methods"] + expected["iterators"]}, service
        options = list(inspect.signature(getattr(module, service)).parameters)
        assert options == ["core", *map(snake, expected["config"])]


def sample(schema: dict[str, Any], field: str) -> Any:
    return [{}] if schema.get("type") == "array" else f"the {field}"


@pytest.mark.parametrize("name", SURFACE["operations"])
def test_every_method_sends_each_of_its_arguments(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SURFACE["operations"][name]
    properties = entry["request"].get("properties", {})
    fields = {field: sample(schema, field) for field, schema in properties.items()}
    sent: list[tuple[str, object]] = []

    class Heard(Exception):  # noqa: N818
        """Stops the call after the request was recorded."""

    def listen(_: object, name: str, request: object) -> Any:
        sent.append((name, request))
        raise Heard

    for module in (gatekeeper, aio):
        monkeypatch.setattr(module.GatekeeperCore, "_call", listen)
        service = getattr(module, entry["service"])(module.GatekeeperCore("memory:"))
        method = getattr(service, named(entry["method"]))
        positional = [fields[field] for field in entry["positional"]]
        rest = {snake(field): value for field, value in fields.items() if field not in entry["positional"]}
        with pytest.raises(Heard):
            asyncio.run(method(*positional, **rest))
    assert sent == [(name, fields)] * 2


def test_required_arguments_come_before_options_and_aio_has_the_same_signatures() -> None:
    for entry in SURFACE["operations"].values():
        methods = [entry["method"]]
        if iterator(entry["method"]) in SURFACE["services"][entry["service"]]["iterators"]:
            methods.append(iterator(entry["method"]))
        for method in map(named, methods):
            sync = inspect.signature(getattr(getattr(gatekeeper, entry["service"]), method))
            awaited = inspect.signature(getattr(getattr(aio, entry["service"]), method))
            assert list(sync.parameters.values()) == list(awaited.parameters.values()), method
            parameters = list(sync.parameters.values())[1:]
            by_position = [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
            assert by_position[: len(entry["positional"])] == [snake(field) for field in entry["positional"]]
            # A field with a default in the service's constructor is optional in a call.
            optional = {
                snake(option).removeprefix("default_") for option in SURFACE["services"][entry["service"]]["config"]
            }
            required = {snake(field) for field in entry["request"].get("required", [])} - optional
            assert {each.name for each in parameters if each.default is each.empty} == required


@pytest.mark.parametrize("module", [gatekeeper, aio], ids=["sync", "aio"])
def test_every_service_is_an_attribute_of_the_core(module: Any) -> None:
    core = module.GatekeeperCore("memory:")
    for name in SURFACE["services"]:
        service = getattr(core, snake(name.removesuffix("Service")).removeprefix("_"))
        assert type(service) is getattr(module, name)
        assert service._core is core


def test_every_result_type_has_the_fields_of_the_table() -> None:
    for model, fields in SURFACE["models"].items():
        cls = getattr(gatekeeper, model)
        assert set(cls._wire) == set(fields), model
        assert {field.name for field in dataclasses.fields(cls)} == set(cls._wire.values())
        assert cls.__doc__


def test_every_result_type_is_frozen_and_pickles() -> None:
    for model in SURFACE["models"]:
        cls = getattr(gatekeeper, model)
        result = cls(**{field.name: f"the {field.name}" for field in dataclasses.fields(cls)})
        for same in (pickle.loads(pickle.dumps(result)), copy.copy(result), copy.deepcopy(result)):
            assert same == result
            assert dict(same) == dict(result)
        for attribute in (dataclasses.fields(cls)[0].name, "other"):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(result, attribute, 1)
            with pytest.raises(dataclasses.FrozenInstanceError):
                delattr(result, attribute)
        assert not hasattr(result, "__dict__")


@pytest.fixture(scope="module")
def member() -> gatekeeper.GatekeeperCore:
    """A core with the token of a user who has signed up."""
    core = gatekeeper.GatekeeperCore("memory:")
    core.set_token(gatekeeper.AuthService(core).signup("anyone@example.com", "a long password").access_token)
    return core


HARMLESS = [name for name in SURFACE["operations"] if not name.startswith("auth.logout")]


@given(name=st.sampled_from(HARMLESS), values=st.lists(anything, min_size=12, max_size=12))
@settings(max_examples=300 * SOAK, deadline=None)
def test_a_call_with_any_arguments_returns_a_result_or_raises_gatekeeper_error(
    member: gatekeeper.GatekeeperCore, name: str, values: list[Any]
) -> None:
    entry = SURFACE["operations"][name]
    fields = dict(zip(map(snake, entry["request"].get("properties", {})), values, strict=False))
    method = getattr(getattr(gatekeeper, entry["service"])(member), named(entry["method"]))
    with suppress(gatekeeper.GatekeeperError):
        method(**fields)
