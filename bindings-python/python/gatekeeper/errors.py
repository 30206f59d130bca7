"""The one exception to catch, with a subclass for each code.

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
    """A call that reached no answer, or was not allowed one.

    Attributes:
        status: The HTTP status, 400 to 503; 0 where there was no HTTP answer.
        code: The stable code, such as ``"bad_request"``; None where none was given.
        message: What to change.
        retry_after: Seconds to wait before the same call can succeed, if that is known.
        request_id: The ``X-Request-Id`` of the answer, if there was one.
        details: What else was said, such as the quota that is reached.
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
        # Exception's own would call the class with `args` alone; what was added to the instance travels too.
        return (_rebuilt, (type(self), self.message), self.__dict__)


class BadRequestError(GatekeeperError, status=400, code="bad_request"):
    """Malformed, missing, unknown or out-of-range input; the message names the field."""


class UnauthorizedError(GatekeeperError, status=401, code="unauthorized"):
    """A credential that is missing, wrong, expired or revoked: never said which."""


class PlanLimitError(GatekeeperError, status=402, code="plan_limit"):
    """A quota or an entitlement is reached."""


class ForbiddenError(GatekeeperError, status=403, code="forbidden"):
    """A known caller in its own tenant, not permitted."""


class NotFoundError(GatekeeperError, status=404, code="not_found"):
    """Absent, or another tenant's: never said which."""


class MethodNotAllowedError(GatekeeperError, status=405, code="method_not_allowed"):
    """The path exists, the method does not."""


class ConflictError(GatekeeperError, status=409, code="conflict"):
    """The state of things forbids it, such as a name already taken."""


class PayloadTooLargeError(GatekeeperError, status=413, code="payload_too_large"):
    """A request body over its bound."""


class UnsupportedMediaTypeError(GatekeeperError, status=415, code="unsupported_media_type"):
    """A request body of a type not read here."""


class RateLimitedError(GatekeeperError, status=429, code="rate_limited"):
    """Too many calls; try again after ``retry_after`` seconds."""


class InternalError(GatekeeperError, status=500, code="internal"):
    """A defect of Gatekeeper: please report it."""


class ServiceUnavailableError(GatekeeperError, status=503, code="service_unavailable"):
    """The store or the counters cannot be reached: nothing was allowed."""


class ConnectionFailedError(GatekeeperError, status=0, code="connection_error"):
    """There was no HTTP answer: the server could not be reached."""


class RequestTimeoutError(GatekeeperError, status=0, code="timeout"):
    """There was no HTTP answer in time."""


class Rejected(Exception):  # noqa: N818 - not an error: the key manager's answer on its way to the façade
    """Private: what the key manager answers with ``success`` false."""

    def __init__(self, error: KeyManagerError, reason: str) -> None:
        super().__init__(error, reason)
        self.error = error
        self.reason = reason


def _rebuilt(cls: type[GatekeeperError], message: str) -> GatekeeperError:
    # A subclass may take other arguments; its state follows.
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
    """Make the exception for an error of the engine; called by the native module."""
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
