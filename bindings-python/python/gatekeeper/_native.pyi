from collections.abc import Collection, Iterator
from typing import Any, ClassVar, Literal, NoReturn, Self, final, overload

from typing_extensions import disjoint_base

from gatekeeper.models import VerdictCode
from gatekeeper.results import InvalidKey, VerifyFailure

__all__ = [
    "Call",
    "CompletionQueue",
    "Core",
    "KeyManager",
    "Model",
    "PendingResult",
    "ValidKey",
    "__version__",
    "_cli",
    "_error_table",
    "_limit",
    "_run_vector",
]

__version__: str

@final
class Core:
    """A database or server, and the credential to use there. The native half of `gatekeeper.GatekeeperCore`."""
    def __new__(
        cls, url: str, options: str, *, cache_keys: int = ..., cache_unknown_keys: int = ..., clock: str = ...
    ) -> Self: ...
    def with_credential(self, token: str | None, operator: bool, client_address: str | None) -> Core:
        """A core for the same database or server with a token, as the operator, or anonymous; for requests from
        `client_address`.
        """
    def call(self, name: str, request: str) -> str:
        """Run the operation `name` with a request in JSON and return its output in JSON."""
    def call_later(self, completion_queue: CompletionQueue, ticket: int, name: str, request: str) -> Call:
        """Start `call`. Its result is pushed to `completion_queue` under `ticket`."""
    def jwks(self) -> str:
        """The public keys that verify access tokens, as a JWK Set in JSON."""
    def jwks_later(self, completion_queue: CompletionQueue, ticket: int) -> Call:
        """Start `jwks`. Its result is pushed to `completion_queue` under `ticket`."""
    def take_warning(self) -> str | None:
        """The next warning for the operator. Each warning is returned once."""
    def advance(self, ms: int) -> None:
        """Move a manual clock forward."""

@final
class CompletionQueue:
    """The results of one event loop's calls. Private."""
    def __new__(cls) -> Self: ...
    def fileno(self) -> int:
        """The file descriptor that is readable when there are results to collect."""
    def collect(self) -> list[tuple[int, Any, BaseException | None]]:
        """The results since the last call: for each, its ticket, its value and its exception, one of which is None."""

@final
class Call:
    """A call that has been started and can be aborted. Private."""
    def abort(self) -> None:
        """Abort the call if it has not finished. A request to a server is cancelled; an operation on an embedded
        database is skipped unless it has started.
        """

@disjoint_base
class KeyManager:
    """A database or server, the credential to use there, and endpoints. The native base of `gatekeeper.KeyManager`."""
    def __new__(cls, endpoints: str, core: Core, root_api_key: str | None, tenants: str | None) -> Self: ...
    def verify_user_api_key(
        self,
        user_api_key: str | None,
        endpoint_name: str,
        variables: list[str] | tuple[str, ...] = (),
        *,
        scopes: Collection[str] = (),
        cost: int = 1,
        client_address: str | None = None,
    ) -> ValidKey | InvalidKey | VerifyFailure:
        """Verify a user's key, select the limit by its roles, and count the request against it.

        Args:
            user_api_key: The key as the user sent it; None for a request without a key. Anything that is not an active
                key is reported as not valid.
            endpoint_name: One of the endpoints given to `init_key_manager`.
            variables: A list or tuple of strings, such as the id of a task. Each distinct list has a window of its own:
                never pass unchecked client input. At most 1,000, with 8 KiB of UTF-8 in total. Defaults to none.
            scopes: The scopes that the key must have, such as `"tasks:read"`, which `tasks:*` covers: at most 100, in a
                list, tuple or set. Without one of them, `ok` is false, `code` is `"insufficient_scope"`, and nothing is
                counted. Defaults to none.
            cost: How many requests this one counts as, 1 to the `maxReq` of the limit that applies. Defaults to 1.
            client_address: The IP address of the client that sent the key, with or without a port. Defaults to None.

        Returns:
            A `ValidKey`, an `InvalidKey` or a `VerifyFailure`. Process the request if its `ok` is true.

        Raises:
            GatekeeperError: There is no result; status 503 if the database cannot be used.

        Example:
            >>> from gatekeeper import init_key_manager
            >>> keys = init_key_manager(
            ...     url="memory:", endpoints={"GET_TASKS": {"default": {"maxReq": 2, "duration": 60_000}}})
            >>> created = keys.create_user_api_key("user")
            >>> res = keys.verify_user_api_key(created["apiKey"], "GET_TASKS", ["task_1"])
            >>> res.ok, res.remaining, res["total"]
            (True, 1, 2)
            >>> keys.verify_user_api_key(created["apiKey"], "GET_TASKS", scopes=["tasks:read"])["code"]
            'insufficient_scope'
            >>> keys.verify_user_api_key("user_xxx", "GET_TASKS").key_valid
            False
            >>> keys.verify_user_api_key(created["apiKey"], "PUT_TASKS").error
            'invalidBody'
        """
    def advance(self, ms: int) -> None:
        """Move the clock of a key manager made with `clock="manual"` forward.

        Args:
            ms: Milliseconds, 0 or more.

        Raises:
            GatekeeperError: Status 400 if the clock is the system's, or for another `ms`.

        Example:
            >>> from gatekeeper import init_key_manager
            >>> keys = init_key_manager(
            ...     url="memory:", clock="manual", endpoints={"GET": {"default": {"maxReq": 1, "duration": 1_000}}})
            >>> key = keys.create_user_api_key("user")["apiKey"]
            >>> keys.verify_user_api_key(key, "GET").ok, keys.verify_user_api_key(key, "GET").retry_after_ms
            (True, 1000)
            >>> keys.advance(1_000)
            >>> keys.verify_user_api_key(key, "GET").ok
            True
        """
    def _start_verification(
        self,
        user_api_key: str | None,
        endpoint_name: str,
        variables: list[str] | tuple[str, ...],
        scopes: Collection[str],
        cost: int,
        client_address: str | None,
    ) -> ValidKey | InvalidKey | VerifyFailure | PendingResult: ...
    def _call(self, name: str, request: str) -> str: ...
    def _call_later(self, completion_queue: CompletionQueue, ticket: int, name: str, request: str) -> Call: ...
    def _reject(self, reason: str) -> NoReturn: ...
    def _reject_later(self, completion_queue: CompletionQueue, ticket: int, reason: str) -> Call: ...

