"""The key manager for synchronous code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from gatekeeper import _core, _native, _requests
from gatekeeper._core_options import http_options
from gatekeeper._requests import UNSET, Unset
from gatekeeper.errors import BadRequestError, Rejected
from gatekeeper.results import KeyCreated, KeyDeleted, KeyManagerFailure, KeyRotated, RolesChanged

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gatekeeper._core import GatekeeperCore
    from gatekeeper._core_options import Clock
    from gatekeeper._limits import Endpoint
    from gatekeeper.results import CreateResult, DeleteResult, RolesResult, RotateResult

_Success = TypeVar("_Success", KeyCreated, KeyRotated, KeyDeleted, RolesChanged)


class _Request(Generic[_Success]):
    """One call of an operation: its name, its fields and the type of its result if it succeeds."""

    __slots__ = ("_kind", "fields", "operation")

    def __init__(self, kind: type[_Success], operation: str, **fields: object) -> None:
        self._kind: type[_Success] = kind
        self.operation = operation
        self.fields = fields

    def success(self, output: str) -> _Success:
        return self._kind._of(json.loads(output))


def _failure(rejection: Rejected) -> KeyManagerFailure:
    return KeyManagerFailure(rejection.error, rejection.reason)


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

    def _execute(self, request: _Request[_Success]) -> _Success | KeyManagerFailure:
        try:
            return request.success(self._run(request))
        except Rejected as rejection:
            return _failure(rejection)

    def _run(self, request: _Request[_Success]) -> str:
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
) -> _Request[KeyCreated]:
    return _Request(
        KeyCreated,
        "keyManager.createKey",
        prefix=prefix,
        roles=roles,
        ownerId=owner_id,
        name=name,
        expiresInSeconds=expires_in_seconds,
        metadata=metadata,
    )


def _rotate(id: str) -> _Request[KeyRotated]:
    return _Request(KeyRotated, "keyManager.rotateKey", id=_id(id))


def _delete(id: str) -> _Request[KeyDeleted]:
    return _Request(KeyDeleted, "keyManager.deleteKey", id=_id(id))


def _add_roles(id: str, roles: Collection[str]) -> _Request[RolesChanged]:
    return _Request(RolesChanged, "keyManager.addRoles", id=_id(id), roles=roles)


def _remove_roles(id: str, roles: Collection[str]) -> _Request[RolesChanged]:
    return _Request(RolesChanged, "keyManager.removeRoles", id=_id(id), roles=roles)


def _id(id: object) -> str | None:
    """The id, or None if it cannot be one. The engine rejects None after it has checked the other arguments."""
    return id if isinstance(id, str) and id.isascii() else None


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
        core: A :class:`GatekeeperCore` whose database or server to use, in place of `url` and the options below it:
            both then share one ``memory:``. The core's token does not matter, only `root_api_key` does: on an embedded
            database, a key manager without a root key acts as the operator, also if the core is anonymous. Closing
            the core does not close the key manager.
        url: The database or server: ``sqlite:PATH`` or a plain path, created on first use; ``memory:``, a new database
            for each key manager; or the ``http://`` or ``https://`` URL of a server. All processes of the machine that
            use the same file share its limits. Defaults to ``sqlite:gatekeeper.db``.
        cache_keys: How many keys are cached, about 180 bytes each. A key with more than 1 KiB counts once for each
            KiB. Defaults to 1,000,000.
        cache_unknown_keys: How many unknown keys are cached. They have a cache to themselves. Defaults to 100,000.
        create: Whether to create a database file that does not exist. With ``False``, every call raises
            :class:`~gatekeeper.ServiceUnavailableError` until the file exists. Defaults to True.
        clock: ``"manual"`` stands still until ``advance(ms)`` moves it; for tests on ``memory:``. Defaults to
            ``"system"``.
        timeout: Seconds that a call over HTTP may take, retries included; more than 0. Defaults to 10.
        max_retries: How often a call over HTTP is retried where that is safe, 0 to 10. Defaults to 2.
        default_headers: Headers of every request over HTTP. Defaults to none.
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

        A key manager and the services on one database:

        >>> from gatekeeper import GatekeeperCore
        >>> core = GatekeeperCore("memory:", operator=True)
        >>> created = init_key_manager(core=core, endpoints={}).create_user_api_key("user", name="Acme")
        >>> core.keys.get(created["id"]).name
        'Acme'
    """
    return _made(
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


def _made(
    endpoints: Mapping[str, Endpoint],
    root_api_key: str | None,
    tenants: Literal["all"] | Collection[str] | None,
    core: _core._Base | None,
    **options: Any,
) -> KeyManager:
    """Make a key manager for a core, or with the options that are not UNSET."""
    defined = _requests.endpoints_json(endpoints)
    accepted = None if tenants is None else _requests.value_json("tenants", tenants)
    given: dict[str, Any] = _requests._changed(options)
    native = _opened(**given) if core is None else _of_core(core, given)
    return KeyManager(defined, native, root_api_key, accepted)


def _opened(
    *,
    url: str = "sqlite:gatekeeper.db",
    create: bool = True,
    timeout: float = 10.0,
    max_retries: int = 2,
    default_headers: Mapping[str, str] | None = None,
    user_agent: str | None = None,
    **options: Any,
) -> _native.Core:
    if not isinstance(create, bool):
        raise BadRequestError("create must be True or False")
    over_http = http_options(timeout, max_retries, default_headers, user_agent)
    return _native.Core(url, json.dumps({"create": create, **over_http}), **options)


def _of_core(core: _core._Base, given: Mapping[str, object]) -> _native.Core:
    if not isinstance(core, _core._Base):
        raise BadRequestError("core must be a GatekeeperCore")
    if "url" in given:
        raise BadRequestError("url and core exclude each other: leave one of them out")
    for option in given:
        raise BadRequestError(f"{option} is an option of the core: give it to GatekeeperCore, not to init_key_manager")
    return core._open()
