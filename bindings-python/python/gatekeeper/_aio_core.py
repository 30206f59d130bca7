"""The core for asynchronous code: a database or server, and the credential to use there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, Self

from gatekeeper import _aio_calls, _core
from gatekeeper._aio_core_services import CoreServices

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


class GatekeeperCore(_core._Base, CoreServices):
    """A database or server, and the credential to use there. The services of :mod:`gatekeeper.aio` call through it.

    The options are those of :class:`gatekeeper.GatekeeperCore`. Share one core among all tasks, event loops and
    threads. Each service is an attribute of the core: ``core.auth`` is ``AuthService(core)``. Cancelling a call to a
    server closes its request; the operation may still be carried out. Used as an asynchronous context manager, the core
    is closed at the end of the block.
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
