"""Calls for code that awaits, under asyncio or trio: an answer wakes the loop, and none of its threads waits for it."""

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


class _Post:
    """Where the answers of one loop arrive, and who waits for them."""

    __slots__ = ("__weakref__", "_tickets", "_waiting", "completion_queue")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.completion_queue = _native.CompletionQueue()
        self._tickets = count()
        self._waiting: dict[int, Future[Any]] = {}
        loop.add_reader(self.completion_queue.fileno(), self._deliver)

    def wait(self, future: Future[Any]) -> int:
        """The ticket under which an answer is to be left for `future`."""
        ticket = next(self._tickets)
        self._waiting[ticket] = future
        return ticket

    def forget(self, ticket: int) -> None:
        self._waiting.pop(ticket, None)

    def _deliver(self) -> None:
        for ticket, answer, error in self.completion_queue.collect():
            future = self._waiting.pop(ticket, None)
            if future is None or future.done():
                # Nobody waits for it any more.
                continue
            if error is None:
                future.set_result(answer)
            else:
                future.set_exception(error)


_posts: WeakKeyDictionary[AbstractEventLoop, _Post] = WeakKeyDictionary()
_lock = Lock()


def _post_of(loop: AbstractEventLoop) -> _Post:
    with _lock:
        post = _posts.get(loop)
        if post is None:
            # A loop that is over may be kept by somebody; its socket need not be.
            for over in [known for known in _posts if known.is_closed()]:
                del _posts[over]
            post = _posts[loop] = _Post(loop)
        return post


def _begin_anew() -> None:
    """After a fork: no loop goes on in the child."""
    global _lock, _posts
    _lock, _posts = Lock(), WeakKeyDictionary()


os.register_at_fork(after_in_child=_begin_anew)


async def answered(
    start: Callable[Concatenate[_native.CompletionQueue, int, _Arguments], _native.Call],
    *arguments: _Arguments.args,
    **named: _Arguments.kwargs,
) -> Any:
    """Start a call and wait for its answer; a caller who is cancelled gives its request up."""
    if _is_trio():
        return await _answered_in_trio(start, *arguments, **named)
    loop = _asyncio_loop()
    post, future = _post_of(loop), loop.create_future()
    ticket = post.wait(future)
    try:
        call = start(post.completion_queue, ticket, *arguments, **named)
    except BaseException:
        post.forget(ticket)
        raise
    try:
        return await future
    finally:
        if future.cancelled():
            post.forget(ticket)
            call.abort()
        # An error that is raised here holds this frame: it must not hold the error.
        del future, post


def _is_trio() -> bool:
    """Whether a task of trio awaits: trio itself says so through sniffio."""
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
            "gatekeeper.aio can be awaited under asyncio and trio: elsewhere call gatekeeper itself, which waits"
        ) from None


async def _answered_in_trio(
    start: Callable[Concatenate[_native.CompletionQueue, int, _Arguments], _native.Call],
    *arguments: _Arguments.args,
    **named: _Arguments.kwargs,
) -> Any:
    """The same under trio, which has no readers that last: each call has a completion_queue of its own."""
    completion_queue = _native.CompletionQueue()
    call = start(completion_queue, 0, *arguments, **named)
    try:
        await sys.modules["trio"].lowlevel.wait_readable(completion_queue.fileno())
    except BaseException:
        call.abort()
        raise
    [(_, answer, error)] = completion_queue.collect()
    if error is None:
        return answer
    try:
        raise error
    finally:
        # This frame must not hold the error that it raises.
        del error
