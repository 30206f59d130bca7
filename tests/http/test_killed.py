"""A server killed under load keeps every acknowledged event, and every revoked key stays revoked."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx
from serving import end, serving, started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving import Server

KILLS = int(os.environ.get("GATEKEEPER_SERVER_KILLS", "3"))
ENOUGH = 60


class Load:
    """Clients that record usage and create and revoke keys until the server is killed."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.events: list[str] = []
        self.revoked: list[str] = []
        self.kept: list[str] = []

    def record(self) -> None:
        event = {"tenantId": self.server.tenant, "service": "s", "action": "a"}
        with self.server.client(headers=self.server.root) as client:
            while True:
                self.events.append(client.post("/v1/usage/record", json=event).json()["data"]["id"])

    def revoke(self) -> None:
        with self.server.client(headers=self.server.root) as client:
            while True:
                kept, revoked = (client.post("/api/v1/keys", json={"prefix": "user"}).json() for _ in range(2))
                self.kept.append(kept["apiKey"])
                verify = {"key": revoked["apiKey"], "endpoint": "GET_TASKS"}
                assert client.post("/v1/keys/verify", json=verify).json()["data"]["keyValid"]
                assert client.request("DELETE", "/api/v1/keys", json={"id": revoked["id"]}).json()["success"]
                self.revoked.append(revoked["apiKey"])

    def until_killed(self) -> None:
        def ends(work: Callable[[], None]) -> None:
            with suppress(httpx.TransportError):
                work()

        threads = [
            threading.Thread(target=ends, args=[work]) for work in (self.record, self.record, self.revoke, self.revoke)
        ]
        for thread in threads:
            thread.start()
        while len(self.events) < ENOUGH or len(self.revoked) < ENOUGH / 10:
            assert any(thread.is_alive() for thread in threads)
        end(self.server.process, signal.SIGKILL)
        for thread in threads:
            thread.join()


def test_acknowledged_events_and_revocations_survive_a_kill(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for _ in range(KILLS):
            load = Load(server)
            load.until_killed()
            server.process, server.url, server.gateway_url = started(tmp_path)
            with sqlite3.connect(tmp_path / "gatekeeper.db") as database:
                stored = {row[0] for row in database.execute("SELECT id FROM usage_events")}
            assert set(load.events) <= stored
            with server.client(headers=server.root) as client:
                for keys, is_valid in ((load.revoked, False), (load.kept, True)):
                    for key in keys:
                        verify = {"key": key, "endpoint": "GET_TASKS"}
                        answer = client.post("/v1/keys/verify", json=verify).json()
                        assert answer["data"]["keyValid"] is is_valid
            with sqlite3.connect(tmp_path / "gatekeeper.db") as database:
                (total,) = database.execute(
                    "SELECT events FROM usage_sums WHERE subject = ? AND period = 'month'", [server.tenant]
                ).fetchone()
            assert total == len(stored)
