"""The fixtures of these tests."""

from serving import server

__all__ = ["server"]
