"""Passwords over HTTP: throttling of guesses, and the memory of many checks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from serving import Server

PASSWORD = "correct horse battery"  # noqa: S105


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that trusts this test as a proxy."""
    with serving(tmp_path_factory.mktemp("passwords"), "--trusted-proxies", "127.0.0.1") as server:
        yield server


def of(address: str) -> dict[str, str]:
    """The headers of a client at this address."""
    return {"X-Forwarded-For": address}


def sign_up(client: httpx.Client, email: str, address: str) -> str:
    """Create an account and return its access token."""
    account = {"email": email, "password": PASSWORD}
    answer = client.post("/v1/auth/signup", json=account, headers=of(address))
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["data"]["accessToken"]
    return token


def test_guesses_for_many_accounts_are_throttled_and_the_owner_at_a_known_address_is_not(server: Server) -> None:
    with server.client() as client:
        sign_up(client, "owner@example.com", "192.0.2.1")
        for account in range(31):
            guess = {"email": f"a{account}@example.com", "password": "a wrong guess"}
            answer = client.post("/v1/auth/login", json=guess, headers=of("198.51.100.9"))
            assert answer.status_code == (401 if account < 30 else 429)
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert answer.headers["ratelimit-policy"] == '"credential";q=30;w=60'
        assert answer.headers["x-gatekeeper-not-run"] == "true"
        owner = {"email": "owner@example.com", "password": PASSWORD}
        assert client.post("/v1/auth/login", json=owner, headers=of("192.0.2.1")).status_code == 200


def test_a_stolen_token_cannot_be_used_to_guess_the_password(server: Server) -> None:
    with server.client() as client:
        token = sign_up(client, "robbed@example.com", "192.0.2.2")
        headers = {**of("198.51.100.10"), "Authorization": f"Bearer {token}"}
        statuses = [
            client.post(
                "/v1/auth/change-password",
                json={"currentPassword": f"guess {number}", "newPassword": "another good one"},
                headers=headers,
            ).status_code
            for number in range(120)
        ]
    assert statuses == [401] * 5 + [429] * 115


def test_five_hundred_concurrent_logins_use_little_memory(server: Server) -> None:
    account = {"email": "many@example.com", "password": PASSWORD}
    with server.client() as client:
        sign_up(client, account["email"], "192.0.2.3")
        # One login first, so that what is opened once is open.
        assert client.post("/v1/auth/login", json=account, headers=of("192.0.2.3")).status_code == 200
    before, start = server.rss_kib(), threading.Barrier(100)

    def log_in(worker: int) -> list[int]:
        with server.client() as client:
            start.wait()
            return [
                client.post("/v1/auth/login", json=account, headers=of(f"10.0.{worker}.{turn}")).status_code
                for turn in range(5)
            ]

    with ThreadPoolExecutor(100) as workers:
        statuses = [status for each in workers.map(log_in, range(100)) for status in each]
    # Logins beyond the queue are rejected, and an account has at most five checks in progress.
    assert set(statuses) <= {200, 429, 503}
    assert statuses.count(200) >= 64
    assert server.rss_kib() - before < 40 * 1024
