"""The key manager, the core and its services for code that awaits: the same names, with ``async def``.

A verification that can be answered from memory is answered at once, without a thread or a turn of the loop. Whatever
has to wait for the disk does so on threads of its own, never on those of the loop's executor; what waits for a server
waits without a thread. For asyncio and trio, with anyio too.

Example:
    >>> import asyncio
    >>> from gatekeeper.aio import init_key_manager
    >>> keys = init_key_manager(
    ...     url="memory:", endpoints={"GET_TASKS": {"default": {"maxReq": 10, "duration": 60_000}}}
    ... )
    >>> async def main():
    ...     created = await keys.create_user_api_key("user")
    ...     return await keys.verify_user_api_key(created["apiKey"], "GET_TASKS", ["task_id"])
    >>> asyncio.run(main()).remaining
    9
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from gatekeeper import _aio_calls, _aio_services, _key_manager, _requests
from gatekeeper._aio_core import GatekeeperCore
from gatekeeper._aio_services import *  # noqa: F403 - as many as there are
from gatekeeper.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gatekeeper._key_manager import Clock, Endpoint, _Answer
    from gatekeeper.results import CreateResult, DeleteResult, RolesResult, RotateResult, VerifyResult

__all__ = ["GatekeeperCore", "KeyManager", "init_key_manager"]
__all__ += _aio_services.__all__


class KeyManager:
    """Creates, verifies, rotates and deletes users' keys. Share one among all tasks, loops and threads.

    Made by :func:`init_key_manager`, or from a :class:`gatekeeper.KeyManager`, whose place it then shares. Each method
    is that of the other, awaited. A call that is cancelled may still be carried out; one to a server is broken off.
    """

    __slots__ = ("_sync", "_try_verify")

    def __init__(self, keys: _key_manager.KeyManager) -> None:
        """Await the calls of `keys`."""
        self._sync = keys
        self._try_verify = keys._try_verify

    async def verify_user_api_key(
        self, user_api_key: str | None, endpoint_name: str, variables: list[str] | tuple[str, ...] = ()
    ) -> VerifyResult:
        """As :meth:`gatekeeper.KeyManager.verify_user_api_key`."""
        result = self._try_verify(user_api_key, endpoint_name, variables)
        if result is not None:
            return result
        verified: VerifyResult = await _aio_calls.answered(
            self._sync._verify_later, user_api_key, endpoint_name, variables
        )
        return verified

    async def create_user_api_key(
        self,
        prefix: str,
        roles: Collection[str] = (),
        *,
        owner_id: str | None = None,
        name: str | None = None,
        expires_in_seconds: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> CreateResult:
        """As :meth:`gatekeeper.KeyManager.create_user_api_key`."""
        asked = _key_manager._creation(prefix, roles, owner_id, name, expires_in_seconds, metadata)
        return await self._answer(asked)

    async def rotate_user_api_key(self, id: str) -> RotateResult:
        """As :meth:`gatekeeper.KeyManager.rotate_user_api_key`."""
        return await self._answer(_key_manager._rotation(id))

    async def delete_user_api_key(self, id: str) -> DeleteResult:
        """As :meth:`gatekeeper.KeyManager.delete_user_api_key`."""
        return await self._answer(_key_manager._deletion(id))

    async def add_roles(self, id: str, roles: Collection[str]) -> RolesResult:
        """As :meth:`gatekeeper.KeyManager.add_roles`."""
        return await self._answer(_key_manager._addition(id, roles))

    async def remove_roles(self, id: str, roles: Collection[str]) -> RolesResult:
        """As :meth:`gatekeeper.KeyManager.remove_roles`."""
        return await self._answer(_key_manager._removal(id, roles))

    def advance(self, ms: int) -> None:
        """As :meth:`gatekeeper.KeyManager.advance`; nothing to await."""
        self._sync.advance(ms)

    async def _answer(self, asked: _key_manager._Asked[_Answer]) -> _Answer:
        try:
            return asked.answer(await self._run(asked))
        except Rejected as rejection:
            return asked.rejected(rejection)

    async def _run(self, asked: _key_manager._Asked[_Answer]) -> Any:
        try:
            request = _requests.fields(asked.fields)
        except _requests.Unsendable as problem:
            return await _aio_calls.answered(self._sync._reject_later, str(problem))
        return await _aio_calls.answered(self._sync._call_later, asked.operation, request)


def init_key_manager(
    *,
    endpoints: Mapping[str, Endpoint],
    root_api_key: str | None = None,
    tenants: Literal["all"] | Collection[str] | None = None,
    url: str = "sqlite:gatekeeper.db",
    cache_keys: int = 1_000_000,
    cache_unknown_keys: int = 100_000,
    create: bool = True,
    clock: Clock = "system",
    timeout: float = 10.0,
    max_retries: int = 2,
    default_headers: Mapping[str, str] | None = None,
    user_agent: str | None = None,
) -> KeyManager:
    """Make a key manager whose methods are awaited; making it is not.

    The arguments, and what is raised for them, are those of :func:`gatekeeper.init_key_manager`.
    """
    return KeyManager(
        _key_manager.init_key_manager(
            endpoints=endpoints,
            root_api_key=root_api_key,
            tenants=tenants,
            url=url,
            cache_keys=cache_keys,
            cache_unknown_keys=cache_unknown_keys,
            create=create,
            clock=clock,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            user_agent=user_agent,
        )
    )
