"""The key manager for code that does not await."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Generic, Literal, NotRequired, TypedDict, TypeVar

from gatekeeper import _native, _requests
from gatekeeper._core_options import http
from gatekeeper.errors import BadRequestError, Rejected
from gatekeeper.results import CreateResult, DeleteResult, RolesResult, RotateResult

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Clock = Literal["system", "manual"]
"""What tells the time: the machine, or your test."""

_Answer = TypeVar("_Answer", CreateResult, DeleteResult, RolesResult, RotateResult)


class Limit(TypedDict):
    """How many calls in how long a sliding window.

    Attributes:
        maxReq: Calls admitted in any window, 1 to 2**32 - 1.
        duration: The window in milliseconds, 1 to 31,622,400,000 (366 days).
    """

    maxReq: int
    duration: int


class Endpoint(TypedDict):
    """The limits of one endpoint.

    A key whose roles name one limit gets that one, even when it is lower than the default; of several, the one with
    the highest rate.

    Attributes:
        default: The limit of keys that have none of the roles.
        roles: Limits by role; the names are case-sensitive.
    """

    default: Limit
    roles: NotRequired[Mapping[str, Limit]]


class _Asked(Generic[_Answer]):
    """An operation that is asked for, and what its answer is read as."""

    __slots__ = ("fields", "operation", "result")

    def __init__(self, result: type[_Answer], operation: str, **fields: object) -> None:
        self.result: type[_Answer] = result
        self.operation = operation
        self.fields = fields

    def answer(self, answer: str) -> _Answer:
        return self.result._of(json.loads(answer))

    def rejected(self, rejection: Rejected) -> _Answer:
        return self.result(success=False, error=rejection.error, reason=rejection.reason)


class KeyManager(_native.KeyManager):
    """Creates, verifies, rotates and deletes users' keys. Share one among all threads.

    It accepts the keys of the tenant ``default`` only, or of the tenants that it is given; with a root key, those of
    the root key's tenant. Made by :func:`init_key_manager`. Every call checks in this order: the root key, the
    arguments and the endpoint, then the id or the user's key. A call that cannot be answered raises
    :class:`~gatekeeper.GatekeeperError`, 503 where the database cannot be used.
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
            prefix: What the key starts with: 1 to 64 of ``A-Z a-z 0-9 . _ ~ + -``; not ``gkr`` or ``gkp``, nor
                starting with ``gkr_`` or ``gkp_``.
            roles: At most 1,000 different names of 1 to 128 bytes of UTF-8, in a list, tuple or set. Defaults to
                none.
            owner_id: Whose key it is, at most 256 bytes. Defaults to nobody's.
            name: What the key is called, at most 256 bytes. Defaults to no name.
            expires_in_seconds: How long the key is good, 1 second to 100 years. Defaults to for ever.
            metadata: Anything of yours that JSON can hold, at most 8 KiB of it. Defaults to none.

        Example:
            >>> keys = init_key_manager(url="memory:", endpoints={})
            >>> created = keys.create_user_api_key("user", ["PRO", "BETA"], owner_id="user 7")
            >>> created.success, created.roles
            (True, ('BETA', 'PRO'))
        """
        return self._answer(_creation(prefix, roles, owner_id, name, expires_in_seconds, metadata))

    def rotate_user_api_key(self, id: str) -> RotateResult:
        """Give a key another secret; its id, its roles and what it has used stay.

        The old secret is rejected by the next verification, in every process on the machine.

        Args:
            id: The key's id, as ``create_user_api_key`` gave it.

        Example:
            >>> keys = init_key_manager(url="memory:", endpoints={})
            >>> created = keys.create_user_api_key("user")
            >>> rotated = keys.rotate_user_api_key(created["id"])
            >>> rotated.id == created.id, rotated["apikey"] == created["apiKey"]
            (True, False)
        """
        return self._answer(_rotation(id))

    def delete_user_api_key(self, id: str) -> DeleteResult:
        """Delete a key: the next verification rejects it, in every process on the machine.

        Args:
            id: The key's id, as ``create_user_api_key`` gave it.

        Example:
            >>> keys = init_key_manager(url="memory:", endpoints={})
            >>> id = keys.create_user_api_key("user")["id"]
            >>> keys.delete_user_api_key(id).success, keys.delete_user_api_key(id).error
            (True, 'invalidId')
        """
        return self._answer(_deletion(id))

    def add_roles(self, id: str, roles: Collection[str]) -> RolesResult:
        """Add roles to a key; those it has already change nothing.

        Args:
            id: The key's id, as ``create_user_api_key`` gave it.
            roles: Names of 1 to 128 bytes of UTF-8, in a list, tuple or set; at most 1,000 different ones together
                with those that the key has.

        Example:
            >>> keys = init_key_manager(url="memory:", endpoints={})
            >>> id = keys.create_user_api_key("user", ["PRO"])["id"]
            >>> keys.add_roles(id, ["PRO", "BETA"]).count
            1
        """
        return self._answer(_addition(id, roles))

    def remove_roles(self, id: str, roles: Collection[str]) -> RolesResult:
        """Remove roles from a key; those it does not have change nothing.

        Args:
            id: The key's id, as ``create_user_api_key`` gave it.
            roles: Names of 1 to 128 bytes of UTF-8, in a list, tuple or set; at most 1,000 different ones.

        Example:
            >>> keys = init_key_manager(url="memory:", endpoints={})
            >>> id = keys.create_user_api_key("user", ["PRO"])["id"]
            >>> keys.remove_roles(id, ["PRO", "BETA"]).count
            1
        """
        return self._answer(_removal(id, roles))

    def _answer(self, asked: _Asked[_Answer]) -> _Answer:
        try:
            return asked.answer(self._run(asked))
        except Rejected as rejection:
            return asked.rejected(rejection)

    def _run(self, asked: _Asked[_Answer]) -> str:
        try:
            request = _requests.fields(asked.fields)
        except _requests.Unsendable as problem:
            self._reject(str(problem))
        return self._call(asked.operation, request)


def _creation(  # noqa: PLR0917 - as many as there are options
    prefix: str,
    roles: Collection[str],
    owner_id: str | None,
    name: str | None,
    expires_in_seconds: int | None,
    metadata: Mapping[str, Any] | None,
) -> _Asked[CreateResult]:
    return _Asked(
        CreateResult,
        "keyManager.createKey",
        prefix=prefix,
        roles=roles,
        ownerId=owner_id,
        name=name,
        expiresInSeconds=expires_in_seconds,
        metadata=metadata,
    )


def _rotation(id: str) -> _Asked[RotateResult]:
    return _Asked(RotateResult, "keyManager.rotateKey", id=_id(id))


def _deletion(id: str) -> _Asked[DeleteResult]:
    return _Asked(DeleteResult, "keyManager.deleteKey", id=_id(id))


def _addition(id: str, roles: Collection[str]) -> _Asked[RolesResult]:
    return _Asked(RolesResult, "keyManager.addRoles", id=_id(id), roles=roles)


def _removal(id: str, roles: Collection[str]) -> _Asked[RolesResult]:
    return _Asked(RolesResult, "keyManager.removeRoles", id=_id(id), roles=roles)


def _id(id: object) -> str | None:
    """An id, or None in place of what cannot be one: the engine rejects that after all else has been checked."""
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
    """Make a key manager. Nothing is opened, and no thread is started, before its first use.

    It accepts the keys of the tenant ``default`` only, unless `tenants` or a root key says otherwise.

    Args:
        endpoints: The limits of each endpoint by its name, see :class:`Endpoint`; may be empty.
        root_api_key: Acts for its one tenant. Without one, on an embedded backend, keys are created in the tenant
            ``default`` and those of `tenants` are verified; a server needs one. One that is given but wrong is never
            ignored: each call answers ``invalidAPIToken``, or ``apiTokenNotPresent`` where it is the empty string.
        tenants: The tenants whose keys are accepted: a list of ids, in which ``"default"`` stands for the tenant
            ``default``, or ``"all"`` where you trust every one. Where anyone may sign up, anyone owns a tenant and
            creates keys there. Defaults to the tenant ``default`` alone. Not with a root key.
        url: ``sqlite:PATH`` or a plain path, made at first use; ``memory:``, a place of its own each time; or the
            ``http://`` or ``https://`` URL of a server. All processes of the machine that use a file share its limits.
        cache_keys: How many keys are remembered, about 170 bytes each.
        cache_unknown_keys: How many keys are remembered to be nobody's, apart from the others.
        create: Whether a file that is not there is made. With ``False`` every call raises
            :class:`~gatekeeper.ServiceUnavailableError` until it is there.
        clock: ``"manual"``, for tests on ``memory:``, stands still until ``advance(ms)``.
        timeout: Seconds that a call over HTTP may take, with all that is tried again; more than 0.
        max_retries: How often a call over HTTP is tried again where that is safe, 0 to 10.
        default_headers: What every call over HTTP carries.
        user_agent: What calls over HTTP are known by.

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
    defined = _requests.endpoints(endpoints)
    if not isinstance(create, bool):
        raise BadRequestError("create must be True or False")
    options = json.dumps({"create": create, **http(timeout, max_retries, default_headers, user_agent)})
    accepted = None if tenants is None else _requests.value("tenants", tenants)
    return KeyManager(defined, root_api_key, url, cache_keys, cache_unknown_keys, clock, options, accepted)
