"""Rust processes that verify one key at full speed, so that a kill interrupts a call."""

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
    """A process that waits for `go`; its results are read as they arrive."""

    def __init__(self, url: str, key: str) -> None:
        command = [str(programs_in_rust() / "hammer"), url, json.dumps(ENDPOINTS), key]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answers = b""

    def go(self, calls: int, kill_after: float = math.inf) -> None:
        """Make this many calls, or kill the process after this many results."""
        assert self.process.stdin
        self.process.stdin.write(str(calls).encode())
        self.process.stdin.close()
        self.reader = threading.Thread(target=self.read, args=(kill_after,), daemon=True)
        self.reader.start()

    def read(self, kill_after: float) -> None:
        assert self.process.stdout
        while results := os.read(self.process.stdout.fileno(), 4096):
            self.answers += results
            if len(self.answers) > kill_after:
                self.process.kill()

    def end(self) -> int:
        """Wait for the remaining results and return the number of admitted calls."""
        self.reader.join(SECONDS)
        assert not self.reader.is_alive(), "a process hangs"
        assert set(self.answers) <= set(b"AL")
        return self.answers.count(b"A")


@pytest.fixture(params=TURNS)
def hammers(tmp_path: Path) -> Iterator[list[Hammer]]:
    """Four processes that are ready to verify one key."""
    url = f"sqlite:{tmp_path}/gatekeeper.db"
    key = init_key_manager(url=url, endpoints=ENDPOINTS).create_user_api_key("user", ["WIDE"])["apiKey"]
    hammers = [Hammer(url, key) for _ in range(4)]
    yield hammers
    for hammer in hammers:
        hammer.process.kill()
        hammer.process.__exit__(None, None, None)


def test_processes_at_full_speed_admit_exactly_the_limit_of_a_key_together(hammers: list[Hammer]) -> None:
    for hammer in hammers:
        hammer.go(LIMIT)
    assert sum(hammer.end() for hammer in hammers) == LIMIT
    assert [len(hammer.answers) for hammer in hammers] == [LIMIT] * 4


def test_a_process_killed_at_full_speed_consumes_at_most_the_permit_of_its_last_call(hammers: list[Hammer]) -> None:
    victims = hammers[:2]
    for hammer in hammers:
        # A pipe holds fewer results than these, so a victim cannot finish before it is killed.
        hammer.go(4 * LIMIT, kill_after=random.randrange(LIMIT // 4) if hammer in victims else math.inf)  # noqa: S311
    admitted = sum(hammer.end() for hammer in hammers)
    assert [hammer.process.wait() for hammer in victims] == [-signal.SIGKILL] * 2
    assert LIMIT - len(victims) <= admitted <= LIMIT
