"""Verify API keys and enforce rate limits inside your process.

One call tells you whether a key is valid, who owns it, and whether it is still within its limit.

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

Accounts, tenants, keys and usage are services of a :class:`GatekeeperCore`, which holds the database or server and the
credential to use there. ``core.auth`` is the same as ``AuthService(core)``.

Example:
    >>> from gatekeeper import GatekeeperCore
    >>> core = GatekeeperCore("memory:")
    >>> tokens = core.auth.signup("founder@example.com", "hunter2pass", name="Founder")
    >>> core.set_token(tokens.access_token)
    >>> core.tenants.create("Acme Inc").role
    'owner'

For asynchronous code, :mod:`gatekeeper.aio` has the same names with ``async def``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from gatekeeper import _services, models
from gatekeeper._core import GatekeeperCore, is_mfa_challenge
from gatekeeper._core_options import Clock
from gatekeeper._key_manager import KeyManager, init_key_manager
from gatekeeper._limits import Endpoint, Limit, LimitDict
from gatekeeper._native import __version__
from gatekeeper._requests import UNSET, Unset
from gatekeeper._services import *  # noqa: F403 - the generated module lists them
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
from gatekeeper.models import *  # noqa: F403
from gatekeeper.results import (
    CreateResult,
    DeleteResult,
    InvalidKey,
    KeyCreated,
    KeyDeleted,
    KeyManagerError,
    KeyManagerFailure,
    KeyRotated,
    RolesChanged,
    RolesResult,
    RotateResult,
    ValidKey,
    VerifyFailure,
    VerifyResult,
)

if TYPE_CHECKING:
    from gatekeeper import aio as aio
else:

    def __getattr__(name):
        """Import :mod:`gatekeeper.aio` on first use, so that synchronous programs do not load it."""
        if name == "aio":
            return import_module("gatekeeper.aio")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "UNSET",
    "BadRequestError",
    "Clock",
    "ConflictError",
    "ConnectionFailedError",
    "CreateResult",
    "DeleteResult",
    "Endpoint",
    "ForbiddenError",
    "GatekeeperCore",
    "GatekeeperError",
    "InternalError",
    "InvalidKey",
    "KeyCreated",
    "KeyDeleted",
    "KeyManager",
    "KeyManagerError",
    "KeyManagerFailure",
    "KeyRotated",
    "Limit",
    "LimitDict",
    "MethodNotAllowedError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PlanLimitError",
    "RateLimitedError",
    "RequestTimeoutError",
    "RolesChanged",
    "RolesResult",
    "RotateResult",
    "ServiceUnavailableError",
    "UnauthorizedError",
    "Unset",
    "UnsupportedMediaTypeError",
    "ValidKey",
    "VerifyFailure",
    "VerifyResult",
    "__version__",
    "init_key_manager",
    "is_mfa_challenge",
]
__all__ += _services.__all__
__all__ += models.__all__
