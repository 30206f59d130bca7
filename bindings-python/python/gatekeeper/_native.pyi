from collections.abc import Iterator
from typing import Any, Literal, NoReturn, Self, final, overload

from typing_extensions import disjoint_base

from gatekeeper.results import KeyManagerError

__all__ = [
    "Call",
    "CompletionQueue",
    "Core",
    "KeyManager",
    "VerifyResult",
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
    def __new__(cls, url: str, options: str) -> Self: ...
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
    def __new__(
        cls,
        endpoints: str,
        root_api_key: str | None,
        url: str,
        cache_keys: int,
        cache_unknown_keys: int,
        clock: str,
        http: str,
        tenants: str | None,
    ) -> Self: ...
    def verify_user_api_key(
        self, user_api_key: str | None, endpoint_name: str, variables: list[str] | tuple[str, ...] = ()
    ) -> VerifyResult:
        """Verify a user's key, select the limit by its roles, and count the request against it.

        Args:
            user_api_key: The key as the user sent it; None for a request without a key. Anything that is not an active
                key is reported as not valid.
            endpoint_name: One of the endpoints given to `init_key_manager`.
            variables: A list or tuple of strings, such as the id of a task. Each distinct list has a window of its own:
                never pass unchecked client input. At most 1,000, with 8 KiB of UTF-8 in total. Defaults to none.

        Returns:
            A `VerifyResult`. Process the request if its `ok` is true.

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
    def _try_verify(
        self, user_api_key: str | None, endpoint_name: str, variables: list[str] | tuple[str, ...] | None = None
    ) -> VerifyResult | None: ...
    def _call(self, name: str, request: str) -> str: ...
    def _call_later(self, completion_queue: CompletionQueue, ticket: int, name: str, request: str) -> Call: ...
    def _verify_later(
        self,
        completion_queue: CompletionQueue,
        ticket: int,
        user_api_key: str | None,
        endpoint_name: str,
        variables: list[str] | tuple[str, ...],
    ) -> Call: ...
    def _reject(self, reason: str) -> NoReturn: ...
    def _reject_later(self, completion_queue: CompletionQueue, ticket: int, reason: str) -> Call: ...

@final
class VerifyResult:
    """The result of `verify_user_api_key`: frozen, with attributes in snake_case and an index by wire name.

    A field that a result does not have is None as an attribute (`ok` and `key_valid` are False) and raises KeyError by
    wire name. `dict(res)` has the fields that the result has.

    Example:
        >>> from gatekeeper import init_key_manager
        >>> keys = init_key_manager(url="memory:", endpoints={"GET": {"default": {"maxReq": 9, "duration": 60_000}}})
        >>> res = keys.verify_user_api_key(keys.create_user_api_key("user", ["PRO"])["apiKey"], "GET")
        >>> res.ok, res["retryAfterMs"], res.roles, res.role
        (True, 0, ('PRO',), None)
        >>> dict(keys.verify_user_api_key("", "GET"))
        {'success': True, 'keyValid': False, 'ok': False}
    """
    @property
    def success(self) -> bool:
        """Whether the key was checked; if not, see `error` and `reason`."""
    @property
    def key_valid(self) -> bool:
        """Whether the key is valid, within its limit or not."""
    @property
    def ok(self) -> bool:
        """Whether to process the request: the key is valid and within its limit, and the request was counted."""
    @property
    def remaining(self) -> int | None:
        """How many requests are left in the window after this one."""
    @property
    def total(self) -> int | None:
        """The limit that applies, in requests per window."""
    @property
    def reset(self) -> int | None:
        """A Unix time in seconds, rounded up: when the oldest request leaves the window, or after a denial, when the
        request would be admitted.
        """
    @property
    def retry_after_ms(self) -> int | None:
        """The exact time to wait after a denial, in milliseconds; 0 if the request was admitted."""
    @property
    def window_ms(self) -> int | None:
        """The duration of the window, in milliseconds."""
    @property
    def reset_after_ms(self) -> int | None:
        """The exact time until `reset`, in milliseconds."""
    @property
    def key_id(self) -> str | None:
        """The key's id, as `create_user_api_key` returned it."""
    @property
    def owner_id(self) -> str | None:
        """The key's owner, as given when the key was created; None also for a key without an owner."""
    @property
    def roles(self) -> tuple[str, ...] | None:
        """The key's roles, sorted by bytes."""
    @property
    def role(self) -> str | None:
        """The role whose limit applies; None also if the default limit applies."""
    @property
    def error(self) -> KeyManagerError | None:
        """The error code, such as `"invalidBody"`."""
    @property
    def reason(self) -> str | None:
        """What was wrong and what to do, for the developer."""
    def keys(self) -> tuple[str, ...]:
        """The wire names of the fields that this result has."""
    @overload
    def __getitem__(self, name: Literal["success", "keyValid", "ok"], /) -> bool: ...
    @overload
    def __getitem__(
        self, name: Literal["remaining", "total", "reset", "retryAfterMs", "windowMs", "resetAfterMs"], /
    ) -> int: ...
    @overload
    def __getitem__(self, name: Literal["keyId", "reason"], /) -> str: ...
    @overload
    def __getitem__(self, name: Literal["ownerId", "role"], /) -> str | None: ...
    @overload
    def __getitem__(self, name: Literal["roles"], /) -> tuple[str, ...]: ...
    @overload
    def __getitem__(self, name: Literal["error"], /) -> KeyManagerError: ...
    @overload
    def __getitem__(self, name: str, /) -> Any: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    @staticmethod
    def _unpickle(values: dict[str, Any]) -> VerifyResult: ...

def _cli(arguments: list[str]) -> int: ...
def _limit(limit: object, duration_ms: object = None) -> tuple[int, int]: ...
def _run_vector(case: str) -> str: ...
def _error_table() -> list[tuple[int, str, str | None]]: ...
