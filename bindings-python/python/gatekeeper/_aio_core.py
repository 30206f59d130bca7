"""The core for code that awaits: a place, and for whom it is used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from gatekeeper import _aio_calls, _core
from gatekeeper.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from types import TracebackType

    from gatekeeper._model import Page

_Item = TypeVar("_Item")


class GatekeeperCore(_core._Base):
    """A place, and for whom it is used; the services of :mod:`gatekeeper.aio` are made of it.

    The options are those of :class:`gatekeeper.GatekeeperCore`. Share one among all tasks, loops and threads. A call
    that is cancelled may still be carried out; one to a server is broken off. As an asynchronous context manager it is
    closed at the end.
    """

    __slots__ = ()

    async def jwks(self) -> dict[str, Any]:
        """As :meth:`gatekeeper.GatekeeperCore.jwks`."""
        answer = await _aio_calls.answered(self._open().jwks_later)
        keys: dict[str, Any] = json.loads(self._done(answer))
        return keys

    async def close(self) -> None:
        """As :meth:`gatekeeper.GatekeeperCore.close`."""
        self._closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        await self.close()
        return False

    async def _call(self, name: str, request: Mapping[str, object]) -> Any:
        """Run the operation `name` where it does not hold up the loop; the answer is what JSON has."""
        native = self._open()
        return json.loads(self._done(await _aio_calls.answered(native.call_later, name, _core._written(request))))


class _Service:
    """What the services have in common: the core that they call."""

    __slots__ = ("_core",)

    def __init__(self, core: GatekeeperCore) -> None:
        """Make the service of `core`."""
        if not isinstance(core, GatekeeperCore):
            raise BadRequestError("core must be a gatekeeper.aio.GatekeeperCore")
        self._core = core


async def _pages(fetch: Callable[[str | None], Awaitable[Page[_Item]]], cursor: str | None) -> AsyncIterator[_Item]:
    """Every item from `cursor` on, fetched page by page."""
    while True:
        page = await fetch(cursor)
        for item in page.items:
            yield item
        cursor = page.next_cursor
        if cursor is None:
            return
