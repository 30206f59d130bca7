"""`keyshield` with Argon2 on SQLite: a session for each call, as its documentation shows. It has no limit.

Its random delay of 0.1 to 0.3 s for each verification is switched off.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiocache
from keyshield import ApiKeyService
from keyshield.hasher.argon2 import Argon2ApiKeyHasher
from keyshield.repositories.sql import SqlAlchemyApiKeyRepository
from keyshield.services.cached import CachedApiKeyService
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from bench.peers.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Verified:
    """The key is good: for another, `verify_key` raises."""

    ok: bool = True


HASHER = Argon2ApiKeyHasher(pepper="a pepper of the bench")


def plain(backend: str, _limit: int) -> Subject:
    """Argon2 at each call."""
    return _subject(backend, lambda repo: ApiKeyService(repo, HASHER, min_delay=0, max_delay=0))


def cached(backend: str, _limit: int) -> Subject:
    """Argon2 at a key's first call only: then its cache in memory answers, and the row is marked as used."""
    cache = aiocache.SimpleMemoryCache()
    return _subject(backend, lambda repo: CachedApiKeyService(repo, HASHER, cache=cache, min_delay=0, max_delay=0))


def _subject(backend: str, service: Callable[[SqlAlchemyApiKeyRepository], ApiKeyService]) -> Subject:
    engine = create_async_engine(f"sqlite+aiosqlite:///{backend}")
    session_maker = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)

    async def make(count: int) -> list[str]:
        async with session_maker() as session, session.begin():
            repo = SqlAlchemyApiKeyRepository(session)
            await repo.ensure_table(async_engine=engine)
            keys = [(await service(repo).create(name="bench"))[1] for _ in range(count)]
        await engine.dispose()
        return keys

    async def call(key: str) -> Verified:
        async with session_maker() as session, session.begin():
            await service(SqlAlchemyApiKeyRepository(session)).verify_key(key)
        return Verified()

    return Subject(awaited=call, create=lambda count: asyncio.run(make(count)))
