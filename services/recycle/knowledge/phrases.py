"""Names and synonyms found among the words of a query, whole or in part, in whatever grammar stands around them.

A word weighs what it tells (inverse document frequency over the items). A term that is named as a whole scores from
68 on, the more the better it explains the query; one that is named in part stays below 76.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log, sqrt

from rapidfuzz import fuzz, process

from services.recycle.knowledge.reading import Reader, Word
from services.recycle.knowledge.states import State
from services.recycle.knowledge.terms import Match, Term, Terms

_LONGEST_PHRASE = 6
_JOINING = frozenset({"", "의"})
_WHOLE = 0.999
_BEST_GUESS, _GUESSED = 75.9, 72.0
_CANDIDATES = 80
_UNKNOWN, _WEAK, _VERB, _ASKING = 0.7, 0.15, 0.5, 0.1
_RESEMBLES, _RESEMBLING_LONGEST, _RESEMBLING_SHORTEST = 80.0, 3, 4


@dataclass(frozen=True, slots=True)
class _Phrase:
    term: Term
    words: tuple[Word, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Query:
    """A query that has been read. ``head`` is the place of the word that says what the thing is, or -1."""

    words: Sequence[Word]
    states: Sequence[State]
    head: int

    @property
    def asks_for_disposal(self) -> bool:
        return any(word.role == "dispose" or word.place for word in self.words)


class Phrases:
    """The words of all terms; read-only and safe to share."""

    def __init__(self, terms: Terms, reader: Reader) -> None:
        read = [(term, reader.read(term.words)) for term in terms.all]
        owners: dict[str, set[str]] = defaultdict(set)
        for term, words in read:
            for word in words:
                owners[word.lemma].add(term.item_id)
        items = len({term.item_id for term in terms.all})
        self._telling = {lemma: log(1 + items / len(ids)) / log(1 + items) for lemma, ids in owners.items()}
        self._phrases = [
            _Phrase(term, tuple(words), tuple(max(self._weight(word), _ASKING) for word in words))
            for term, words in read
            if words
        ]
        self._by_key: dict[str, list[int]] = defaultdict(list)
        self._by_lemma: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, phrase in enumerate(self._phrases):
            self._by_key[_key(phrase.words)].append(number)
            for place, word in enumerate(phrase.words):
                self._by_lemma[word.lemma].append((number, place))
        self._keys = list(self._by_key)

    def matches(self, query: Query) -> Iterator[Match]:
        """What the query names, whole phrases and parts of them; an item may come more than once."""
        weights = self._weights(query)
        guesses = list(self._resembling(query, weights))
        for number, used in self._whole(query):
            match = self._scored(query, self._phrases[number], used, max(used), 1.0, weights, adjacent=True)
            # 옷거리 is rather a misspelt 옷걸이 than 옷 and something else
            misread = any(used < guess.used and guess.score > _GUESSED for guess in guesses)
            yield replace(match, score=match.score - 12) if misread else match
        for number, used, last, share, ordered in self._in_part(query):
            yield self._scored(query, self._phrases[number], used, last, share, weights, ordered=ordered)
        yield from guesses

    def _weights(self, query: Query) -> list[float]:
        weights = [self._weight(word) for word in query.words]
        for state in query.states:
            for place in state.places:
                weights[place] = 0.0
        things = [n for n, word in enumerate(query.words) if weights[n] and not word.place and word.part == "noun"]
        if any(query.words[n].role == "thing" for n in things):
            weights = [0.0 if word.place else weight for word, weight in zip(query.words, weights, strict=True)]
        return weights

    def _weight(self, word: Word) -> float:
        if word.role in ("ask", "dispose"):
            return 0.0
        if word.role == "weak":
            return _WEAK
        telling = self._telling.get(word.lemma)
        if word.part == "noun":
            return _UNKNOWN if telling is None else telling
        return _WEAK if telling is None else telling * _VERB

    def _whole(self, query: Query) -> Iterator[tuple[int, frozenset[int]]]:
        count = len(query.words)
        for start in range(count):
            for end in range(start + 1, min(count, start + _LONGEST_PHRASE) + 1):
                if end - start > 1 and query.words[end - 2].particle not in _JOINING:
                    break
                for number in self._by_key.get(_key(query.words[start:end]), ()):
                    yield number, frozenset(range(start, end))

    def _in_part(self, query: Query) -> Iterator[tuple[int, frozenset[int], int, float, bool]]:
        found: dict[int, dict[int, int]] = defaultdict(dict)
        for place, word in enumerate(query.words):
            if word.role in ("ask", "dispose"):
                continue
            for number, position in self._by_lemma.get(word.lemma, ()):
                found[number].setdefault(position, place)
        shares = []
        for number, places in found.items():
            weights = self._phrases[number].weights
            shares.append((sum(weights[position] for position in places) / sum(weights), len(places), number))
        shares.sort(reverse=True)
        for _, _, number in shares[:_CANDIDATES]:
            places = {
                position: place
                for position, place in found[number].items()
                if self._explains(query, set(found[number].values()), place)
            }
            if not places:
                continue
            weights = self._phrases[number].weights
            order = [places[position] for position in sorted(places)]
            share = sum(weights[position] for position in places) / sum(weights)
            last = places.get(len(weights) - 1, -1)
            yield number, frozenset(order), last, share, order == sorted(order)

    def _explains(self, query: Query, used: set[int], place: int) -> bool:
        """A word of a situation belongs to a term only together with the whole situation, as in 깨진 유리."""
        return all(state.places <= used for state in query.states if place in state.places)

    def _scored(
        self,
        query: Query,
        phrase: _Phrase,
        used: frozenset[int],
        last: int,
        share: float,
        weights: list[float],
        *,
        adjacent: bool = False,
        ordered: bool = True,
    ) -> Match:
        # what the query's weights leave out (a situation's words, places) counts as explained where the term has it
        extra = sum(_WEAK for place in used if not weights[place])
        explained = sum(weights[place] for place in used) + extra
        whole = sum(weights) + extra
        cover = explained / whole if whole else 0.0
        is_head = query.head == last
        fine = (0.5 if phrase.term.is_name else 0.0) + (0.5 if adjacent else 0.0) - (0.0 if ordered else 1.0)
        if share > _WHOLE:
            base = 76.0 if is_head else 72.0 if query.asks_for_disposal else 64.0
            if not explained - extra and whole > extra:
                base = 50.0
            score = base + 12 * cover + (2 if is_head else 0) + fine + len(used)
            return Match(phrase.term.item_id, min(score, 97.0), "within query", used)
        score = 34 + 34 * sqrt(share * cover) + (2 if is_head else 0) + fine
        return Match(phrase.term.item_id, min(score, 75.0), "words", used)

    def _resembling(self, query: Query, weights: list[float]) -> Iterator[Match]:
        """Phrases whose unknown words are perhaps misspelt ones."""
        unknown = {
            n
            for n, word in enumerate(query.words)
            if word.role == "thing" and word.part == "noun" and word.lemma not in self._telling and weights[n]
        }
        count = len(query.words)
        longest = _RESEMBLING_LONGEST if count <= _RESEMBLING_LONGEST else 1  # each comparison costs a millisecond
        for start in range(count):
            for end in range(start + 1, min(count, start + longest) + 1):
                used = frozenset(range(start, end))
                key = _key(query.words[start:end])
                if unknown.isdisjoint(used) or len(key) < _RESEMBLING_SHORTEST:
                    continue
                for found, ratio, _ in process.extract(
                    key, self._keys, scorer=fuzz.ratio, limit=5, score_cutoff=_RESEMBLES
                ):
                    for number in self._by_key[found]:
                        match = self._scored(query, self._phrases[number], used, end - 1, 1.0, weights, adjacent=True)
                        yield Match(match.item_id, min(_BEST_GUESS, match.score * ratio / 100), "fuzzy", used)


def _key(words: Sequence[Word]) -> str:
    return "".join(word.lemma for word in words)
