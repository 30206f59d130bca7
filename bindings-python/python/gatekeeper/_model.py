"""The base class of the results that are written in Python, and the page of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from gatekeeper import _native

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Item = TypeVar("_Item")


class Model(_native.Model):
    """A result: frozen, with attributes in snake_case and an index by wire name. ``dict(result)`` has its fields.

    A subclass is a frozen dataclass that names its slots: with ``slots=True``, setting an attribute that is not a field
    would raise a ``TypeError``.
    """

    __slots__: tuple[str, ...] = ()

    @classmethod
    def _of(cls, answer: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        return (_unpickled, (type(self), {name: getattr(self, name) for name in self.__slots__}))


def _unpickled(cls: type[Model], values: dict[str, Any]) -> Model:
    return cls(**values)


@dataclass(frozen=True, kw_only=True, repr=False)
class Page(Model, Generic[_Item]):
    """One page of a list.

    Attributes:
        items: The items, at most ``limit`` of them.
        next_cursor: The ``cursor`` of the next page; None on the last page.
    """

    __slots__ = ("items", "next_cursor")

    _wire: ClassVar[dict[str, str]] = {"items": "items", "nextCursor": "next_cursor"}

    items: tuple[_Item, ...]
    next_cursor: str | None

    @classmethod
    def _of(cls, answer: Mapping[str, Any], item: Callable[[Any], _Item] | None = None) -> Page[_Item]:
        items = answer["items"] if item is None else map(item, answer["items"])
        return cls(items=tuple(items), next_cursor=answer["nextCursor"])


def _one_of(answer: Mapping[str, Any], *kinds: type[Model]) -> Any:
    """Make the first of `kinds` whose fields are all in `answer`."""
    for kind in kinds:
        if kind._wire.keys() <= answer.keys():
            return kind._of(answer)
    raise TypeError("the engine returned a result of a type that this package does not know: upgrade the package")
