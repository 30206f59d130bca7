"""Rate limits, and the endpoints that have them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, overload

from gatekeeper import _native
from gatekeeper.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, init=False)
class Limit:
    """A rate limit: at most ``max_req`` requests in any ``duration``, as a sliding window.

    Attributes:
        max_req: The requests admitted in any window, 1 to 2**32 - 1.
        duration: The length of the window, 1 millisecond to 366 days.

    Example:
        >>> from datetime import timedelta
        >>> from gatekeeper import Limit
        >>> Limit("100/15 minutes") == Limit(100, timedelta(minutes=15))
        True
        >>> Limit("10/minute")
        Limit(max_req=10, duration=datetime.timedelta(seconds=60))
    """

    __slots__ = ("duration", "max_req")

    max_req: int
    duration: timedelta

    @overload
    def __init__(self, text: str, /) -> None: ...
    @overload
    def __init__(self, max_req: int, duration: timedelta) -> None: ...
    def __init__(self, max_req: int | str, duration: timedelta | None = None) -> None:
        """Make a limit from text such as ``"10/minute"``, or from its two values.

        Raises:
            GatekeeperError: 400 if a value is out of range, or the text is not a limit.
        """
        if duration is None:
            max_req, milliseconds = _native._limit(max_req)
        elif isinstance(duration, timedelta):
            max_req, milliseconds = _native._limit(max_req, milliseconds_of(duration))
        else:
            raise BadRequestError("duration must be a datetime.timedelta")
        object.__setattr__(self, "max_req", max_req)
        object.__setattr__(self, "duration", milliseconds * _MILLISECOND)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Limit, (self.max_req, self.duration))


class LimitDict(TypedDict):
    """A rate limit as a mapping, with the names of all languages: at most ``maxReq`` requests in any ``duration``.

    Attributes:
        maxReq: The requests admitted in any window, 1 to 2**32 - 1.
        duration: The length of the window, in milliseconds or as a :class:`~datetime.timedelta`; at most 366 days.
    """

    maxReq: int
    duration: int | timedelta


class Endpoint(TypedDict):
    """The limits of one endpoint.

    A limit is a :class:`Limit`, a :class:`LimitDict`, or text such as ``"10/minute"`` or ``"100/15 minutes"``. If a key
    has a role that the endpoint lists, that role's limit replaces the default, even if it is lower. With several such
    roles, the highest rate wins.

    Attributes:
        default: The limit of keys that have none of the listed roles.
        roles: The limits by role name; names are case-sensitive.
    """

    default: Limit | LimitDict | str
    roles: NotRequired[Mapping[str, Limit | LimitDict | str]]


def milliseconds_of(duration: timedelta) -> int:
    """The duration in whole milliseconds; 0, which the engine rejects, if it has a part of one."""
    milliseconds, rest = divmod(duration, _MILLISECOND)
    return 0 if rest else milliseconds
