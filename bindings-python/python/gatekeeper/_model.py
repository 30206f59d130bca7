"""The page of a list, and the choice between results of several types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from gatekeeper._native import Model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Model", "Page"]

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Page(Model, Generic[_Item]):
    """One page of a list.

    Attributes:
        items: The items, at most ``limit`` of them.
        next_cursor: The ``cursor`` of the next page; None on the last page.
    """

    _wire: ClassVar[dict[str, str]] = {"items": "items", "nextCursor": "next_cursor"}

    items: tuple[_Item, ...]
    next_cursor: str | None

    @classmethod
    def _of(cls, answer: Mapping[str, Any], item: Callable[[Any], _Item] | None = None) -> Page[_Item]:
        items = answer["items"] if item is None else map(item, answer["items"])
        return cls(items=tuple(items), next_cursor=answer["nextCursor"])


class _Kind(Protocol):
    """A model that is made from the engine's JSON values."""

    _wire: ClassVar[dict[str, str]]

    @classmethod
    def _of(cls, answer: Mapping[str, Any]) -> Any: ...


def _one_of(answer: Mapping[str, Any], *kinds: type[_Kind]) -> Any:
    """Make the first of `kinds` whose fields are all in `answer`."""
    for kind in kinds:
        if kind._wire.keys() <= answer.keys():
            return kind._of(answer)
    raise TypeError("the engine returned a result of a type that this package does not know: upgrade the package")
