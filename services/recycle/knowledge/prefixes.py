"""What begins with a text, found without looking at the rest."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice, takewhile
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefixes(Generic[T]):
    """Entries in the order of their keys; read-only and safe to share."""

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        self._entries = sorted(entries, key=lambda pair: pair[0])
        self._keys = [key for key, _ in self._entries]

    def after(self, beginning: str) -> Iterator[T]:
        """The entries whose key begins so, in the order of their keys."""
        start = bisect_left(self._keys, beginning)
        following = takewhile(lambda pair: pair[0].startswith(beginning), islice(self._entries, start, None))
        return (entry for _, entry in following)
