"""The base of the asynchronous services and of the core that they call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from gatekeeper.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from gatekeeper._model import Page

_Item = TypeVar("_Item")


class Core:
    """The base class of :class:`gatekeeper.aio.GatekeeperCore`: it runs the operations of the services."""

    __slots__ = ()

    async def _call(self, name: str, request: Mapping[str, object]) -> Any:
        """Run the operation `name` and return its output as plain JSON values."""
        raise NotImplementedError


class _Service:
    """The base class of the services: the core that they call through."""

    __slots__ = ("_core",)

    def __init__(self, core: Core) -> None:
        """Make the service for `core`, a :class:`gatekeeper.aio.GatekeeperCore`."""
        if not isinstance(core, Core):
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
