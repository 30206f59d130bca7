"""PyPI `limits`: its moving window, which keeps the time of each call. It verifies no key."""

from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from bench.peers.subject import Subject


def memory(_backend: str, limit: int) -> Subject:
    """In the memory of one process."""
    hit, rule = MovingWindowRateLimiter(MemoryStorage()).hit, RateLimitItemPerHour(limit)
    return Subject(call=lambda key: hit(rule, key), keeps_each_call=True)


def redis(backend: str, limit: int) -> Subject:
    """In Redis, over its socket."""
    storage = RedisStorage(f"redis+unix://{backend}")
    hit, rule = MovingWindowRateLimiter(storage).hit, RateLimitItemPerHour(limit)
    return Subject(call=lambda key: hit(rule, key), keeps_each_call=True)
