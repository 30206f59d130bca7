"""The core for synchronous code: a database or server, and the credential to use there."""

from __future__ import annotations

import json
import os
import warnings
from typing import TYPE_CHECKING, Any, Literal, Self

from gatekeeper import _native, _requests
from gatekeeper._core_options import checked_token, http_options, is_unicode
from gatekeeper._core_services import CoreServices
from gatekeeper.errors import BadRequestError
from gatekeeper.models import MfaChallenge

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from types import TracebackType

    from typing_extensions import TypeIs

    from gatekeeper._core_options import Clock
    from gatekeeper._limits import Endpoint
    from gatekeeper.models import LoginAnswer


class _Base:
    """The base class of both cores: the options, the credential and the client address."""

    __slots__ = ("_client_address", "_closed", "_native")

    def __init__(
        self,
        base_url: str = "sqlite:gatekeeper.db",
        *,
        token: str | None = None,
        timeout: float = 10.0,
        max_retries: int = 2,
        default_headers: Mapping[str, str] | None = None,
        user_agent: str | None = None,
        endpoints: Mapping[str, Endpoint] | None = None,
        secret: str | None = None,
        previous_secret: str | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        token_audiences: Collection[str] | None = None,
        refresh_grace_ms: int | None = None,
        signing_algorithm: Literal["EdDSA", "RS256"] | None = None,
        session_days: int | None = None,
        sessions_per_user: int | None = None,
        usage_retention_days: int | None = None,
        signups_per_minute: int | None = None,
        refreshes_per_minute: int | None = None,
        wrong_keys_per_minute: int | None = None,
        wrong_passwords_per_minute: int | None = None,
        key_imports: Literal["root", "members"] | None = None,
        import_suffixes_per_tenant: int | None = None,
        import_suffixes: int | None = None,
        create: bool = True,
        clock: Clock = "system",
        operator: bool = False,
        cache_keys: int | None = None,
        cache_unknown_keys: int | None = None,
    ) -> None:
        """Make a core. The database is opened on first use.

        Args:
            base_url: The database or server: ``sqlite:PATH`` or a plain path, created on first use; ``memory:``, a new
                database for each core; or the ``http://`` or ``https://`` URL of a server.
            token: A user's access token, an API key or a root key. It is validated at each call.
            timeout: Seconds that a call over HTTP may take, retries included; more than 0.
            max_retries: How often a call over HTTP is retried where that is safe, 0 to 10.
            default_headers: Headers of every request over HTTP.
            user_agent: The ``User-Agent`` header of requests over HTTP.
            endpoints: The limits of each endpoint by name, for ``KeysService.verify``; see :class:`Endpoint`. Only for
                an embedded database, as all options below except the cache sizes: a server has its own settings, and
                the options are rejected with its URL.
            secret: The secret that encrypts the signing keys: at least 16 bytes, the same in every process. Defaults to
                ``GATEKEEPER_SECRET``. Without either, a secret file is created next to the database, with a warning.
            previous_secret: The former secret, for as long as it takes to change it. What it encrypted is still
                readable, and is encrypted again with ``secret``. Defaults to ``GATEKEEPER_SECRET_PREVIOUS``.
            issuer: The ``iss`` claim of access tokens. Defaults to ``gatekeeper``.
            audience: The ``aud`` claim of access tokens. Defaults to ``gatekeeper``.
            token_audiences: The audiences that ``KeysService.token`` accepts besides ``audience``. Defaults to none.
            refresh_grace_ms: For how many milliseconds a repeated exchange of the same refresh token returns the same
                new token. 0 turns this off. Defaults to 10,000.
            signing_algorithm: The algorithm that signs tokens; RS256 uses 3072 bits. Defaults to ``EdDSA``.
            session_days: The longest lifetime of a session in days, 1 to 3,650, however often its tokens are refreshed.
                Defaults to 90.
            sessions_per_user: How many sessions a user may have at once, 1 to 10,000. One more login ends the session
                that was unused for the longest time. Defaults to 100.
            usage_retention_days: For how many days single usage events are kept, 1 to 36,500. Older events are deleted
                with their idempotency keys when new ones are recorded; totals are kept. Defaults to None: for ever.
            signups_per_minute: How many accounts one client address may create in a minute; see
                :meth:`with_client_address`. Defaults to 20.
            refreshes_per_minute: How many refresh tokens one client address may exchange in a minute. Defaults to 60.
            wrong_keys_per_minute: How many unknown keys one client address may present in a minute, unless it has
                presented a valid root key before. Defaults to 60.
            wrong_passwords_per_minute: How many failed password checks one client address may cause in a minute, over
                all accounts. For an account, the addresses that it has logged in from are exempt. Defaults to 30.
            key_imports: Who may import keys of another product. ``"root"``: root keys and the operator. ``"members"``:
                also members and API keys with ``keys:write``. Defaults to ``"root"``.
            import_suffixes_per_tenant: How many different suffixes the imported keys of one tenant may have, 1 to 64.
                Defaults to 2.
            import_suffixes: How many different suffixes the imported keys of all tenants may have, 1 to 64. Defaults
                to 8.
            create: Whether to create a database file that does not exist. With ``False``, every call raises
                :class:`~gatekeeper.ServiceUnavailableError` until the file exists.
            clock: ``"manual"`` stands still until ``advance(ms)`` moves it; for tests on ``memory:``.
            operator: Act as the operator, who may do everything. Only with an embedded database, and without a token.
            cache_keys: How many keys are cached. Defaults to 1,000,000.
            cache_unknown_keys: How many unknown keys are cached. Defaults to 100,000.

        Raises:
            GatekeeperError: 400 for a wrong URL or option.
        """
        over_http = http_options(timeout, max_retries, default_headers, user_agent)
        if not isinstance(base_url, str) or not is_unicode(base_url):
            raise BadRequestError("base_url must be a string")
        if not isinstance(operator, bool):
            raise BadRequestError("operator must be True or False")
        if operator and token is not None:
            raise BadRequestError("operator and token exclude each other: leave one of them out")
        if not isinstance(create, bool):
            raise BadRequestError("create must be True or False")
        values = {
            "create": create,
            "secret": secret,
            "previousSecret": previous_secret,
            "issuer": issuer,
            "audience": audience,
            "tokenAudiences": token_audiences,
            "refreshGraceMs": refresh_grace_ms,
            "signingAlgorithm": signing_algorithm,
            "sessionDays": session_days,
            "sessionsPerUser": sessions_per_user,
            "usageRetentionDays": usage_retention_days,
            "signupsPerMinute": signups_per_minute,
            "refreshesPerMinute": refreshes_per_minute,
            "wrongKeysPerMinute": wrong_keys_per_minute,
            "wrongPasswordsPerMinute": wrong_passwords_per_minute,
            "keyImports": key_imports,
            "importSuffixesPerTenant": import_suffixes_per_tenant,
            "importSuffixes": import_suffixes,
            "clock": clock,
            "cacheKeys": cache_keys,
            "cacheUnknownKeys": cache_unknown_keys,
        }
        try:
            options = json.loads(_requests.options_json(values))
        except _requests.InvalidArgument as problem:
            raise BadRequestError(str(problem)) from None
        if endpoints is not None:
            options["endpoints"] = json.loads(_requests.endpoints_json(endpoints))
        options.update(over_http)
        self._closed = False
        self._client_address: str | None = None
        native = _native.Core(base_url, json.dumps(options))
        self._native = native.with_credential(checked_token(token), operator, None)

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Make a core from the environment: ``GATEKEEPER_URL`` and ``GATEKEEPER_TOKEN``.

        If ``GATEKEEPER_URL`` is not set, its former name ``GATEKEEPER_BASE_URL`` is read. If neither is set, the core
        uses the default database.

        Args:
            options: Further arguments of the class. They take precedence over the environment.
        """
        base_url = os.environ.get("GATEKEEPER_URL") or os.environ.get("GATEKEEPER_BASE_URL")
        if base_url:
            options.setdefault("base_url", base_url)
        token = os.environ.get("GATEKEEPER_TOKEN")
        if token and not options.get("operator"):
            options.setdefault("token", token)
        return cls(**options)

    def set_token(self, token: str | None) -> None:
        """Set the token of all further calls; None clears it.

        Args:
            token: A user's access token, an API key or a root key; None for anonymous calls.
        """
        self._native = self._native.with_credential(checked_token(token), False, self._client_address)

    def with_token(self, token: str | None) -> Self:
        """Return another core for the same database or server, with another token. This core keeps its own.

        Args:
            token: A user's access token, an API key or a root key; None for anonymous calls.
        """
        return self._copy(checked_token(token), self._client_address)

    def with_client_address(self, client_address: str, *, token: str | None = None) -> Self:
        """Return another core for the same database, for requests that come from the client at `client_address`.

        Failed logins and unknown keys are counted per client address. An IPv6 network of 64 bits counts as one address.
        Without a client address, login throttling is off.

        Args:
            client_address: The IP address of the client.
            token: A user's access token, an API key or a root key. Defaults to none: anonymous.
        """
        if not isinstance(client_address, str) or not is_unicode(client_address):
            raise BadRequestError("client_address must be a string")
        return self._copy(checked_token(token), client_address)

    def with_source(self, source: str, *, token: str | None = None) -> Self:
        """Call :meth:`with_client_address`. Deprecated: this is its former name.

        Args:
            source: The IP address of the client.
            token: A user's access token, an API key or a root key. Defaults to none: anonymous.
        """
        warnings.warn("with_source is now with_client_address", DeprecationWarning, stacklevel=2)
        return self.with_client_address(source, token=token)

    def _copy(self, token: str | None, client_address: str | None) -> Self:
        other = object.__new__(type(self))
        other._native = self._native.with_credential(token, False, client_address)
        other._closed, other._client_address = self._closed, client_address
        return other

    def advance(self, ms: int) -> None:
        """Move the clock of a core made with ``clock="manual"`` forward.

        Args:
            ms: Milliseconds, 0 or more.
        """
        if isinstance(ms, bool) or not isinstance(ms, int) or not 0 <= ms < 2**53:
            raise BadRequestError(f"ms must be a whole number of milliseconds from 0 to {2**53 - 1}")
        self._native.advance(ms)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'closed' if self._closed else 'open'})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a core cannot be pickled: make one in each process")

    def _open(self) -> _native.Core:
        if self._closed:
            raise BadRequestError("this core is closed: make another")
        return self._native

    def _with_warning(self, answer: str) -> str:
        """Return `answer`, after a warning for the operator if there is one."""
        _emit_warning(self._native)
        return answer


class GatekeeperCore(_Base, CoreServices):
    """A database or server, and the credential to use there. The services call through it; threads may share it.

    A core without a token is anonymous: it may sign up and log in. Each service is an attribute of the core:
    ``core.auth`` is ``AuthService(core)``. Used as a context manager, the core is closed at the end of the block.

    Example:
        >>> from gatekeeper import GatekeeperCore
        >>> with GatekeeperCore("memory:") as core:
        ...     tokens = core.auth.signup("founder@example.com", "hunter2pass", name="Founder")
        ...     core.set_token(tokens.access_token)
        ...     tenant = core.tenants.create("Acme Inc")
        >>> tenant.name, tenant.role, tokens["user"].email
        ('Acme Inc', 'owner', 'founder@example.com')
    """

    __slots__ = ()

    def jwks(self) -> dict[str, Any]:
        """Return the public keys that verify access tokens, as a JWK Set (RFC 7517 §5)."""
        keys: dict[str, Any] = json.loads(self._with_warning(self._open().jwks()))
        return keys

    def close(self) -> None:
        """Close the core: further calls raise. Closing it again does nothing."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        self.close()
        return False

    def _call(self, name: str, request: Mapping[str, object]) -> Any:
        """Run the operation `name` and return its output as plain JSON values."""
        native = self._open()
        return json.loads(self._with_warning(native.call(name, _request_json(request))))


def is_mfa_challenge(answer: LoginAnswer) -> TypeIs[MfaChallenge]:
    """Whether a login needs a second factor before it returns tokens.

    Args:
        answer: The result of ``AuthService.login``.

    Example:
        >>> from gatekeeper import AuthService, GatekeeperCore, is_mfa_challenge
        >>> auth = AuthService(GatekeeperCore("memory:"))
        >>> _ = auth.signup("founder@example.com", "hunter2pass")
        >>> answer = auth.login("founder@example.com", "hunter2pass")
        >>> if not is_mfa_challenge(answer):
        ...     print(answer.expires_in)
        900
    """
    return isinstance(answer, MfaChallenge)


def _request_json(request: Mapping[str, object]) -> str:
    try:
        return _requests.request_json(request)
    except _requests.InvalidArgument as problem:
        raise BadRequestError(str(problem)) from None


def _emit_warning(native: _native.Core) -> None:
    warning = native.take_warning()
    if warning is not None:
        # The stack level is that of the code that calls the service.
        warnings.warn(warning, UserWarning, stacklevel=5)
