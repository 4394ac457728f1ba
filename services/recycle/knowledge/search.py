"""From what people type to items: exact words first, then sentences, initial consonants and typing mistakes.

Scores run from 0 to 100. From :data:`SURE` on the query names the item; below it the item only resembles the query.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from services.recycle.knowledge.hangul import has_hangul, is_initials, normalise
from services.recycle.knowledge.keyboard import as_hangul, as_latin
from services.recycle.knowledge.load import knowledge
from services.recycle.knowledge.model import Knowledge
from services.recycle.knowledge.sentences import Sentences
from services.recycle.knowledge.terms import Match, Terms

MAX_QUERY = 100
"""Characters of a query that are looked at."""
SURE = 76.0
"""From this score on, the query names the item and nobody needs guesses about typing mistakes."""

_PART_OF_A_QUERY = 0.88


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that answers the query. ``score`` is 0 to 100, ``reason`` how it matched.

    ``situations`` are ids of states that the query named, such as ``dirty`` in "기름 묻은 피자 박스".
    Reasons: ``exact``, ``prefix``, ``contains``, ``within query`` (a name among other words), ``words`` (some words of
    a name), ``initial consonants``, ``fuzzy`` (resembles it), ``keyboard`` (typed in the other language's layout).
    """

    item_id: str
    score: float
    reason: str
    situations: tuple[str, ...] = ()


@dataclass
class SearchIndex:
    """The words of a knowledge set; read-only and safe to share. What sentences need is prepared when first needed."""

    data: Knowledge
    _terms: Terms = field(init=False)
    _rank: dict[str, int] = field(init=False)
    _made: Sentences | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._terms = Terms(self.data)
        self._rank = {item_id: rank for rank, item_id in enumerate(self.data.items)}

    def search(self, query: str, limit: int = 10) -> list[Hit]:
        """The best ``limit`` items, best first; equal scores stand in the order of the data."""
        query = query[:MAX_QUERY]
        if limit < 1:
            return []
        best: dict[str, Hit] = {}
        for hit in self._hits(query):
            known = best.get(hit.item_id)
            if known is None or hit.score > known.score:
                best[hit.item_id] = hit
        return sorted(best.values(), key=lambda hit: (-hit.score, self._rank[hit.item_id]))[:limit]

    def situations_in(self, query: str) -> tuple[str, ...]:
        """The situations a query names, in their order of precedence."""
        return self._sentences.situations(self._sentences.read(query[:MAX_QUERY]))

    def prepare(self) -> None:
        """Prepare for sentences now: loads the Korean analyser."""
        self._sentences.read("기름 묻은 피자 박스는 어떻게 버려요?")

    def _hits(self, query: str) -> Iterator[Hit]:
        text = normalise(query)
        if not text:
            return
        if is_initials(text):
            yield from _hits(self._terms.with_initials(text))
            return
        quick = [*self._terms.exact(text), *self._terms.beginning_with(text), *self._terms.containing(text)]
        yield from _hits(quick)
        if any(match.score >= SURE for match in quick):
            return
        spoken = list(self._spoken(query, text))
        yield from spoken
        if not any(hit.score >= SURE for hit in spoken):
            yield from self._in_other_layout(query)

    def _spoken(self, query: str, text: str) -> Iterator[Hit]:
        sentences = self._sentences
        read = sentences.read(query)
        hits = [_hit(*found) for found in sentences.matches(read)]
        if has_hangul(text) and " " in query.strip() and not any(hit.score >= SURE for hit in hits):
            # people also put spaces where none belong
            hits += (_hit(*found) for found in sentences.matches(sentences.read(text)))
        yield from hits
        if not any(hit.score >= SURE for hit in hits):
            situations = sentences.situations(read)
            yield from _hits(self._terms.resembling(text), situations)
            for part in query.split():
                yield from _hits(self._terms.resembling(normalise(part), _PART_OF_A_QUERY), situations)

    def _in_other_layout(self, query: str) -> Iterator[Hit]:
        other = as_latin(query) if has_hangul(query) else as_hangul(query)
        text = normalise(other)
        for match in (*self._terms.exact(text), *self._terms.beginning_with(text)):
            yield _hit(replace(match, score=match.score - 5, reason="keyboard"))

    @property
    def _sentences(self) -> Sentences:
        # without a lock, which a green thread and a native one could not share: at worst it is made twice
        if self._made is None:
            self._made = Sentences(self._terms, self.data)
        return self._made


def search(query: str, limit: int = 10) -> list[Hit]:
    """Items of the shipped knowledge for a query of at most 100 characters, best first; ``[]`` when none fits."""
    return _shipped().search(query, limit)


def warm() -> None:
    """Prepare the search before the first query, which would otherwise wait for it: about a second."""
    _shipped().prepare()


@cache
def _shipped() -> SearchIndex:
    return SearchIndex(knowledge())


def _hits(matches: Iterable[Match], situations: tuple[str, ...] = ()) -> Iterator[Hit]:
    return (_hit(match, situations) for match in matches)


def _hit(match: Match, situations: tuple[str, ...] = ()) -> Hit:
    return Hit(match.item_id, round(match.score, 2), match.reason, situations)
