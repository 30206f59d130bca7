"""Python's arguments as requests in JSON.

What is wrong with a value is for the engine to say. Only what JSON cannot carry is rejected here, or stands in the
request as something of a wrong type, so that the engine names the field.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from operator import index
from typing import Final, SupportsIndex

from gatekeeper.errors import BadRequestError

_WRONG = True
"""In place of a value that JSON does not have: wrong in every field, so that the engine names it."""

_DEPTH = 32
"""How deep metadata may nest; what contains itself is deeper."""


_MAX_EXACT = 2**53 - 1
"""The largest whole number up to which every language counts exactly."""

_JSON = "text, a finite number, true, false, null, a list, an object"


class Unsendable(Exception):  # noqa: N818 - says what the argument is
    """An argument that JSON cannot carry; the message is for the caller."""


def endpoints(defined: object) -> str:
    """Write the endpoints of a key manager; the engine judges them."""
    if not isinstance(defined, Mapping):
        raise BadRequestError("endpoints must be a mapping of endpoints by name")
    try:
        # Endpoints, endpoint, roles, limit: a field of a limit is the fifth and last level.
        return json.dumps(_definition(defined, "endpoints", levels=4))
    except Unsendable as error:
        raise BadRequestError(str(error)) from None


def _definition(value: object, at: str, levels: int) -> object:
    match value:
        case Mapping() if levels:
            return {_name(name, at): _definition(inner, f"{at}.{name}", levels - 1) for name, inner in value.items()}
        case None | bool():
            return value
        case float() if math.isfinite(value):
            return value
        case SupportsIndex():
            number = index(value)
            return number if -(2**63) <= number < 2**64 else _WRONG
        case _:
            return _WRONG


def fields(values: Mapping[str, object]) -> str:
    """Write a request; the engine judges its fields."""
    return json.dumps({name: _field(value, name) for name, value in values.items()})


def _field(value: object, at: str) -> object:
    match value:
        case Mapping():
            return _metadata(value, at, _DEPTH)
        case list() | tuple() | set() | frozenset():
            return [
                _metadata(each, f"{at}[{place}]", _DEPTH) if isinstance(each, Mapping) else _single(each, at)
                for place, each in enumerate(value)
            ]
        case _:
            return _single(value, at)


def _single(value: object, at: str) -> object:
    match value:
        case None | bool():
            return value
        case int():
            # Beyond all ranges: the engine reads no number of hundreds of digits.
            return max(-(2**63), min(value, 2**63))
        case float() if math.isfinite(value):
            return value
        case str():
            return _text(value, at)
        case _:
            return _WRONG


def _metadata(value: object, at: str, levels: int) -> object:
    if not levels:
        raise Unsendable(f"{at} must not nest deeper than {_DEPTH} levels, nor contain itself")
    match value:
        case Mapping():
            return {_name(name, at): _metadata(inner, f"{at}.{name}", levels - 1) for name, inner in value.items()}
        case list() | tuple():
            return [_metadata(each, f"{at}[{place}]", levels - 1) for place, each in enumerate(value)]
        case None | bool():
            return value
        case str():
            return _text(value, at)
        case int() if abs(value) <= _MAX_EXACT:
            return value
        case int():
            raise Unsendable(
                f"{at} must be a whole number from -{_MAX_EXACT} to {_MAX_EXACT}, which every language "
                "represents exactly: send a larger number as a string"
            )
        case float() if math.isfinite(value):
            return value
        case _:
            raise Unsendable(f"{at} must be a value that JSON has: {_JSON}")


def _name(name: object, at: str) -> str:
    if not isinstance(name, str):
        raise Unsendable(f"{at}: each name must be a string")
    return _text(name, at)


def _text(text: str, at: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unsendable(f"{at} must be Unicode: it holds a lone surrogate") from None
    return text


class Unset(Enum):
    """The type of :data:`UNSET`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""In place of a value that is left as it is, where None would clear it."""


def _given(values: dict[str, object]) -> dict[str, object]:
    """The values that are not None: None says nothing."""
    return {name: value for name, value in values.items() if value is not None}


def _changed(values: dict[str, object]) -> dict[str, object]:
    """The values that are to change: None clears one."""
    return {name: value for name, value in values.items() if value is not UNSET}


def _renamed(items: object, names: Mapping[str, str]) -> object:
    """A list of mappings with wire names; a name that is not known is for the engine to reject."""
    if not isinstance(items, list | tuple):
        return items
    return [
        {names.get(name, name): value for name, value in item.items()} if isinstance(item, Mapping) else item
        for item in items
    ]


def value(name: str, given: object) -> str:
    """Write one option; the engine checks it."""
    try:
        return json.dumps(_field(given, name))
    except Unsendable as error:
        raise BadRequestError(str(error)) from None


def options(values: Mapping[str, object]) -> str:
    """Write the options of a core; the engine judges them."""
    return json.dumps({name: _field(value, name) for name, value in _given(dict(values)).items()})
