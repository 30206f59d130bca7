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
    "_run_vector",
]

__version__: str

@final
class Core:
    """A place, and for whom it is used. The native half of `gatekeeper.GatekeeperCore`."""
    def __new__(cls, url: str, options: str) -> Self: ...
    def acting(self, token: str | None, operator: bool, client_address: str | None) -> Core:
        """The same database, called with a token, by the operator or anonymously; on behalf of a client address."""
    def call(self, name: str, request: str) -> str:
        """Run the operation `name` on a request in JSON; the answer is JSON."""
    def call_later(self, completion_queue: CompletionQueue, ticket: int, name: str, request: str) -> Call:
        """The same, whose answer is left in `completion_queue` under `ticket`."""
    def jwks(self) -> str:
        """The public keys of access tokens, as a JWK Set in JSON."""
    def jwks_later(self, completion_queue: CompletionQueue, ticket: int) -> Call:
        """The same, whose answer is left in `completion_queue` under `ticket`."""
    def take_warning(self) -> str | None:
        """What whoever runs the place should be told; each warning is given once."""
    def advance(self, ms: int) -> None:
        """Move the time of a place made with a manual clock."""

@final
class CompletionQueue:
    """Where the answers of one event loop are left. Private."""
    def __new__(cls) -> Self: ...
    def fileno(self) -> int:
        """What is readable when there are answers to collect."""
    def collect(self) -> list[tuple[int, Any, BaseException | None]]:
        """The answers there are: for each its ticket, and what it gives or raises, the other of which is None."""

@final
class Call:
    """A call under way, which can be given up. Private."""
    def abort(self) -> None:
        """Give the call up, if it has not ended: a request to a server is broken off, and what waits for the disk is
        not begun, unless it has.
        """

@disjoint_base
class KeyManager:
    """A place, its endpoints, and for whom they are used. The native base of `gatekeeper.KeyManager`."""
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
        """Judge a user's key, choose its limit by its roles, and take one permit.

        Args:
            user_api_key: The key as the user sent it. Anything that is not an active key is merely not valid: an empty
                string too, and None, for a request without a key.
            endpoint_name: One of the endpoints given to `init_key_manager`.
            variables: A list or tuple of strings that are counted apart, in their order: at most 1,000, 8 KiB of
                UTF-8 together. Defaults to none.

        Returns:
            A `VerifyResult`. Process the request if its `ok` is true.

        Raises:
            GatekeeperError: No answer could be reached: 503 where the database cannot be used.

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
        """Move the time of a key manager made with `clock="manual"`.

        Args:
            ms: Milliseconds, 0 or more.

        Raises:
            GatekeeperError: 400 where the clock is the system's, or `ms` is not such a number.

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
    """What `verify_user_api_key` says: frozen, with attributes in snake_case and an index by wire name.

    A field that a result does not have reads as None by attribute (`ok` and `key_valid` as False), and raises KeyError
    by wire name. `dict(res)` has the fields that are there.

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
        """Whether an answer on the key was reached; if not, `error` and `reason` say why."""
    @property
    def key_valid(self) -> bool:
        """Whether the key is good, with room left or without."""
    @property
    def ok(self) -> bool:
        """Whether the request may be processed."""
    @property
    def remaining(self) -> int | None:
        """How many calls are left in the window after this one."""
    @property
    def total(self) -> int | None:
        """The limit that applies: calls in a window."""
    @property
    def reset(self) -> int | None:
        """Unix seconds, rounded up: after a denial when this request would pass, otherwise when the oldest call leaves
        the window.
        """
    @property
    def retry_after_ms(self) -> int | None:
        """The exact wait after a denial, in milliseconds; 0 when admitted."""
    @property
    def key_id(self) -> str | None:
        """The key's id, as `create_user_api_key` gave it."""
    @property
    def owner_id(self) -> str | None:
        """Whose key it is, as given when it was created; None also where nobody was named."""
    @property
    def roles(self) -> tuple[str, ...] | None:
        """The key's roles, sorted by bytes."""
    @property
    def role(self) -> str | None:
        """The role that chose the limit; None also where the default applies."""
    @property
    def error(self) -> KeyManagerError | None:
        """Which of the documented errors, such as `"invalidBody"`."""
    @property
    def reason(self) -> str | None:
        """What to change, for the developer."""
    def keys(self) -> tuple[str, ...]:
        """The wire names of the fields that are there."""
    @overload
    def __getitem__(self, name: Literal["success", "keyValid", "ok"], /) -> bool: ...
    @overload
    def __getitem__(self, name: Literal["remaining", "total", "reset", "retryAfterMs"], /) -> int: ...
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
def _run_vector(case: str) -> str: ...
def _error_table() -> list[tuple[int, str, str | None]]: ...
