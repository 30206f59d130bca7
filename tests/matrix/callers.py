"""Concurrent callers, each with its own client, and a tally of their results."""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from clients import SECONDS, Answer, Client, Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servers import Server

CALLERS = 8
"""The number of concurrent callers of a server: more than it has workers."""

RENEW = 20
"""The number of results after which a caller reconnects, possibly to another worker."""


class Tally:
    """The results of a group of callers so far."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.pids: set[str] = set()
        self.admitted = 0
        self.lost = 0
        self.failures: list[BaseException] = []

    def add(self, answer: Answer) -> None:
        self.answers.append(answer)
        self.pids.add(answer.pid)
        self.admitted += answer.ok


class Callers:
    """Threads that verify a key on a server until `enough` returns true, which is checked before each call."""

    def __init__(self, server: Server, key: str, enough: Callable[[Tally], bool], *, renew: int, callers: int) -> None:
        self.server, self.key, self.enough, self.renew = server, key, enough, renew
        self.tally = Tally()
        self.lock = threading.Lock()
        self.deadline = time.monotonic() + SECONDS
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(callers)]
        for thread in self.threads:
            thread.start()

    def run(self) -> None:
        try:
            with closing(self.server.client()) as client:
                for count in itertools.count(1):
                    if self.ended():
                        return
                    self.ask(client)
                    if count % self.renew == 0:
                        client.close()
        except BaseException as error:
            self.tally.failures.append(error)

    def ended(self) -> bool:
        assert time.monotonic() < self.deadline, f"not enough in {SECONDS} s; handled by {self.tally.pids}"
        with self.lock:
            return bool(self.tally.failures) or self.enough(self.tally)

    def ask(self, client: Client) -> None:
        try:
            answer = client.ask(self.key)
        except Lost:
            with self.lock:
                self.tally.lost += 1
        else:
            with self.lock:
                self.tally.add(answer)

    def join(self) -> Tally:
        for thread in self.threads:
            thread.join(max(0.0, self.deadline + SECONDS - time.monotonic()))
            assert not thread.is_alive(), "a call hangs"
        if self.tally.failures:
            raise self.tally.failures[0]
        return self.tally


def hammer(server: Server, key: str, enough: Callable[[Tally], bool], callers: int = CALLERS) -> Tally:
    """Verify the key until `enough` returns true."""
    return Callers(server, key, enough, renew=RENEW, callers=callers).join()


def everyone(server: Server, key: str) -> Tally:
    """Verify the key, with a new connection for each call, until every worker has handled a call."""
    enough = lambda tally: len(tally.pids) == server.row.workers  # noqa: E731
    tally = Callers(server, key, enough, renew=1, callers=CALLERS).join()
    assert tally.lost == 0
    return tally


@contextmanager
def hammered(server: Server, key: str) -> Iterator[Tally]:
    """Verify the key continuously while the body runs."""
    ended = threading.Event()
    callers = Callers(server, key, lambda _: ended.is_set(), renew=RENEW, callers=CALLERS)
    try:
        yield callers.tally
    finally:
        ended.set()
        callers.join()
