"""All rows of the matrix at the same time on one file: all programs and languages share one limit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from callers import Tally, hammer
from gatekeeper import init_key_manager
from rows import ROWS, TURNS
from servers import ENDPOINTS, Server, started

LIMIT = ENDPOINTS["HAMMER"]["default"]["maxReq"]


def enough(tally: Tally) -> bool:
    """Whether a row has its share of four times the limit, from at least two workers."""
    return len(tally.answers) >= 4 * LIMIT / len(ROWS) and len(tally.pids) >= 2


@pytest.mark.parametrize("turn", TURNS)
def test_all_programs_on_one_file_together_admit_exactly_the_limit_of_a_key(turn: int) -> None:  # noqa: ARG001
    with started(*ROWS) as servers, ThreadPoolExecutor(len(servers)) as threads:
        keys = init_key_manager(url=servers[0].url, endpoints=ENDPOINTS)
        key = keys.create_user_api_key("user")["apiKey"]

        def hammered(server: Server) -> Tally:
            return hammer(server, key, enough, callers=2)

        tallies = list(threads.map(hammered, servers))
    assert all(answer.key_valid for tally in tallies for answer in tally.answers)
    assert sum(tally.lost for tally in tallies) == 0
    assert sum(tally.admitted for tally in tallies) == LIMIT
