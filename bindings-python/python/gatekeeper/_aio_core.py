"""The core for asynchronous code: a database or server, and the credential to use there."""

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
    """A database or server, and the credential to use there. The services of :mod:`gatekeeper.aio` call through it.

    The options are those of :class:`gatekeeper.GatekeeperCore`. Share one core among all tasks, event loops and
    threads. Cancelling a call to a server closes its request; the operation may still be carried out. Used as an
    asynchronous context manager, the core is closed at the end of the block.
    """

    __slots__ = ()

    async def jwks(self) -> dict[str, Any]:
        """As :meth:`gatekeeper.GatekeeperCore.jwks`."""
        answer = await _aio_calls.call(self._open().jwks_later)
        keys: dict[str, Any] = json.loads(self._with_warning(answer))
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
        """Run the operation `name` without blocking the event loop and return its output as plain JSON values."""
        native = self._open()
        answer = await _aio_calls.call(native.call_later, name, _core._request_json(request))
        return json.loads(self._with_warning(answer))


class _Service:
    """The base class of the services: the core that they call through."""

    __slots__ = ("_core",)

    def __init__(self, core: GatekeeperCore) -> None:
        """Make the service for `core`."""
        if not isinstance(core, GatekeeperCore):
            raise BadRequestError("core must be a gatekeeper.aio.GatekeeperCore")
        self._core = core


async def _pages(fetch: Callable[[str | None], Awaitable[Page[_Item]]], cursor: str | None) -> AsyncIterator[_Item]:
    """Iterate over the items from `cursor` on, fetching one page at a time."""
    while True:
        page = await fetch(cursor)
        for item in page.items:
            yield item
        cursor = page.next_cursor
        if cursor is None:
            return
