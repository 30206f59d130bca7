"""The key manager for synchronous code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from gatekeeper import _native, _requests
from gatekeeper._core_options import http_options
from gatekeeper.errors import BadRequestError, Rejected
from gatekeeper.results import CreateResult, DeleteResult, RolesResult, RotateResult

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gatekeeper._limits import Endpoint

Clock = Literal["system", "manual"]
"""The clock: the machine's, or one that a test moves with ``advance(ms)``."""

_ResultType = TypeVar("_ResultType", CreateResult, DeleteResult, RolesResult, RotateResult)


class _Request(Generic[_ResultType]):
    """One call of an operation: its name, its fields and the type of its result."""

    __slots__ = ("_result", "fields", "operation")

    def __init__(self, result: type[_ResultType], operation: str, **fields: object) -> None:
        self._result: type[_ResultType] = result
        self.operation = operation
        self.fields = fields

    def success(self, output: str) -> _ResultType:
        return self._result._of(json.loads(output))

    def failure(self, rejection: Rejected) -> _ResultType:
        return self._result(success=False, error=rejection.error, reason=rejection.reason)


class KeyManager(_native.KeyManager):
    """Creates, verifies, rotates and deletes users' keys. :func:`init_key_manager` makes one; threads may share it.

    It accepts the keys of the tenant ``default``, or of the `tenants` option; with a root key, those of the root key's
    tenant. Every call checks in this order: the root key, the arguments and the endpoint, then the id or the user's
    key. If there is no result, the call raises :class:`~gatekeeper.GatekeeperError`, with status 503 if the database
    cannot be used.
    """

    __slots__ = ()

    def create_user_api_key(
        self,
        prefix: str,
        roles: Collection[str] = (),
        *,
        owner_id: str | None = None,
        name: str | None = None,
        expires_in_seconds: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> CreateResult:
        """Create a user's key.

        Args:
            prefix: The start of the key: 1 to 64 of ``A-Z a-z 0-9 . _ ~ + -``. ``gkr``, ``gkp`` and prefixes that start
                with ``gkr_`` or ``gkp_`` are reserved.
            roles: The roles of the key: at most 1,000 different names of 1 to 128 bytes of UTF-8, in a list, tuple or
                set. Defaults to none.
            owner_id: Your id for the key's owner, at most 256 bytes. Defaults to None.
            name: A name for the key, at most 256 bytes. Defaults to None.
            expires_in_seconds: The lifetime of the key, 1 second to 100 years. Defaults to None: no expiry.
            metadata: A JSON object with data of your application, at most 8 KiB. Defaults to None.

        Example:
            >>> keys = init_key_manager(url="memory:", endpoints={})
            >>> created = keys.create_user_api_key("user", ["PRO", "BETA"], owner_id="user 7")
            >>> created.success, created.roles
            (True, ('BETA', 'PRO'))
        """
        return self._execute(_create(prefix, roles, owner_id, name, expires_in_seconds, metadata))

    def rotate_user_api_key(self, id: str) -> RotateResult:
        """Replace a key by a new one with the same id, roles and rate limit windows.

        The old key is revoked: the next verification rejects it, in every process on the machine.

        Args:
            id: The key's id, as ``create_user_api_key`` returned it.

        Example:
            >>> keys = init_key_manager(url="memory:", endpoints={})
            >>> created = keys.create_user_api_key("user")
            >>> rotated = keys.rotate_user_api_key(created["id"])
            >>> rotated.id == created.id, rotated["apikey"] == created["apiKey"]
            (True, False)
        """
        return self._execute(_rotate(id))

    def delete_user_api_key(self, id: str) -> DeleteResult:
        """Delete a key. The next verification rejects it, in every process on the machine.

        Args:
            id: The key's id, as ``create_user_api_key`` returned it.

        Example:
            >>> keys = init_key_manager(url="memory:", endpoints={})
            >>> id = keys.create_user_api_key("user")["id"]
            >>> keys.delete_user_api_key(id).success, keys.delete_user_api_key(id).error
            (True, 'invalidId')
        """
        return self._execute(_delete(id))

    def add_roles(self, id: str, roles: Collection[str]) -> RolesResult:
        """Add roles to a key. Roles that it already has are ignored.

        Args:
            id: The key's id, as ``create_user_api_key`` returned it.
            roles: Names of 1 to 128 bytes of UTF-8, in a list, tuple or set. A key has at most 1,000 different roles.

        Example:
            >>> keys = init_key_manager(url="memory:", endpoints={})
            >>> id = keys.create_user_api_key("user", ["PRO"])["id"]
            >>> keys.add_roles(id, ["PRO", "BETA"]).count
            1
        """
        return self._execute(_add_roles(id, roles))

    def remove_roles(self, id: str, roles: Collection[str]) -> RolesResult:
        """Remove roles from a key. Roles that it does not have are ignored.

        Args:
            id: The key's id, as ``create_user_api_key`` returned it.
            roles: At most 1,000 different names of 1 to 128 bytes of UTF-8, in a list, tuple or set.

        Example:
            >>> keys = init_key_manager(url="memory:", endpoints={})
            >>> id = keys.create_user_api_key("user", ["PRO"])["id"]
            >>> keys.remove_roles(id, ["PRO", "BETA"]).count
            1
        """
        return self._execute(_remove_roles(id, roles))

    def _execute(self, request: _Request[_ResultType]) -> _ResultType:
        try:
            return request.success(self._run(request))
        except Rejected as rejection:
            return request.failure(rejection)

    def _run(self, request: _Request[_ResultType]) -> str:
        try:
            fields = _requests.request_json(request.fields)
        except _requests.InvalidArgument as problem:
            self._reject(str(problem))
        return self._call(request.operation, fields)


def _create(  # noqa: PLR0917 - one for each option
    prefix: str,
    roles: Collection[str],
    owner_id: str | None,
    name: str | None,
    expires_in_seconds: int | None,
    metadata: Mapping[str, Any] | None,
) -> _Request[CreateResult]:
    return _Request(
        CreateResult,
        "keyManager.createKey",
        prefix=prefix,
        roles=roles,
        ownerId=owner_id,
        name=name,
        expiresInSeconds=expires_in_seconds,
        metadata=metadata,
    )


def _rotate(id: str) -> _Request[RotateResult]:
    return _Request(RotateResult, "keyManager.rotateKey", id=_id(id))


def _delete(id: str) -> _Request[DeleteResult]:
    return _Request(DeleteResult, "keyManager.deleteKey", id=_id(id))


def _add_roles(id: str, roles: Collection[str]) -> _Request[RolesResult]:
    return _Request(RolesResult, "keyManager.addRoles", id=_id(id), roles=roles)


def _remove_roles(id: str, roles: Collection[str]) -> _Request[RolesResult]:
    return _Request(RolesResult, "keyManager.removeRoles", id=_id(id), roles=roles)


def _id(id: object) -> str | None:
    """The id, or None if it cannot be one. The engine rejects None after it has checked the other arguments."""
    return id if isinstance(id, str) and id.isascii() else None


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
    """Make a key manager. This does no I/O and starts no thread; the database is opened on first use.

    Args:
        endpoints: The limits of each endpoint by name, see :class:`Endpoint`; may be empty.
        root_api_key: The root key to use; the key manager then acts for the root key's tenant. A server needs one.
            Without one, on an embedded database, keys are created in the tenant ``default``, and the keys of `tenants`
            are accepted. With a root key that is not valid, each call returns ``invalidAPIToken``, or
            ``apiTokenNotPresent`` if it is the empty string.
        tenants: The tenants whose keys are accepted: a list of ids, in which ``"default"`` is the tenant ``default``,
            or ``"all"``. Use ``"all"`` only if you trust every tenant: where sign-up is open, any client can own a
            tenant and create keys in it. Defaults to the tenant ``default``. Not with a root key.
        url: The database or server: ``sqlite:PATH`` or a plain path, created on first use; ``memory:``, a new database
            for each key manager; or the ``http://`` or ``https://`` URL of a server. All processes of the machine that
            use the same file share its limits.
        cache_keys: How many keys are cached, about 180 bytes each. A key with more than 1 KiB counts once for each KiB.
        cache_unknown_keys: How many unknown keys are cached. They have a cache to themselves.
        create: Whether to create a database file that does not exist. With ``False``, every call raises
            :class:`~gatekeeper.ServiceUnavailableError` until the file exists.
        clock: ``"manual"`` stands still until ``advance(ms)`` moves it; for tests on ``memory:``.
        timeout: Seconds that a call over HTTP may take, retries included; more than 0.
        max_retries: How often a call over HTTP is retried where that is safe, 0 to 10.
        default_headers: Headers of every request over HTTP.
        user_agent: The ``User-Agent`` header of requests over HTTP.

    Raises:
        GatekeeperError: 400 for a wrong URL, option or endpoint; the message names endpoint and field.

    Example:
        >>> keys = init_key_manager(
        ...     url="memory:",
        ...     endpoints={
        ...         "GET_TASKS": {
        ...             "default": {"maxReq": 10, "duration": 60_000},
        ...             "roles": {"PRO": {"maxReq": 1_000, "duration": 60_000}},
        ...         },
        ...     },
        ... )
        >>> api_key = keys.create_user_api_key("user", ["PRO"])["apiKey"]
        >>> res = keys.verify_user_api_key(api_key, "GET_TASKS", ["task_id"])
        >>> res.success and res.ok, res.remaining, res.role
        (True, 999, 'PRO')
        >>> init_key_manager(url="memory:", endpoints={"GET": {"default": {"maxReq": 0, "duration": 1}}})
        Traceback (most recent call last):
        ...
        gatekeeper.errors.BadRequestError: endpoints.GET.default.maxReq must be a whole number from 1 to 4294967295
    """
    defined = _requests.endpoints_json(endpoints)
    if not isinstance(create, bool):
        raise BadRequestError("create must be True or False")
    options = json.dumps({"create": create, **http_options(timeout, max_retries, default_headers, user_agent)})
    accepted = None if tenants is None else _requests.value_json("tenants", tenants)
    return KeyManager(defined, root_api_key, url, cache_keys, cache_unknown_keys, clock, options, accepted)