@final
class PendingResult:
    """A verification that needs I/O. Private."""
    def later(self, completion_queue: CompletionQueue, ticket: int) -> Call:
        """Start what is left of the verification, once. Its result is pushed to `completion_queue` under `ticket`."""

class Model:
    """A result: frozen, with attributes in snake_case and an index by wire name. `dict(result)` has its fields."""

    _wire: ClassVar[dict[str, str]]
    _secret: ClassVar[frozenset[str]]
    def __new__(cls, *_values: object, **_fields: object) -> Self: ...
    def keys(self) -> tuple[str, ...]:
        """The wire names of the fields."""
    def __getitem__(self, name: str, /) -> Any: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...

@final
class ValidKey(Model):
    """A valid key, within its limit or not. Process the request if `ok` is true; otherwise `code` says why not.

    It is frozen, with attributes in snake_case and an index by wire name. `error` and `reason`, which a valid key does
    not have, are None as attributes and raise KeyError by wire name. Each read of `metadata` returns a new dict.

    Example:
        >>> from gatekeeper import ValidKey, init_key_manager
        >>> keys = init_key_manager(url="memory:", endpoints={"GET": {"default": "9/minute"}})
        >>> created = keys.create_user_api_key("user", ["PRO"], name="Acme", metadata={"plan": "pro"})
        >>> res = keys.verify_user_api_key(created["apiKey"], "GET")
        >>> isinstance(res, ValidKey), res.ok, res["remaining"], res.code
        (True, True, 8, 'valid')
        >>> res.name, res.roles, res.role, res.metadata
        ('Acme', ('PRO',), None, {'plan': 'pro'})
    """

    error: ClassVar[None]
    reason: ClassVar[None]
    @property
    def success(self) -> Literal[True]:
        """True: the key was checked."""
    @property
    def key_valid(self) -> Literal[True]:
        """True: the key is valid, within its limit or not."""
    @property
    def ok(self) -> bool:
        """Whether to process the request: the key has the scopes and is within its limit. The request was counted."""
    @property
    def code(self) -> VerdictCode:
        """The reason of `ok`, such as `"rate_limited"`."""
    @property
    def remaining(self) -> int:
        """How many requests are left in the window after this one."""
    @property
    def total(self) -> int:
        """The limit that applies, in requests per window; 0 if a scope is missing, because no window was asked then."""
    @property
    def reset(self) -> int:
        """A Unix time in seconds, rounded up: when the oldest request leaves the window, or after a denial, when the
        request would be admitted.
        """
    @property
    def retry_after_ms(self) -> int:
        """The exact time to wait after a denial, in milliseconds; 0 if the request was admitted."""
    @property
    def window_ms(self) -> int:
        """The duration of the window, in milliseconds."""
    @property
    def reset_after_ms(self) -> int:
        """The exact time until `reset`, in milliseconds."""
    @property
    def key_id(self) -> str:
        """The key's id, as `create_user_api_key` returned it."""
    @property
    def tenant_id(self) -> str:
        """The id of the key's tenant."""
    @property
    def owner_id(self) -> str | None:
        """The key's owner, as given when the key was created; None for a key without an owner."""
    @property
    def name(self) -> str | None:
        """The key's name; None for a key without a name."""
    @property
    def roles(self) -> tuple[str, ...]:
        """The key's roles, sorted by bytes."""
    @property
    def role(self) -> str | None:
        """The role whose limit applies; None if the default limit applies."""
    @property
    def scopes(self) -> tuple[str, ...]:
        """The key's scopes, sorted by bytes."""
    @property
    def metadata(self) -> dict[str, Any] | None:
        """The key's metadata, a new dict each time; None for a key without metadata."""
    @overload
    def __getitem__(self, name: Literal["success", "keyValid"], /) -> Literal[True]: ...
    @overload
    def __getitem__(self, name: Literal["ok"], /) -> bool: ...
    @overload
    def __getitem__(self, name: Literal["code"], /) -> VerdictCode: ...
    @overload
    def __getitem__(
        self, name: Literal["remaining", "total", "reset", "retryAfterMs", "windowMs", "resetAfterMs"], /
    ) -> int: ...
    @overload
    def __getitem__(self, name: Literal["keyId", "tenantId"], /) -> str: ...
    @overload
    def __getitem__(self, name: Literal["ownerId", "name", "role"], /) -> str | None: ...
    @overload
    def __getitem__(self, name: Literal["roles", "scopes"], /) -> tuple[str, ...]: ...
    @overload
    def __getitem__(self, name: Literal["metadata"], /) -> dict[str, Any] | None: ...
    @overload
    def __getitem__(self, name: Literal["error", "reason"], /) -> NoReturn: ...
    @overload
    def __getitem__(self, name: str, /) -> Any: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    @staticmethod
    def _unpickle(values: dict[str, Any]) -> ValidKey: ...

def _cli(arguments: list[str]) -> int: ...
def _limit(limit: object, duration_ms: object = None) -> tuple[int, int]: ...
def _run_vector(case: str) -> str: ...
def _error_table() -> list[tuple[int, str, str | None]]: ...
