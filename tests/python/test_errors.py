"""The exceptions, compared with the engine's table of errors."""

from __future__ import annotations

import copy
import pickle
from typing import get_args

import gatekeeper
import pytest
from gatekeeper import GatekeeperError, _native, errors


def classes() -> dict[str, type[GatekeeperError]]:
    return dict(GatekeeperError._by_code)


def test_every_code_of_the_engine_has_a_class_with_its_status() -> None:
    table = {code: status for status, code, _ in _native._error_table()}
    assert {code: cls("").status for code, cls in classes().items()} == table


def test_every_key_manager_error_is_typed() -> None:
    named = {name for _, _, name in _native._error_table() if name}
    assert named == set(get_args(gatekeeper.KeyManagerError))


def test_every_class_is_exported() -> None:
    for cls in classes().values():
        assert getattr(gatekeeper, cls.__name__) is cls
        assert cls.__name__ in errors.__all__
        assert cls.__doc__


@pytest.mark.parametrize("cls", [GatekeeperError, *classes().values()])
def test_an_error_keeps_its_attributes_when_it_is_pickled(cls: type[GatekeeperError]) -> None:
    error = cls("no room", retry_after=1.5, request_id="r1", details={"quota": {"limit": 3}})
    error.add_note("a note")
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(same) is cls
        assert same.__dict__ == error.__dict__
        assert same.args == error.args
        assert (str(same), repr(same)) == (str(error), repr(error))
    assert str(error) == error.message == "no room"
    assert repr(error) == f"{cls.__name__}('no room', status={error.status}, code={error.code!r})"


def test_a_users_subclass_pickles_too() -> None:
    error = Strange("x", 7)
    same = pickle.loads(pickle.dumps(error))
    assert type(same) is Strange
    assert (same.status, same.code, same.number) == (400, "bad_request", 7)


class Strange(gatekeeper.BadRequestError):
    """A subclass with another signature."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def test_an_unknown_code_is_a_gatekeeper_error() -> None:
    error = errors._from_core(418, "teapot", "short and stout", "the cause")
    assert type(error) is GatekeeperError
    assert (error.status, error.code) == (418, "teapot")
    assert str(error.__cause__) == "the cause"


def test_a_rejection_of_the_engine_is_raised_as_the_class_of_its_code() -> None:
    with pytest.raises(gatekeeper.BadRequestError, match="no suite has this name"):
        _native._run_vector('{"suite": "none", "case": null}')
