"""The base of the synchronous services and of the core that they call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from gatekeeper.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gatekeeper._model import Page

_Item = TypeVar("_Item")


class Core:
    """The base class of :class:`gatekeeper.GatekeeperCore`: it runs the operations of the services."""

    __slots__ = ()

    def _call(self, name: str, request: Mapping[str, object]) -> Any:
        """Run the operation `name` and return its output as plain JSON values."""
        raise NotImplementedError


class _Service:
    """The base class of the services: the core that they call through."""

    __slots__ = ("_core",)

    def __init__(self, core: Core) -> None:
        """Make the service for `core`, a :class:`gatekeeper.GatekeeperCore`."""
        if not isinstance(core, Core):
            raise BadRequestError("core must be a gatekeeper.GatekeeperCore")
        self._core = core


def _pages(fetch: Callable[[str | None], Page[_Item]], cursor: str | None) -> Iterator[_Item]:
    """Iterate over the items from `cursor` on, fetching one page at a time."""
    while True:
        page = fetch(cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return
