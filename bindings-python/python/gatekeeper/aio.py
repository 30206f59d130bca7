"""The key manager, the core and its services for asynchronous code: the same names, with ``async def``.

A verification that needs no I/O completes at once, without a thread and without another iteration of the event loop.
Calls that wait for the disk run on threads of the package, never on those of the loop's executor. Calls that wait for
a server use no thread. This module works under asyncio and trio, and with anyio.

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
from gatekeeper._aio_services import *  # noqa: F403 - the generated module lists them
from gatekeeper._native import PendingResult
from gatekeeper._requests import UNSET, Unset
from gatekeeper.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gatekeeper._core_options import Clock
    from gatekeeper._key_manager import _Success
    from gatekeeper._limits import Endpoint
    from gatekeeper.results import (
        CreateResult,
        DeleteResult,
        KeyManagerFailure,
        RolesResult,
        RotateResult,
        VerifyResult,
    )

__all__ = ["GatekeeperCore", "KeyManager", "init_key_manager"]
__all__ += _aio_services.__all__


class KeyManager:
    """Creates, verifies, rotates and deletes users' keys. Tasks, event loops and threads may share it.

    :func:`init_key_manager` makes one. Made from a :class:`gatekeeper.KeyManager`, it shares the database of that one.
    The methods are those of :class:`gatekeeper.KeyManager`, as coroutines. Cancelling a call to a server closes its
    request; the operation may still be carried out.
    """

    __slots__ = ("_start_verification", "_sync")

    def __init__(self, keys: _key_manager.KeyManager) -> None:
        """Make the asynchronous methods of `keys`."""
        self._sync = keys
        self._start_verification = keys._start_verification

    async def verify_user_api_key(
        self,
        user_api_key: str | None,
        endpoint_name: str,
        variables: list[str] | tuple[str, ...] = (),
        *,
        scopes: Collection[str] = (),
        cost: int = 1,
        client_address: str | None = None,
    ) -> VerifyResult:
        """As :meth:`gatekeeper.KeyManager.verify_user_api_key`."""
        result = self._start_verification(user_api_key, endpoint_name, variables, scopes, cost, client_address)
        if type(result) is not PendingResult:
            return result
        verified: VerifyResult = await _aio_calls.call(result.later)
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
        request = _key_manager._create(prefix, roles, owner_id, name, expires_in_seconds, metadata)
        return await self._execute(request)

    async def rotate_user_api_key(self, id: str) -> RotateResult:
        """As :meth:`gatekeeper.KeyManager.rotate_user_api_key`."""
        return await self._execute(_key_manager._rotate(id))

    async def delete_user_api_key(self, id: str) -> DeleteResult:
        """As :meth:`gatekeeper.KeyManager.delete_user_api_key`."""
        return await self._execute(_key_manager._delete(id))

    async def add_roles(self, id: str, roles: Collection[str]) -> RolesResult:
        """As :meth:`gatekeeper.KeyManager.add_roles`."""
        return await self._execute(_key_manager._add_roles(id, roles))

    async def remove_roles(self, id: str, roles: Collection[str]) -> RolesResult:
        """As :meth:`gatekeeper.KeyManager.remove_roles`."""
        return await self._execute(_key_manager._remove_roles(id, roles))

    def advance(self, ms: int) -> None:
        """As :meth:`gatekeeper.KeyManager.advance`; synchronous here too."""
        self._sync.advance(ms)

    async def _execute(self, request: _key_manager._Request[_Success]) -> _Success | KeyManagerFailure:
        try:
            return request.success(await self._run(request))
        except Rejected as rejection:
            return _key_manager._failure(rejection)

    async def _run(self, request: _key_manager._Request[_Success]) -> Any:
        try:
            fields = _requests.request_json(request.fields)
        except _requests.InvalidArgument as problem:
            return await _aio_calls.call(self._sync._reject_later, str(problem))
        return await _aio_calls.call(self._sync._call_later, request.operation, fields)


def init_key_manager(
    *,
    endpoints: Mapping[str, Endpoint],
    root_api_key: str | None = None,
    tenants: Literal["all"] | Collection[str] | None = None,
    core: GatekeeperCore | None = None,
    url: str | Unset = UNSET,
    cache_keys: int | Unset = UNSET,
    cache_unknown_keys: int | Unset = UNSET,
    create: bool | Unset = UNSET,
    clock: Clock | Unset = UNSET,
    timeout: float | Unset = UNSET,
    max_retries: int | Unset = UNSET,
    default_headers: Mapping[str, str] | Unset | None = UNSET,
    user_agent: str | Unset | None = UNSET,
) -> KeyManager:
    """Make an asynchronous key manager. This function is synchronous and does no I/O.

    The arguments and exceptions are those of :func:`gatekeeper.init_key_manager`.
    """
    return KeyManager(
        _key_manager._made(
            endpoints,
            root_api_key,
            tenants,
            core,
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
