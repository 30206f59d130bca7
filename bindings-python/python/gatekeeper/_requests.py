"""Writes Python arguments as requests in JSON.

The engine validates the values and names the field that is wrong. This module only rejects what JSON cannot carry, or
replaces it with a value of a wrong type, which the engine rejects.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from operator import index
from typing import Final, SupportsIndex

from gatekeeper._limits import Limit, milliseconds_of
from gatekeeper.errors import BadRequestError

_WRONG = True
"""The replacement of a value that JSON cannot carry. No field accepts it, so the engine names the field."""

_DEPTH = 32
"""The maximum nesting depth of metadata. It also stops at a value that contains itself."""


_MAX_EXACT = 2**53 - 1
"""The largest integer that every language represents exactly, as all smaller ones."""

_JSON = "text, a finite number, true, false, null, a list, an object"


class InvalidArgument(Exception):  # noqa: N818 - never leaves the package: becomes BadRequestError or a result
    """An argument that JSON cannot carry. The message names the field."""


def endpoints_json(defined: object) -> str:
    """Write the endpoints of a key manager; the engine validates them."""
    if not isinstance(defined, Mapping):
        raise BadRequestError("endpoints must be a mapping of endpoints by name")
    try:
        # Endpoints, endpoint, roles, limit: a field of a limit is the fifth and last level.
        return json.dumps(_definition(defined, "endpoints", levels=4))
    except InvalidArgument as error:
        raise BadRequestError(str(error)) from None


def _definition(value: object, at: str, levels: int) -> object:
    match value:
        case Limit():
            return _definition({"maxReq": value.max_req, "duration": value.duration}, at, levels)
        case Mapping() if levels:
            return {_name(name, at): _definition(inner, f"{at}.{name}", levels - 1) for name, inner in value.items()}
        case timedelta() if at.endswith(".duration"):
            return milliseconds_of(value)
        case _:
            return _value(value, at)


def _value(value: object, at: str) -> object:
    match value:
        case None | bool():
            return value
        case float() if math.isfinite(value):
            return value
        case str():
            return _text(value, at)
        case SupportsIndex():
            number = index(value)
            return number if -(2**63) <= number < 2**64 else _WRONG
        case _:
            return _WRONG


def request_json(values: Mapping[str, object]) -> str:
    """Write a request; the engine validates its fields."""
    return json.dumps({name: _field(value, name) for name, value in values.items()})


def _field(value: object, at: str) -> object:
    match value:
        case Mapping():
            return _metadata(value, at, _DEPTH)
        case list() | tuple() | set() | frozenset():
            return [
                _metadata(each, f"{at}[{position}]", _DEPTH) if isinstance(each, Mapping) else _single(each, at)
                for position, each in enumerate(value)
            ]
        case _:
            return _single(value, at)


def _single(value: object, at: str) -> object:
    match value:
        case None | bool():
            return value
        case int():
            # Both bounds are outside of every range. The engine cannot parse a number of hundreds of digits.
            return max(-(2**63), min(value, 2**63))
        case float() if math.isfinite(value):
            return value
        case str():
            return _text(value, at)
        case _:
            return _WRONG


def _metadata(value: object, at: str, levels: int) -> object:
    if not levels:
        raise InvalidArgument(f"{at} must not nest deeper than {_DEPTH} levels, nor contain itself")
    match value:
        case Mapping():
            return {_name(name, at): _metadata(inner, f"{at}.{name}", levels - 1) for name, inner in value.items()}
        case list() | tuple():
            return [_metadata(each, f"{at}[{position}]", levels - 1) for position, each in enumerate(value)]
        case None | bool():
            return value
        case str():
            return _text(value, at)
        case int() if abs(value) <= _MAX_EXACT:
            return value
        case int():
            raise InvalidArgument(
                f"{at} must be a whole number from -{_MAX_EXACT} to {_MAX_EXACT}, which every language "
                "represents exactly: send a larger number as a string"
            )
        case float() if math.isfinite(value):
            return value
        case _:
            raise InvalidArgument(f"{at} must be a JSON value: {_JSON}")


def _name(name: object, at: str) -> str:
    if not isinstance(name, str):
        raise InvalidArgument(f"{at}: each name must be a string")
    return _text(name, at)


def _text(text: str, at: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"{at} must be Unicode: it holds a lone surrogate") from None
    return text


class Unset(Enum):
    """The type of :data:`UNSET`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""The default of an argument that leaves a field unchanged; None clears the field."""


def _given(values: dict[str, object]) -> dict[str, object]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _changed(values: dict[str, object]) -> dict[str, object]:
    """The values that are not UNSET."""
    return {name: value for name, value in values.items() if value is not UNSET}


def _renamed(items: object, names: Mapping[str, str]) -> object:
    """The mappings in `items` with wire names as keys. Unknown names stay, and the engine rejects them."""
    if not isinstance(items, list | tuple):
        return items
    return [
        {names.get(name, name): value for name, value in item.items()} if isinstance(item, Mapping) else item
        for item in items
    ]


def value_json(name: str, given: object) -> str:
    """Write one option; the engine validates it."""
    try:
        return json.dumps(_field(given, name))
    except InvalidArgument as error:
        raise BadRequestError(str(error)) from None


def options_json(values: Mapping[str, object]) -> str:
    """Write the options of a core; the engine validates them."""
    return json.dumps({name: _field(value, name) for name, value in _given(dict(values)).items()})
