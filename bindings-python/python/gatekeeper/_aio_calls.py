"""Awaits native calls under asyncio and trio. A result wakes the event loop; no Python thread waits for it."""

from __future__ import annotations

import os
import sys
from asyncio import get_running_loop
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec
from weakref import WeakKeyDictionary

from gatekeeper import _native

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable

_Arguments = ParamSpec("_Arguments")


class _PendingCalls:
    """The pending calls of one event loop: their futures by ticket, and the queue that receives their results."""

    __slots__ = ("__weakref__", "_futures", "_tickets", "completion_queue")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.completion_queue = _native.CompletionQueue()
        self._tickets = count()
        self._futures: dict[int, Future[Any]] = {}
        loop.add_reader(self.completion_queue.fileno(), self._complete)

    def add(self, future: Future[Any]) -> int:
        """Register `future` and return the ticket of its result."""
        ticket = next(self._tickets)
        self._futures[ticket] = future
        return ticket

    def discard(self, ticket: int) -> None:
        self._futures.pop(ticket, None)

    def _complete(self) -> None:
        for ticket, result, error in self.completion_queue.collect():
            future = self._futures.pop(ticket, None)
            if future is None or future.done():
                # The caller was cancelled.
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


_pending: WeakKeyDictionary[AbstractEventLoop, _PendingCalls] = WeakKeyDictionary()
_lock = Lock()


def _pending_of(loop: AbstractEventLoop) -> _PendingCalls:
    with _lock:
        pending = _pending.get(loop)
        if pending is None:
            # Other code may still reference a closed loop. The sockets of its queue are released here.
            for closed in [known for known in _pending if known.is_closed()]:
                del _pending[closed]
            pending = _pending[loop] = _PendingCalls(loop)
        return pending


def _reset_after_fork() -> None:
    """Drop all pending calls in a forked child: no event loop of the parent runs there."""
    global _lock, _pending
    _lock, _pending = Lock(), WeakKeyDictionary()


os.register_at_fork(after_in_child=_reset_after_fork)


async def call(
    start: Callable[Concatenate[_native.CompletionQueue, int, _Arguments], _native.Call],
    *arguments: _Arguments.args,
    **named: _Arguments.kwargs,
) -> Any:
    """Start a native call and await its result. If the awaiting task is cancelled, the call is aborted."""
    if _is_trio():
        return await _call_in_trio(start, *arguments, **named)
    loop = _asyncio_loop()
    pending, future = _pending_of(loop), loop.create_future()
    ticket = pending.add(future)
    try:
        started = start(pending.completion_queue, ticket, *arguments, **named)
    except BaseException:
        pending.discard(ticket)
        raise
    try:
        return await future
    finally:
        if future.cancelled():
            pending.discard(ticket)
            started.abort()
        # An error that is raised here references this frame. Without these names there is no reference cycle.
        del future, pending


def _is_trio() -> bool:
    """Whether the current task runs under trio, as sniffio reports it."""
    sniffio = sys.modules.get("sniffio")
    if sniffio is None:
        return False
    try:
        library: str = sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return False
    return library == "trio"


def _asyncio_loop() -> AbstractEventLoop:
    try:
        return get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "gatekeeper.aio needs a running asyncio or trio event loop: elsewhere, use the blocking calls of gatekeeper"
        ) from None


async def _call_in_trio(
    start: Callable[Concatenate[_native.CompletionQueue, int, _Arguments], _native.Call],
    *arguments: _Arguments.args,
    **named: _Arguments.kwargs,
) -> Any:
    """Start a native call and await its result under trio, where each call has its own queue: readers do not last."""
    completion_queue = _native.CompletionQueue()
    started = start(completion_queue, 0, *arguments, **named)
    try:
        await sys.modules["trio"].lowlevel.wait_readable(completion_queue.fileno())
    except BaseException:
        started.abort()
        raise
    [(_, result, error)] = completion_queue.collect()
    if error is None:
        return result
    try:
        raise error
    finally:
        # The error references this frame. Without the name there is no reference cycle.
        del error
