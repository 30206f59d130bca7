"""The matrix: the programs, their number of workers, and when their key manager is created and first used."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from kinds import Processes, Tasks, Threads
from servers import Server

TURNS = range(1, int(os.environ.get("GATEKEEPER_MATRIX", "1")) + 1)
"""The repetitions of the whole matrix."""


@dataclass(frozen=True)
class Row:
    """A program; `inherited` if its workers are forked with a key manager, `used` if that has verified a key before."""

    name: str
    command: tuple[str, ...] = ()
    workers: int = 4
    inherited: bool = False
    used: bool = False
    kind: type[Server] = Server


def gunicorn(*options: str) -> tuple[str, ...]:
    listens = ("--bind", "unix:{folder}/socket", "--no-control-socket", "--keep-alive", "60")
    return (sys.executable, "-m", "gunicorn", *listens, *options, "wsgi:application")


# The supervisor replaces no worker while it waits for the reply of a worker that died during its health check.
UVICORN = (
    *(sys.executable, "-m", "uvicorn", "--uds", "{folder}/socket", "--workers", "4", "--lifespan", "off"),
    *("--timeout-keep-alive", "60", "--timeout-worker-healthcheck", "10", "--no-access-log", "asgi:application"),
)
CELERY = (
    *(sys.executable, "-m", "celery", "-A", "tasks", "worker", "--pool", "prefork", "--concurrency", "4"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
)
FORK, FORKSERVER, SPAWN = (
    (sys.executable, "pool.py", method, "{folder}/socket") for method in ("fork", "forkserver", "spawn")
)

ROWS = (
    Row("gunicorn sync", gunicorn("--workers", "4")),
    Row("gunicorn gthread", gunicorn("--workers", "2", "--threads", "4"), workers=2),
    Row("gunicorn gevent", gunicorn("--workers", "2", "--worker-class", "gevent"), workers=2),
    Row("gunicorn preload, created before", gunicorn("--workers", "4", "--preload"), inherited=True),
    Row("gunicorn preload, used before", gunicorn("--workers", "4", "--preload"), inherited=True, used=True),
    Row("uvicorn", UVICORN),
    Row("celery, created before", CELERY, inherited=True, kind=Tasks),
    Row("celery, used before", CELERY, inherited=True, used=True, kind=Tasks),
    Row("multiprocessing fork, created before", FORK, inherited=True),
    Row("multiprocessing fork, used before", FORK, inherited=True, used=True),
    Row("multiprocessing forkserver, created before", FORKSERVER, inherited=True),
    Row("multiprocessing forkserver, used before", FORKSERVER, inherited=True, used=True),
    Row("multiprocessing spawn, created by the parent too", SPAWN),
    Row("multiprocessing spawn, used by the parent too", SPAWN, used=True),
    Row("node cluster", ("node", "cluster.mjs", "{folder}/socket")),
    Row("node worker threads", ("node", "threads.mjs", "{folder}/socket"), kind=Threads),
    Row("rust", kind=Processes),
)
