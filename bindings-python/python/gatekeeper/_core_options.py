"""Checks of a core's options that the engine does not make."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal

from gatekeeper.errors import BadRequestError

Clock = Literal["system", "manual"]
"""The clock: the machine's, or one that a test moves with ``advance(ms)``."""

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header name (RFC 9110 §5.1)."""


def checked_token(token: object) -> str | None:
    """The token as text, or None for anonymous calls."""
    if token is None:
        return None
    if not isinstance(token, str):
        raise BadRequestError("token must be a string or None")
    # Text that is not Unicode cannot be a token. The engine rejects the empty string at each call.
    return token if is_unicode(token) else ""


def is_unicode(text: str) -> bool:
    """Whether `text` has no lone surrogate."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


_MAX_RETRIES = 10


def http_options(
    timeout: object, max_retries: object, default_headers: object, user_agent: object
) -> dict[str, object]:
    """Check the options for HTTP. An embedded database accepts them too, so that a program can change only the URL."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
        raise BadRequestError("timeout must be a number of seconds that is more than 0")
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or not 0 <= max_retries <= _MAX_RETRIES:
        raise BadRequestError(f"max_retries must be a whole number from 0 to {_MAX_RETRIES}")
    if default_headers is not None:
        if not isinstance(default_headers, Mapping):
            raise BadRequestError("default_headers must be a mapping of strings by name")
        for name, value in default_headers.items():
            if not isinstance(name, str) or not _HEADER.fullmatch(name):
                raise BadRequestError("default_headers: each name must be a valid header name")
            _check_header_value(f"default_headers.{name}", value)
    if user_agent is not None:
        _check_header_value("user_agent", user_agent)
    return {
        "timeout": timeout * 1000,
        "maxRetries": max_retries,
        "defaultHeaders": dict(default_headers or {}),
        "userAgent": user_agent,
    }


def _check_header_value(field: str, value: object) -> None:
    if not isinstance(value, str) or not value.isprintable() or not value.isascii():
        raise BadRequestError(f"{field} must be a string of printable ASCII")
