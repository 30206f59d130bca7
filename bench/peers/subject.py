"""What every Python subject looks like to the columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WINDOW_MS = 3_600_000
"""The window of every limit: none ends during a run."""


def names(count: int) -> list[str]:
    """Keys for a subject that only limits: any name will do."""
    return [f"key_{number:07}" for number in range(count)]


class Verdict(Protocol):
    """What an awaited call answers."""

    @property
    def ok(self) -> bool:
        """Whether the call was admitted."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something that admits calls of keys; exactly one of `call` and `awaited` is given."""

    call: Callable[[str], bool] | None = None
    """One call; whether it was admitted."""

    awaited: Callable[[str], Awaitable[Verdict]] | None = None
    """The same, to be awaited; without a coroutine of ours around it, which would cost as much as ours does."""

    create: Callable[[int], list[str]] = names
    """That many keys."""

    keeps_each_call: bool = False
    """Whether a key that is called ever again costs more and more."""
