"""The base class of the services' results, and the page of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_Item = TypeVar("_Item")
_Any = TypeVar("_Any", bound="Model")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Model:
    """A result: frozen, with attributes in snake_case and an index by wire name. ``dict(result)`` has its fields."""

    _wire: ClassVar[dict[str, str]] = {}
    """The attribute of each wire name."""
    _secret: ClassVar[frozenset[str]] = frozenset()
    """The attributes with a secret value: ``repr`` redacts them."""

    @classmethod
    def _of(cls, answer: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    def keys(self) -> tuple[str, ...]:
        """The wire names of the fields."""
        return tuple(self._wire)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, self._wire[name])

    def __contains__(self, name: object) -> bool:
        return name in self._wire

    def __iter__(self) -> Iterator[str]:
        return iter(self._wire)

    def __len__(self) -> int:
        return len(self._wire)

    def __repr__(self) -> str:
        shown = (f"{attribute}={self._shown(attribute)}" for attribute in self._wire.values())
        return f"{type(self).__name__}({', '.join(shown)})"

    def _shown(self, attribute: str) -> str:
        # A repr may be logged.
        value = getattr(self, attribute)
        return "[redacted]" if attribute in self._secret and value is not None else repr(value)


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


def _one_of(answer: Mapping[str, Any], *kinds: type[_Any]) -> Any:
    """Make the first of `kinds` whose fields are all in `answer`."""
    for kind in kinds:
        if kind._wire.keys() <= answer.keys():
            return kind._of(answer)
    raise TypeError("the engine returned a result of a type that this package does not know: upgrade the package")
