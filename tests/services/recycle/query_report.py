"""How well the search answers the labelled queries: ``python -m tests.services.recycle.query_report``.

Prints both halves by style. Failures are told of the tuned half only: whoever reads those of the untouched half
can no longer call it untouched.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from services.recycle.knowledge import Hit, search

QUERIES = Path(__file__).parent / "queries"
SURE = 76.0
NOTHING = "nothing"


@dataclass(frozen=True)
class Query:
    """A query with the items of which any may come first (none: nothing sure may come) and the situations it names."""

    query: str
    style: str
    items: frozenset[str]
    situations: frozenset[str]


@dataclass(frozen=True)
class Judged:
    """A query with what the search found. ``place`` is that of the first right item, from 1 on; 0 when none is."""

    query: Query
    hits: tuple[Hit, ...]

    @property
    def place(self) -> int:
        if not self.query.items:
            return 0 if self.hits and self.hits[0].score >= SURE else 1
        right = (n for n, hit in enumerate(self.hits, 1) if hit.item_id in self.query.items)
        return next(right, 0)

    @property
    def names_its_situations(self) -> bool:
        return not self.query.situations or self.query.situations <= set(self.hits[0].situations if self.hits else ())


@dataclass(frozen=True)
class Figures:
    """Shares of queries, 0 to 1, of a set of ``count``. ``situations`` counts those that name any."""

    count: int
    top_1: float
    top_3: float
    situations: float


def queries(half: str) -> list[Query]:
    """The labelled queries of a half, ``tuned`` or ``untouched``."""
    entries = yaml.safe_load((QUERIES / f"{half}.yaml").read_text(encoding="utf-8"))
    return [
        Query(entry["query"], entry["style"], frozenset(entry["items"]), frozenset(entry.get("situations", ())))
        for entry in entries
    ]


def judge(labelled: Iterable[Query]) -> list[Judged]:
    return [Judged(query, tuple(search(query.query))) for query in labelled]


def figures(judged: Sequence[Judged]) -> Figures:
    """Raises ``ZeroDivisionError`` for no queries."""
    named = [each for each in judged if each.query.situations]
    return Figures(
        len(judged),
        sum(each.place == 1 for each in judged) / len(judged),
        sum(1 <= each.place <= 3 for each in judged) / len(judged),
        sum(each.names_its_situations for each in named) / len(named) if named else 1.0,
    )


def table(judged: Sequence[Judged]) -> str:
    """The figures by style and of all, one line each."""
    styles: dict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        styles[each.query.style].append(each)
    lines = [f"{'style':18} {'queries':>7} {'top 1':>7} {'top 3':>7} {'situations':>10}"]
    for name, part in [*styles.items(), ("all", list(judged))]:
        found = figures(part)
        lines.append(f"{name:18} {found.count:7} {found.top_1:7.1%} {found.top_3:7.1%} {found.situations:10.1%}")
    return "\n".join(lines)


def failures(judged: Iterable[Judged]) -> str:
    """The queries whose first hit or situations are wrong, with what was found instead."""
    return "\n".join(
        f"{each.query.style}: {each.query.query!r} wants {', '.join(sorted(each.query.items)) or NOTHING}"
        f" {'+ ' + ', '.join(sorted(each.query.situations)) if each.query.situations else ''} got "
        + "; ".join(f"{hit.item_id} {hit.score:g} {hit.reason} {' '.join(hit.situations)}" for hit in each.hits[:3])
        for each in judged
        if each.place != 1 or not each.names_its_situations
    )


def main(halves: Sequence[str] = ("tuned", "untouched")) -> None:
    for half in halves:
        judged = judge(queries(half))
        print(f"{half}\n{table(judged)}\n")
        if half == "tuned":
            print(f"{failures(judged)}\n")


if __name__ == "__main__":
    main()
