"""The rows of the table: every subject, its storage, and the function that one call runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["Rust", "Python", "Node"]
Kind = Literal["file", "memory", "redis"]

PROGRAMS: dict[Language, tuple[str, ...]] = {
    "Rust": ("target/release/gatekeeper-bench",),
    "Python": (".cache/bench-venv/bin/python", "-m", "bench.peers"),
    "Node": ("node", "--expose-gc", "bench/node/main.mjs"),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A subject with one kind of storage."""

    title: str
    language: Language
    subject: str
    kind: Kind
    call: str
    """The function that one call runs."""
    ours: bool = False
    awaited: bool = False
    limits: bool = True
    """Whether it has a limit at all."""
    has_keys: bool = False
    """Whether its keys must be created before they are valid."""
    caches: bool = False
    """Whether keys in a file use memory, too."""
    most_keys: int | None = None
    """The maximum number of keys, for a subject that is too slow for more."""

    @property
    def command(self) -> tuple[str, ...]:
        """The command of a column, without the column and its options."""
        return (*PROGRAMS[self.language], self.subject)


def ours(language: Language, call: str, *, awaited: bool = False) -> list[Row]:
    """Gatekeeper in one language, with a file and in memory."""
    name = f"Gatekeeper, {language}{', awaited' if awaited else ''}"
    kinds: list[tuple[str, Kind]] = [("file", "file"), ("`memory:`", "memory")]
    return [
        Row(
            title=f"{name} ({storage})",
            language=language,
            subject="gatekeeper-awaited" if awaited else "gatekeeper",
            kind=kind,
            call=call,
            ours=True,
            awaited=awaited,
            has_keys=kind == "file",
            caches=True,
            # Creating a million keys in `memory:` lasts minutes, and every language has the same engine.
            most_keys=100_000 if awaited or (kind == "memory" and language != "Rust") else None,
        )
        for storage, kind in kinds
    ]


def peer(title: str, language: Language, subject: str, kind: Kind, call: str, *, most_keys: int | None = None) -> Row:
    """A package that limits and verifies no key."""
    return Row(
        title=title,
        language=language,
        subject=subject,
        kind=kind,
        call=call,
        awaited=language == "Node",
        # A million calls to fill Redis would last minutes for each row.
        most_keys=100_000 if kind == "redis" else most_keys,
    )


WITHOUT_DELAY = "its delay of 0.1 to 0.3 s for each call switched off; no limit"
ROWS = [
    *ours("Rust", "`Verifier::verify` of a key with two roles, one variable"),
    *ours("Python", "`verify_user_api_key`, the same"),
    *ours("Python", "`await verify_user_api_key`, the same", awaited=True),
    *ours("Node", "`verifyUserAPIKeySync`, the same"),
    *ours("Node", "`await verifyUserAPIKey`, the same", awaited=True),
    Row(
        title="better-auth (API keys)",
        language="Node",
        subject="better-auth",
        kind="file",
        call="`auth.api.verifyApiKey` on better-sqlite3 (WAL), fixed window; a key and its limit",
        awaited=True,
        has_keys=True,
        most_keys=2_000,
    ),
    Row(
        title="djangorestframework-api-key",
        language="Python",
        subject="drf-api-key",
        kind="file",
        call="`HasAPIKey().has_permission` on SQLite; no limit",
        limits=False,
        has_keys=True,
        most_keys=2_000,
    ),
    Row(
        title="keyshield",
        language="Python",
        subject="keyshield",
        kind="file",
        call=f"`ApiKeyService.verify_key` with Argon2 on SQLite, a session for each call; {WITHOUT_DELAY}",
        awaited=True,
        limits=False,
        has_keys=True,
        most_keys=50,
    ),
    Row(
        title="keyshield (cached)",
        language="Python",
        subject="keyshield-cached",
        kind="file",
        call=f"the same through its `CachedApiKeyService`; {WITHOUT_DELAY}",
        awaited=True,
        limits=False,
        has_keys=True,
        caches=True,
        most_keys=50,
    ),
    peer(
        "rate-limiter-flexible (SQLite)", "Node", "rate-limiter-flexible-sqlite", "file",
        "`RateLimiterSQLite.consume` on better-sqlite3 (WAL), fixed window; limit only", most_keys=100_000,
    ),
    peer(
        "rate-limiter-flexible (memory)", "Node", "rate-limiter-flexible-memory", "memory",
        "`RateLimiterMemory.consume`, fixed window; limit only",
    ),
    peer(
        "@fastify/rate-limit (memory)", "Node", "fastify-memory", "memory",
        "the limiter of `fastify.createRateLimit()` on its LocalStore, no HTTP, fixed window; limit only",
    ),
    peer(
        "limits (memory)", "Python", "limits-memory", "memory",
        "`MovingWindowRateLimiter.hit` on `MemoryStorage`, sliding window; limit only",
    ),
    peer("governor (memory)", "Rust", "governor", "memory", "`RateLimiter::check_key`, GCRA; limit only"),
    peer(
        "Redis EVALSHA (one round trip)", "Rust", "evalsha", "redis",
        "a script of ours, sliding window, over the Unix socket; limit only",
    ),
    peer(
        "rate-limiter-flexible (Redis)", "Node", "rate-limiter-flexible-redis", "redis",
        "`RateLimiterRedis.consume` on ioredis, fixed window; limit only",
    ),
    peer(
        "async-ratelimiter (Redis)", "Node", "async-ratelimiter", "redis",
        "`RateLimiter.get` on ioredis, sliding window; limit only",
    ),
    peer(
        "@fastify/rate-limit (Redis)", "Node", "fastify-redis", "redis",
        "the limiter of `fastify.createRateLimit()` on ioredis, no HTTP, fixed window; limit only",
    ),
    peer(
        "limits (Redis)", "Python", "limits-redis", "redis",
        "`MovingWindowRateLimiter.hit` on `RedisStorage`, sliding window; limit only",
    ),
]  # fmt: skip
