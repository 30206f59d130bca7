"""The results of a key manager's calls.

The result of a call is a union of frozen classes. It narrows by ``match``, by ``isinstance``, and by comparing
``success``, ``key_valid`` or ``ok`` with ``is True`` or ``is False``:

Example:
    >>> from gatekeeper import InvalidKey, ValidKey, VerifyFailure, init_key_manager
    >>> keys = init_key_manager(url="memory:", endpoints={"GET": {"default": "10/minute"}})
    >>> match keys.verify_user_api_key("user_xxx", "GET"):
    ...     case ValidKey(ok=True):
    ...         print("process the request")
    ...     case ValidKey(retry_after_ms=wait):
    ...         print("429: wait", wait, "ms")
    ...     case InvalidKey():
    ...         print("401")
    ...     case VerifyFailure(error, reason):
    ...         print("500:", error, reason)
    401

The fields are attributes in snake_case, and an index by wire name. A field that a result does not have is None as an
attribute (``ok`` and ``key_valid`` are False), and raises KeyError by wire name:

Example:
    >>> created = keys.create_user_api_key("user", ["PRO"])
    >>> created.success, created.roles, created["apiKey"].startswith("user_")
    (True, ('PRO',), True)
    >>> rejected = keys.create_user_api_key("no spaces")
    >>> rejected.success, rejected.error, rejected.api_key
    (False, 'invalidBody', None)
    >>> rejected["apiKey"]
    Traceback (most recent call last):
    ...
    KeyError: 'apiKey'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, Self, TypeAlias, overload

from gatekeeper._model import Model
from gatekeeper._native import ValidKey

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CreateResult",
    "DeleteResult",
    "InvalidKey",
    "KeyCreated",
    "KeyDeleted",
    "KeyManagerError",
    "KeyManagerFailure",
    "KeyRotated",
    "RolesChanged",
    "RolesResult",
    "RotateResult",
    "ValidKey",
    "VerifyFailure",
    "VerifyResult",
]

KeyManagerError = Literal[
    "authorizationHeaderNotPresent", "apiTokenNotPresent", "invalidAPIToken", "invalidBody", "invalidId"
]
"""The values of ``error`` in a result."""

_FAILURE = {"success": "success", "error": "error", "reason": "reason"}

# The wire names of the fields that only some results have, for the types of the others.
_VerdictName: TypeAlias = Literal[
    "code",
    "remaining",
    "total",
    "reset",
    "retryAfterMs",
    "windowMs",
    "resetAfterMs",
    "keyId",
    "tenantId",
    "ownerId",
    "name",
    "roles",
    "role",
    "scopes",
    "metadata",
]


class _NoVerdict(Model):
    """The base class of verifications without a valid key: the fields that they do not have."""

    __slots__ = ()

    key_valid: ClassVar[Literal[False]] = False
    ok: ClassVar[Literal[False]] = False
    code: ClassVar[None] = None
    remaining: ClassVar[None] = None
    total: ClassVar[None] = None
    reset: ClassVar[None] = None
    retry_after_ms: ClassVar[None] = None
    window_ms: ClassVar[None] = None
    reset_after_ms: ClassVar[None] = None
    key_id: ClassVar[None] = None
    tenant_id: ClassVar[None] = None
    owner_id: ClassVar[None] = None
    name: ClassVar[None] = None
    roles: ClassVar[None] = None
    role: ClassVar[None] = None
    scopes: ClassVar[None] = None
    metadata: ClassVar[None] = None


@dataclass(frozen=True, repr=False)
class InvalidKey(_NoVerdict):
    """A key that is not valid: unknown, malformed, revoked, expired, disabled, or of a tenant that is not accepted.

    The result does not tell which. The fields of a valid key are None as attributes.

    Attributes:
        success: True: the key was checked.
        key_valid: False.
        ok: False: do not process the request.
    """

    __slots__ = ()

    _wire: ClassVar[dict[str, str]] = {"success": "success", "keyValid": "key_valid", "ok": "ok"}

    success: ClassVar[Literal[True]] = True
    error: ClassVar[None] = None
    reason: ClassVar[None] = None

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["success"]) -> Literal[True]: ...
        @overload
        def __getitem__(self, name: Literal["keyValid", "ok"]) -> Literal[False]: ...
        @overload
        def __getitem__(self, name: _VerdictName | Literal["error", "reason"]) -> NoReturn: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...


INVALID_KEY = InvalidKey()
"""The result that the native module returns for every key that is not valid."""


@dataclass(frozen=True, repr=False)
class VerifyFailure(_NoVerdict):
    """A verification that was called wrongly. The fields of a valid key are None as attributes.

    Attributes:
        success: False: the key was not checked.
        error: ``"invalidBody"``, or an error of the root key.
        reason: What was wrong and what to do, for the developer.
    """

    __slots__ = ("error", "reason")

    _wire: ClassVar[dict[str, str]] = _FAILURE

    error: KeyManagerError
    reason: str
    success: ClassVar[Literal[False]] = False

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["success"]) -> Literal[False]: ...
        @overload
        def __getitem__(self, name: Literal["error"]) -> KeyManagerError: ...
        @overload
        def __getitem__(self, name: Literal["reason"]) -> str: ...
        @overload
        def __getitem__(self, name: _VerdictName | Literal["keyValid", "ok"]) -> NoReturn: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...


@dataclass(frozen=True, repr=False)
class KeyManagerFailure(Model):
    """A call that changed nothing. The fields of a success are None as attributes.

    Attributes:
        success: False.
        error: ``"invalidBody"``, ``"invalidId"``, or an error of the root key.
        reason: What was wrong and what to do, for the developer.
    """

    __slots__ = ("error", "reason")

    _wire: ClassVar[dict[str, str]] = _FAILURE

    error: KeyManagerError
    reason: str
    success: ClassVar[Literal[False]] = False
    api_key: ClassVar[None] = None
    apikey: ClassVar[None] = None
    id: ClassVar[None] = None
    roles: ClassVar[None] = None
    count: ClassVar[None] = None

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["success"]) -> Literal[False]: ...
        @overload
        def __getitem__(self, name: Literal["error"]) -> KeyManagerError: ...
        @overload
        def __getitem__(self, name: Literal["reason"]) -> str: ...
        @overload
        def __getitem__(self, name: Literal["apiKey", "apikey", "id", "roles", "count"]) -> NoReturn: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...


class _Success(Model):
    """The base class of what a call that changes keys returns when it succeeds."""

    __slots__ = ()

    success: ClassVar[Literal[True]] = True
    error: ClassVar[None] = None
    reason: ClassVar[None] = None

    @classmethod
    def _of(cls, answer: Mapping[str, Any]) -> Self:
        values = {attribute: answer[name] for name, attribute in cls._wire.items() if name != "success"}
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


@dataclass(frozen=True, kw_only=True, repr=False)
class KeyCreated(_Success):
    """A new key.

    Attributes:
        success: True.
        api_key: The key. Show it to the user now: only its digest is stored, so it cannot be shown again.
        id: The id of the key, ``key_…``; it stays the same when the key is rotated.
        roles: The roles of the key, without duplicates, sorted by bytes.
    """

    __slots__ = ("api_key", "id", "roles")

    _wire: ClassVar[dict[str, str]] = {"success": "success", "apiKey": "api_key", "id": "id", "roles": "roles"}
    _secret: ClassVar[frozenset[str]] = frozenset({"api_key"})

    api_key: str
    id: str
    roles: tuple[str, ...]

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["success"]) -> Literal[True]: ...
        @overload
        def __getitem__(self, name: Literal["apiKey", "id"]) -> str: ...
        @overload
        def __getitem__(self, name: Literal["roles"]) -> tuple[str, ...]: ...
        @overload
        def __getitem__(self, name: Literal["error", "reason"]) -> NoReturn: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...


@dataclass(frozen=True, kw_only=True, repr=False)
class KeyRotated(_Success):
    """The replacement of a rotated key. The old key is revoked at once.

    Attributes:
        success: True.
        id: The id of the key, unchanged.
        apikey: The new key. Show it to the user now: only its digest is stored, so it cannot be shown again.
    """

    __slots__ = ("apikey", "id")

    _wire: ClassVar[dict[str, str]] = {"success": "success", "id": "id", "apikey": "apikey"}
    _secret: ClassVar[frozenset[str]] = frozenset({"apikey"})

    id: str
    apikey: str

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["success"]) -> Literal[True]: ...
        @overload
        def __getitem__(self, name: Literal["id", "apikey"]) -> str: ...
        @overload
        def __getitem__(self, name: Literal["error", "reason"]) -> NoReturn: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...


@dataclass(frozen=True, kw_only=True, repr=False)
class KeyDeleted(_Success):
    """A deleted key.

    Attributes:
        success: True.
        id: The id of the key.
    """

    __slots__ = ("id",)

    _wire: ClassVar[dict[str, str]] = {"success": "success", "id": "id"}

    id: str

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["success"]) -> Literal[True]: ...
        @overload
        def __getitem__(self, name: Literal["id"]) -> str: ...
        @overload
        def __getitem__(self, name: Literal["error", "reason"]) -> NoReturn: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...


@dataclass(frozen=True, kw_only=True, repr=False)
class RolesChanged(_Success):
    """The number of roles that a call added or removed.

    Attributes:
        success: True.
        count: How many roles were added or removed. Roles that needed no change do not count.
    """

    __slots__ = ("count",)

    _wire: ClassVar[dict[str, str]] = {"success": "success", "count": "count"}

    count: int

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["success"]) -> Literal[True]: ...
        @overload
        def __getitem__(self, name: Literal["count"]) -> int: ...
        @overload
        def __getitem__(self, name: Literal["error", "reason"]) -> NoReturn: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...


VerifyResult: TypeAlias = ValidKey | InvalidKey | VerifyFailure
"""The result of ``verify_user_api_key``."""

CreateResult: TypeAlias = KeyCreated | KeyManagerFailure
"""The result of ``create_user_api_key``."""

RotateResult: TypeAlias = KeyRotated | KeyManagerFailure
"""The result of ``rotate_user_api_key``."""

DeleteResult: TypeAlias = KeyDeleted | KeyManagerFailure
"""The result of ``delete_user_api_key``."""

RolesResult: TypeAlias = RolesChanged | KeyManagerFailure
"""The result of ``add_roles`` and ``remove_roles``."""
