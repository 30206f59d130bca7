"""API keys verified in your own process: is this key valid, which limit applies to its roles, is there room left.

Example:
    >>> from gatekeeper import init_key_manager
    >>> keys = init_key_manager(
    ...     url="memory:",  # the default is sqlite:gatekeeper.db
    ...     endpoints={
    ...         "GET_TASKS": {
    ...             "default": {"maxReq": 10, "duration": 60_000},
    ...             "roles": {"PRO": {"maxReq": 1_000, "duration": 60_000}},
    ...         },
    ...     },
    ... )
    >>> created = keys.create_user_api_key("user", ["PRO"])
    >>> res = keys.verify_user_api_key(created["apiKey"], "GET_TASKS", ["task_id"])
    >>> if res.success and res.ok:
    ...     print("process the request,", res.remaining, "left")
    process the request, 999 left

For code that awaits, :mod:`gatekeeper.aio` has the same names with ``async def``.
"""

from gatekeeper._key_manager import Clock, Endpoint, KeyManager, Limit, init_key_manager
from gatekeeper._native import __version__
from gatekeeper.errors import (
    BadRequestError,
    ConflictError,
    ConnectionFailedError,
    ForbiddenError,
    GatekeeperError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    PlanLimitError,
    RateLimitedError,
    RequestTimeoutError,
    ServiceUnavailableError,
    UnauthorizedError,
    UnsupportedMediaTypeError,
)
from gatekeeper.results import (
    CreateResult,
    DeleteResult,
    KeyManagerError,
    RolesResult,
    RotateResult,
    VerifyResult,
)

__all__ = [
    "BadRequestError",
    "Clock",
    "ConflictError",
    "ConnectionFailedError",
    "CreateResult",
    "DeleteResult",
    "Endpoint",
    "ForbiddenError",
    "GatekeeperError",
    "InternalError",
    "KeyManager",
    "KeyManagerError",
    "Limit",
    "MethodNotAllowedError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PlanLimitError",
    "RateLimitedError",
    "RequestTimeoutError",
    "RolesResult",
    "RotateResult",
    "ServiceUnavailableError",
    "UnauthorizedError",
    "UnsupportedMediaTypeError",
    "VerifyResult",
    "__version__",
    "init_key_manager",
]
