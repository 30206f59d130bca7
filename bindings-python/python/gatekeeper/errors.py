"""The exception of this package, :class:`GatekeeperError`, with a subclass for each error code.

Example:
    >>> from gatekeeper import BadRequestError, GatekeeperError, init_key_manager
    >>> try:
    ...     init_key_manager(url="mysql:db", endpoints={})
    ... except GatekeeperError as error:
    ...     print(error.status, error.code, isinstance(error, BadRequestError))
    400 bad_request True
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from gatekeeper.results import KeyManagerError

__all__ = [
    "BadRequestError",
    "ConflictError",
    "ConnectionFailedError",
    "ForbiddenError",
    "GatekeeperError",
    "InternalError",
    "MethodNotAllowedError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PlanLimitError",
    "RateLimitedError",
    "RequestTimeoutError",
    "ServiceUnavailableError",
    "UnauthorizedError",
    "UnsupportedMediaTypeError",
]


class GatekeeperError(Exception):
    """A failed call. Every exception of this package is of this class or a subclass.

    Attributes:
        status: The HTTP status, 400 to 503; 0 if there was no HTTP response.
        code: The stable code, such as ``"bad_request"``; None if the response had none.
        message: What was wrong, and what to do.
        retry_after: Seconds to wait before a retry can succeed; None if unknown.
        request_id: The ``X-Request-Id`` header of the response; None if there was none.
        details: Further facts, such as the quota that was exceeded; None if there are none.
    """

    _by_code: ClassVar[dict[str, type[GatekeeperError]]] = {}
    _status: ClassVar[int] = 0
    _code: ClassVar[str | None] = None

    status: int
    code: str | None
    message: str
    retry_after: float | None
    request_id: str | None
    details: dict[str, Any] | None

    def __init_subclass__(cls, *, status: int = 0, code: str | None = None, **rest: object) -> None:
        super().__init_subclass__(**rest)
        if code is not None:
            cls._status, cls._code = status, code
            GatekeeperError._by_code.setdefault(code, cls)

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        """Make an error; status and code default to those of the class."""
        super().__init__(message)
        self.message = message
        self.status = self._status if status is None else status
        self.code = self._code if code is None else code
        self.retry_after = retry_after
        self.request_id = request_id
        self.details = details

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, status={self.status}, code={self.code!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception.__reduce__ would call the class with `args` only. The instance's attributes are pickled too.
        return (_rebuilt, (type(self), self.message), self.__dict__)


class BadRequestError(GatekeeperError, status=400, code="bad_request"):
    """400: malformed, missing, unknown or out-of-range input. The message names the field."""


class UnauthorizedError(GatekeeperError, status=401, code="unauthorized"):
    """401: the credential is missing, wrong, expired or revoked. The error does not tell which."""


class PlanLimitError(GatekeeperError, status=402, code="plan_limit"):
    """402: a quota or an entitlement is exceeded; see ``details["quota"]``."""


class ForbiddenError(GatekeeperError, status=403, code="forbidden"):
    """403: the credential is valid for the tenant, but does not permit the call."""


class NotFoundError(GatekeeperError, status=404, code="not_found"):
    """404: the object does not exist, or belongs to another tenant. The error does not tell which."""


class MethodNotAllowedError(GatekeeperError, status=405, code="method_not_allowed"):
    """405: the path does not support the HTTP method."""


class ConflictError(GatekeeperError, status=409, code="conflict"):
    """409: the call conflicts with the current state, such as an e-mail address that is already registered."""


class PayloadTooLargeError(GatekeeperError, status=413, code="payload_too_large"):
    """413: the request body is too large."""


class UnsupportedMediaTypeError(GatekeeperError, status=415, code="unsupported_media_type"):
    """415: the request body is of a media type that the server does not read."""


class RateLimitedError(GatekeeperError, status=429, code="rate_limited"):
    """429: too many requests; retry after ``retry_after`` seconds."""


class InternalError(GatekeeperError, status=500, code="internal"):
    """500: a bug in Gatekeeper; please report it."""


class ServiceUnavailableError(GatekeeperError, status=503, code="service_unavailable"):
    """503: the database or the counters cannot be used. The call was not allowed."""


class ConnectionFailedError(GatekeeperError, status=0, code="connection_error"):
    """Status 0: there was no HTTP response because the server could not be reached."""


class RequestTimeoutError(GatekeeperError, status=0, code="timeout"):
    """Status 0: there was no HTTP response within the timeout."""


class Rejected(Exception):  # noqa: N818 - not an error: becomes a result of the key manager
    """A rejection that the key manager returns as a result with ``success`` false. Private."""

    def __init__(self, error: KeyManagerError, reason: str) -> None:
        super().__init__(error, reason)
        self.error = error
        self.reason = reason


def _rebuilt(cls: type[GatekeeperError], message: str) -> GatekeeperError:
    # A subclass may have another signature, so `__init__` is not called. `__reduce__` restores the attributes.
    error = cls.__new__(cls, message)
    error.args = (message,)
    return error


def _from_core(  # noqa: PLR0917 - called by the native module
    status: int,
    code: str,
    message: str,
    cause: str | None = None,
    retry_after: int | None = None,
    details: str | None = None,
    request_id: str | None = None,
) -> GatekeeperError:
    """Make the exception for an error of the engine. The native module calls this."""
    cls = GatekeeperError._by_code.get(code, GatekeeperError)
    error = cls(
        message,
        status=status,
        code=code,
        retry_after=retry_after,
        request_id=request_id,
        details=None if details is None else json.loads(details),
    )
    if cause is not None:
        error.__cause__ = RuntimeError(cause)
    return error
