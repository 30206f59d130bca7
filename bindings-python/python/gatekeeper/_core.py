"""The core for code that does not await: a place, and for whom it is used."""

from __future__ import annotations

import json
import os
import warnings
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from gatekeeper import _native, _requests
from gatekeeper._core_options import checked_token, http, is_unicode
from gatekeeper.errors import BadRequestError
from gatekeeper.models import MfaChallenge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import TypeIs

    from gatekeeper._key_manager import Clock, Endpoint
    from gatekeeper._model import Page
    from gatekeeper.models import LoginAnswer

_Item = TypeVar("_Item")


class _Base:
    """What both cores have in common."""

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
        """Make a core. Nothing is opened before its first call.

        Args:
            base_url: ``sqlite:PATH`` or a plain path, made at first use; ``memory:``, a place of its own each time; or
                the ``http://`` or ``https://`` URL of a server.
            token: A user's access token, an API key or a root key. It is judged at each call.
            timeout: Seconds that a call over HTTP may take, with all that is tried again; more than 0.
            max_retries: How often a call over HTTP is tried again where that is safe, 0 to 10.
            default_headers: What every call over HTTP carries.
            user_agent: What calls over HTTP are known by.
            endpoints: The limits of each endpoint by its name, for ``KeysService.verify``; see :class:`Endpoint`. A
                server has its own, as it has all that follows but the cache sizes: there they are rejected.
            secret: What seals the signing keys, at least 16 bytes, the same in every process. Defaults to
                ``GATEKEEPER_SECRET``, and without that to a file beside the database, which is made and warned of once.
            previous_secret: The secret before, while it is changed: what it sealed still opens, and is sealed with
                ``secret``. Defaults to ``GATEKEEPER_SECRET_PREVIOUS``.
            issuer: The ``iss`` of access tokens. Defaults to ``gatekeeper``.
            audience: The ``aud`` of access tokens. Defaults to ``gatekeeper``.
            token_audiences: What else the ``aud`` of ``KeysService.token`` may be. Defaults to nothing.
            refresh_grace_ms: For how long the same refresh token gives the same successor, in milliseconds; 0 for
                never. Defaults to 10,000.
            signing_algorithm: What tokens are signed with; RS256 has 3072 bits. Defaults to ``EdDSA``.
            session_days: For how many days, 1 to 3,650, a session lasts at the most, however often it gets new tokens.
                Defaults to 90.
            sessions_per_user: How many sessions a user may have at once, 1 to 10,000: a further login ends the one that
                was not used for the longest time. Defaults to 100.
            usage_retention_days: For how many days, 1 to 36,500, single usage events are kept; older ones go as new
                ones are recorded, and their idempotency keys with them. Sums are kept. Defaults to None: for good.
            signups_per_minute: How many accounts one client address may create in a minute; see
                :meth:`with_client_address`. Defaults to 20.
            refreshes_per_minute: How many refresh tokens one client address may exchange in a minute. Defaults to 60.
            wrong_keys_per_minute: How many unknown keys one client address may present in a minute, unless it has
                presented a valid root key. Defaults to 60.
            wrong_passwords_per_minute: How many passwords one client address may get wrong in a minute, for whatever
                accounts. An address that an account has logged in from is exempt for that account. Defaults to 30.
            key_imports: Who may import keys of another product: ``"root"``, a root key and the operator, or
                ``"members"``, also members and API keys with ``keys:write``. Defaults to ``"root"``.
            import_suffixes_per_tenant: How many different suffixes the imported keys of a tenant may have, 1 to 64.
                Defaults to 2.
            import_suffixes: How many different suffixes the imported keys of all tenants may have, 1 to 64. Defaults
                to 8.
            create: Whether a file that is not there is made. With ``False`` every call raises
                :class:`~gatekeeper.ServiceUnavailableError` until it is there.
            clock: ``"manual"``, for tests on ``memory:``, stands still until ``advance(ms)``.
            operator: Acts as whoever runs the place, who may do everything; not with a token.
            cache_keys: How many keys are remembered. Defaults to 1,000,000.
            cache_unknown_keys: How many keys are remembered to be nobody's. Defaults to 100,000.

        Raises:
            GatekeeperError: 400 for a wrong URL or option.
        """
        over_http = http(timeout, max_retries, default_headers, user_agent)
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
            options = json.loads(_requests.options(values))
        except _requests.Unsendable as problem:
            raise BadRequestError(str(problem)) from None
        if endpoints is not None:
            options["endpoints"] = json.loads(_requests.endpoints(endpoints))
        options.update(over_http)
        self._closed = False
        self._client_address: str | None = None
        self._native = _native.Core(base_url, json.dumps(options)).acting(checked_token(token), operator, None)

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Make a core of ``GATEKEEPER_URL`` and ``GATEKEEPER_TOKEN``; without a URL, of the default database.

        ``GATEKEEPER_BASE_URL``, the former name of ``GATEKEEPER_URL``, is read where the latter is not set.

        Args:
            options: What else the class takes; it comes before the environment.
        """
        base_url = os.environ.get("GATEKEEPER_URL") or os.environ.get("GATEKEEPER_BASE_URL")
        if base_url:
            options.setdefault("base_url", base_url)
        token = os.environ.get("GATEKEEPER_TOKEN")
        if token and not options.get("operator"):
            options.setdefault("token", token)
        return cls(**options)

    def set_token(self, token: str | None) -> None:
        """Act for the bearer of `token` from the next call on; None clears it.

        Args:
            token: A user's access token, an API key or a root key; None for nobody's.
        """
        checked = checked_token(token)
        self._native = self._native.acting(checked, False, self._client_address)

    def with_token(self, token: str | None) -> Self:
        """Another core for the same place, for the bearer of another token; this one stays as it is.

        Args:
            token: A user's access token, an API key or a root key; None for nobody's.
        """
        return self._like(self._native.acting(checked_token(token), False, self._client_address), self._client_address)

    def with_client_address(self, client_address: str, *, token: str | None = None) -> Self:
        """Another core for the same database, for calls on behalf of the client at `client_address`.

        Failed logins and unknown keys are counted per client address. An IPv6 network of 64 bits counts as one address.

        Args:
            client_address: The IP address of the client.
            token: A user's access token, an API key or a root key. Defaults to none: anonymous.
        """
        if not isinstance(client_address, str) or not is_unicode(client_address):
            raise BadRequestError("client_address must be a string")
        return self._like(self._native.acting(checked_token(token), False, client_address), client_address)

    def with_source(self, source: str, *, token: str | None = None) -> Self:
        """Call :meth:`with_client_address`. Deprecated: this is its former name.

        Args:
            source: The IP address of the client.
            token: A user's access token, an API key or a root key. Defaults to none: anonymous.
        """
        warnings.warn("with_source is now with_client_address", DeprecationWarning, stacklevel=2)
        return self.with_client_address(source, token=token)

    def _like(self, native: _native.Core, client_address: str | None) -> Self:
        other = object.__new__(type(self))
        other._closed, other._native, other._client_address = self._closed, native, client_address
        return other

    def advance(self, ms: int) -> None:
        """Move the time of a core made with ``clock="manual"``.

        Args:
            ms: Milliseconds, 0 or more.
        """
        if isinstance(ms, bool) or not isinstance(ms, int) or not 0 <= ms < 2**53:
            raise BadRequestError(f"ms must be a whole number of milliseconds from 0 to {2**53 - 1}")
        self._native.advance(ms)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'closed' if self._closed else 'open'})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a core does not pickle: make one in each process")

    def _open(self) -> _native.Core:
        if self._closed:
            raise BadRequestError("this core is closed: make another")
        return self._native

    def _done(self, answer: str) -> str:
        _warn(self._native)
        return answer


class GatekeeperCore(_Base):
    """A place, and for whom it is used; the services are made of it. Share one among all threads.

    A core without a token is anonymous: it may sign up and log in. As a context manager it is closed at the end.

    Example:
        >>> from gatekeeper import AuthService, GatekeeperCore, TenantsService
        >>> with GatekeeperCore("memory:") as core:
        ...     tokens = AuthService(core).signup("founder@example.com", "hunter2pass", name="Founder")
        ...     core.set_token(tokens.access_token)
        ...     tenant = TenantsService(core).create("Acme Inc")
        >>> tenant.name, tenant.role, tokens["user"].email
        ('Acme Inc', 'owner', 'founder@example.com')
    """

    __slots__ = ()

    def jwks(self) -> dict[str, Any]:
        """Give the public keys of access tokens, as a JWK Set (RFC 7517 §5)."""
        keys: dict[str, Any] = json.loads(self._done(self._open().jwks()))
        return keys

    def close(self) -> None:
        """Close the core: calls raise from now on. Closing twice does nothing."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        self.close()
        return False

    def _call(self, name: str, request: Mapping[str, object]) -> Any:
        """Run the operation `name`; the answer is what JSON has."""
        native = self._open()
        return json.loads(self._done(native.call(name, _written(request))))


class _Service:
    """What the services have in common: the core that they call."""

    __slots__ = ("_core",)

    def __init__(self, core: GatekeeperCore) -> None:
        """Make the service of `core`."""
        if not isinstance(core, GatekeeperCore):
            raise BadRequestError("core must be a gatekeeper.GatekeeperCore")
        self._core = core


def is_mfa_challenge(answer: LoginAnswer) -> TypeIs[MfaChallenge]:
    """Whether a login asks for a second factor instead of giving tokens.

    Args:
        answer: What ``AuthService.login`` gave.

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


def _pages(fetch: Callable[[str | None], Page[_Item]], cursor: str | None) -> Iterator[_Item]:
    """Every item from `cursor` on, fetched page by page."""
    while True:
        page = fetch(cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _written(request: Mapping[str, object]) -> str:
    try:
        return _requests.fields(request)
    except _requests.Unsendable as problem:
        raise BadRequestError(str(problem)) from None


def _warn(native: _native.Core) -> None:
    warning = native.take_warning()
    if warning is not None:
        # Told where the package is called.
        warnings.warn(warning, UserWarning, stacklevel=5)
