"""The results of a key manager's calls.

Each result is frozen, has its fields as attributes in snake_case, and an index by wire name. A field that a result
does not have is None as an attribute and raises KeyError by wire name:

Example:
    >>> from gatekeeper import init_key_manager
    >>> keys = init_key_manager(url="memory:", endpoints={})
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
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, overload

from gatekeeper._native import VerifyResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CreateResult", "DeleteResult", "KeyManagerError", "RolesResult", "RotateResult", "VerifyResult"]

KeyManagerError = Literal[
    "authorizationHeaderNotPresent", "apiTokenNotPresent", "invalidAPIToken", "invalidBody", "invalidId"
]
"""The values of ``error`` in a result."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Result:
    """The base class of the results: success, or an error and its reason."""

    _attributes: ClassVar[dict[str, str]] = {}
    """The attribute of each wire name that a success has."""

    success: bool
    error: KeyManagerError | None = None
    reason: str | None = None

    @classmethod
    def _of(cls, answer: Mapping[str, Any]) -> Self:
        return cls(success=True, **{cls._attributes[name]: _frozen(value) for name, value in answer.items()})

    def _names(self) -> dict[str, str]:
        present = self._attributes if self.success else {"error": "error", "reason": "reason"}
        return {"success": "success", **present}

    def keys(self) -> tuple[str, ...]:
        """The wire names of the fields that this result has."""
        return tuple(self._names())

    def __getitem__(self, name: str) -> Any:
        return getattr(self, self._names()[name])

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __repr__(self) -> str:
        shown = (f"{attribute}={self._shown(attribute)}" for attribute in self._names().values())
        return f"{type(self).__name__}({', '.join(shown)})"

    def _shown(self, attribute: str) -> str:
        # A repr may be logged: it must not show the key.
        return "[redacted]" if attribute in {"api_key", "apikey"} else repr(getattr(self, attribute))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CreateResult(_Result):
    """A new key.

    Attributes:
        success: Whether the key was created; if not, see ``error`` and ``reason``.
        api_key: The key. Show it to the user now: only its digest is stored, so it cannot be shown again.
        id: The id of the key, ``key_…``; it stays the same when the key is rotated.
        roles: The roles of the key, without duplicates, sorted by bytes.
        error: ``"invalidBody"``, or an error of the root key.
        reason: What was wrong and what to do, for the developer.
    """

    _attributes: ClassVar[dict[str, str]] = {"apiKey": "api_key", "id": "id", "roles": "roles"}

    api_key: str | None = None
    id: str | None = None
    roles: tuple[str, ...] | None = None

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["apiKey", "id", "error", "reason"]) -> str: ...
        @overload
        def __getitem__(self, name: Literal["success"]) -> bool: ...
        @overload
        def __getitem__(self, name: Literal["roles"]) -> tuple[str, ...]: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RotateResult(_Result):
    """The replacement of a rotated key. The old key is revoked at once.

    Attributes:
        success: Whether the key was rotated; if not, see ``error`` and ``reason``.
        id: The id of the key, unchanged.
        apikey: The new key. Show it to the user now: only its digest is stored, so it cannot be shown again.
        error: ``"invalidId"``, or an error of the root key.
        reason: What was wrong and what to do, for the developer.
    """

    _attributes: ClassVar[dict[str, str]] = {"id": "id", "apikey": "apikey"}

    id: str | None = None
    apikey: str | None = None

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["id", "apikey", "error", "reason"]) -> str: ...
        @overload
        def __getitem__(self, name: Literal["success"]) -> bool: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DeleteResult(_Result):
    """The id of a deleted key.

    Attributes:
        success: Whether the key was deleted; if not, see ``error`` and ``reason``.
        id: The id of the key.
        error: ``"invalidId"``, or an error of the root key.
        reason: What was wrong and what to do, for the developer.
    """

    _attributes: ClassVar[dict[str, str]] = {"id": "id"}

    id: str | None = None

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["id", "error", "reason"]) -> str: ...
        @overload
        def __getitem__(self, name: Literal["success"]) -> bool: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RolesResult(_Result):
    """The number of roles that a call added or removed.

    Attributes:
        success: Whether the call succeeded; if not, see ``error`` and ``reason``.
        count: How many roles were added or removed. Roles that needed no change do not count.
        error: ``"invalidId"``, ``"invalidBody"``, or an error of the root key.
        reason: What was wrong and what to do, for the developer.
    """

    _attributes: ClassVar[dict[str, str]] = {"count": "count"}

    count: int | None = None

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: Literal["error", "reason"]) -> str: ...
        @overload
        def __getitem__(self, name: Literal["success"]) -> bool: ...
        @overload
        def __getitem__(self, name: Literal["count"]) -> int: ...
        @overload
        def __getitem__(self, name: str) -> Any: ...
        def __getitem__(self, name: str) -> Any: ...
