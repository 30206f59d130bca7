"""Each way to run several workers: they share one limit, a rotation applies to all, and a kill breaks nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from callers import CALLERS, Tally, everyone, hammer, hammered
from gatekeeper import KeyManager, init_key_manager
from rows import ROWS, TURNS, Row
from servers import ENDPOINTS, Server, started

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = ENDPOINTS["HAMMER"]["default"]["maxReq"]


@pytest.fixture(
    scope="module",
    # Each turn is a separate parameter: pytest would reuse a fixture for an equal one.
    params=[pytest.param((turn, row), id=f"{row.name}-{turn}") for turn in TURNS for row in ROWS],
)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Run a row of the matrix on its own file, which its tests share."""
    row: Row = request.param[1]
    with started(row) as [server]:
        yield server


@pytest.fixture
def keys(server: Server) -> KeyManager:
    """A key manager in this process, on the same file as the workers."""
    return init_key_manager(url=server.url, endpoints=ENDPOINTS)


def enough(tally: Tally) -> bool:
    """Whether there are four times as many results as the limit, from at least two workers."""
    return len(tally.answers) >= 4 * LIMIT and len(tally.pids) >= 2


def test_the_key_manager_is_created_before_or_after_the_fork_as_the_row_specifies(server: Server) -> None:
    assert {answer.inherited for answer in everyone(server, "").answers} == {server.row.inherited}


def test_all_workers_together_admit_exactly_the_limit_of_a_key(server: Server, keys: KeyManager) -> None:
    tally = hammer(server, keys.create_user_api_key("user")["apiKey"], enough)
    assert all(answer.key_valid for answer in tally.answers)
    assert (tally.lost, tally.admitted) == (0, LIMIT)


def test_a_rotation_in_another_process_applies_to_every_worker_under_load(server: Server, keys: KeyManager) -> None:
    created = keys.create_user_api_key("user", ["UNLIMITED"])
    old = created["apiKey"]
    assert all(answer.ok for answer in everyone(server, old).answers)
    with hammered(server, old) as load:
        new = keys.rotate_user_api_key(created["id"])["apikey"]
        rotated = time.monotonic()
        assert not any(answer.key_valid for answer in everyone(server, old).answers)
        assert all(answer.ok for answer in everyone(server, new).answers)
    later = [answer.key_valid for answer in load.answers if answer.started > rotated]
    assert later
    assert not any(later)


def test_a_key_created_by_another_process_is_immediately_valid_in_every_worker(
    server: Server, keys: KeyManager
) -> None:
    for _ in range(3):
        created = keys.create_user_api_key("user", ["UNLIMITED"])["apiKey"]
        assert all(answer.ok for answer in everyone(server, created).answers)


def test_a_worker_killed_under_load_consumes_at_most_the_permits_of_its_calls(server: Server, keys: KeyManager) -> None:
    key = keys.create_user_api_key("user")["apiKey"]
    before = everyone(server, "").pids
    killed = False

    def kill_in_the_middle(tally: Tally) -> bool:
        nonlocal killed
        if not killed and tally.admitted >= LIMIT // 5:
            killed = True
            server.kill(tally, key)
        return enough(tally)

    tally = hammer(server, key, kill_in_the_middle)
    assert tally.lost <= CALLERS
    assert LIMIT - tally.lost <= tally.admitted <= LIMIT

    after = everyone(server, key)
    assert len(before - after.pids) == 1, "one worker was killed and replaced"
    assert all(answer.key_valid and not answer.ok for answer in after.answers)
