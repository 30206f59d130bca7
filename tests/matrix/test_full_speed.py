"""Processes in Rust that take one key's calls as fast as they can, so that a kill meets one in the middle of a call."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from clients import SECONDS
from gatekeeper import init_key_manager
from kinds import programs_in_rust
from rows import TURNS
from servers import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT = ENDPOINTS["HAMMER"]["roles"]["WIDE"]["maxReq"]


class Hammer:
    """A process that waits for `go`; its answers are read as they come."""

    def __init__(self, url: str, key: str) -> None:
        command = [str(programs_in_rust() / "hammer"), url, json.dumps(ENDPOINTS), key]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answers = b""

    def go(self, calls: int, doomed_after: float = math.inf) -> None:
        """Let it ask so often, or kill it as soon as it has said so much."""
        assert self.process.stdin
        self.process.stdin.write(str(calls).encode())
        self.process.stdin.close()
        self.reader = threading.Thread(target=self.read, args=(doomed_after,), daemon=True)
        self.reader.start()

    def read(self, doomed_after: float) -> None:
        assert self.process.stdout
        while said := os.read(self.process.stdout.fileno(), 4096):
            self.answers += said
            if len(self.answers) > doomed_after:
                self.process.kill()

    def end(self) -> int:
        """Wait until all has been said; how many calls were admitted."""
        self.reader.join(SECONDS)
        assert not self.reader.is_alive(), "a process hangs"
        assert set(self.answers) <= set(b"AL")
        return self.answers.count(b"A")


@pytest.fixture(params=TURNS)
def hammers(tmp_path: Path) -> Iterator[list[Hammer]]:
    """Four processes that are about to ask for one key."""
    url = f"sqlite:{tmp_path}/gatekeeper.db"
    key = init_key_manager(url=url, endpoints=ENDPOINTS).create_user_api_key("user", ["WIDE"])["apiKey"]
    hammers = [Hammer(url, key) for _ in range(4)]
    yield hammers
    for hammer in hammers:
        hammer.process.kill()
        hammer.process.__exit__(None, None, None)


def test_processes_at_full_speed_together_admit_exactly_the_limit_of_a_key(hammers: list[Hammer]) -> None:
    for hammer in hammers:
        hammer.go(LIMIT)
    assert sum(hammer.end() for hammer in hammers) == LIMIT
    assert [len(hammer.answers) for hammer in hammers] == [LIMIT] * 4


def test_a_process_killed_at_full_speed_takes_at_most_the_call_it_was_in(hammers: list[Hammer]) -> None:
    victims = hammers[:2]
    for hammer in hammers:
        # A pipe holds less than these calls: a victim cannot have said everything before it is killed.
        hammer.go(4 * LIMIT, doomed_after=random.randrange(LIMIT // 4) if hammer in victims else math.inf)  # noqa: S311
    admitted = sum(hammer.end() for hammer in hammers)
    assert [hammer.process.wait() for hammer in victims] == [-signal.SIGKILL] * 2
    assert LIMIT - len(victims) <= admitted <= LIMIT
