"""From what people type to items: names, synonyms, initial consonants and typing mistakes, Korean and English."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from rapidfuzz import fuzz, process

from services.recycle.knowledge.hangul import initials, is_initials, letters, normalise
from services.recycle.knowledge.load import knowledge
from services.recycle.knowledge.model import Knowledge, Lang

MAX_QUERY = 100
"""Characters of a query that are looked at."""

_FUZZY_CUTOFF = 72.0
_LATIN = re.compile(r"[a-z0-9][a-z0-9'+-]*")
_LONGEST_PHRASE = 5
_SURE = 76.0
"""From this score on, nobody needs guesses about typing mistakes."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that answers the query. ``score`` is 0 to 100, ``reason`` how it matched.

    ``situations`` are ids of states that the query named, such as ``dirty`` in "기름 묻은 피자 박스".
    """

    item_id: str
    score: float
    reason: str
    situations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Term:
    item_id: str
    text: str
    first_letters: str
    is_name: bool
    latin: bool


@dataclass
class SearchIndex:
    """The words of a knowledge set, prepared once; read-only afterwards and safe to share."""

    data: Knowledge
    _terms: list[_Term] = field(init=False)
    _by_text: dict[str, list[_Term]] = field(init=False)
    _letters: list[str] = field(init=False)
    _states: list[tuple[str, str]] = field(init=False)
    _rank: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._terms = list(_terms(self.data))
        self._by_text = {}
        for term in self._terms:
            self._by_text.setdefault(term.text, []).append(term)
        self._letters = [letters(term.text) for term in self._terms]
        states = {
            normalise(word): situation
            for situation, entry in self.data.situations.items()
            for word in (*entry.words.ko, *entry.words.en)
        }
        self._states = sorted(states.items(), key=lambda pair: (-len(pair[0]), pair[0]))
        self._rank = {item_id: rank for rank, item_id in enumerate(self.data.items)}

    def search(self, query: str, limit: int = 10) -> list[Hit]:
        """The best ``limit`` items, best first; equal scores stand in the order of the data."""
        query = query[:MAX_QUERY]
        text = normalise(query)
        if not text or limit < 1:
            return []
        bare, situations = self._without_states(text)
        best: dict[str, Hit] = {}
        # "broken glass" is an item before it is a situation
        for term in self._by_text.get(text, ()):
            _keep(best, Hit(term.item_id, _exact_score(term), "exact"))
        for hit in self._matches(bare or text, query, situations if bare else ()):
            _keep(best, hit)
        return sorted(best.values(), key=lambda hit: (-hit.score, self._rank[hit.item_id]))[:limit]

    def situations_in(self, query: str) -> tuple[str, ...]:
        """The situations a query names, in their order of precedence."""
        return self._without_states(normalise(query[:MAX_QUERY]))[1]

    def _without_states(self, text: str) -> tuple[str, tuple[str, ...]]:
        found = set()
        for word, situation in self._states:
            if word in text:
                found.add(situation)
                text = text.replace(word, "")
        return text, tuple(situation for situation in self.data.situations if situation in found)

    def _matches(self, text: str, query: str, situations: tuple[str, ...]) -> Iterator[Hit]:
        phrases = _latin_phrases(query)
        only_initials = is_initials(text)
        sure = False
        for term in self._terms:
            score, reason = _compare(term, text, phrases, only_initials)
            if score:
                sure = sure or score >= _SURE
                yield Hit(term.item_id, round(score - len(situations) * 0.5, 2), reason, situations)
        if sure or only_initials or len(text) < 2:
            return
        for _, ratio, position in process.extract(
            letters(text), self._letters, scorer=fuzz.ratio, limit=10, score_cutoff=_FUZZY_CUTOFF
        ):
            yield Hit(self._terms[position].item_id, round(ratio * 0.75, 2), "fuzzy", situations)


def search(query: str, limit: int = 10) -> list[Hit]:
    """Items of the shipped knowledge for a query of at most 100 characters, best first; ``[]`` when none fits."""
    return _shipped().search(query, limit)


@cache
def _shipped() -> SearchIndex:
    return SearchIndex(knowledge())


def _compare(term: _Term, text: str, phrases: frozenset[str], only_initials: bool) -> tuple[float, str]:
    if only_initials:
        return _compare_initials(term, text)
    share = min(len(text), len(term.text)) / max(len(text), len(term.text))
    if term.text == text:
        return _exact_score(term), "exact"
    if len(text) > 1 or not term.latin:
        if term.text.startswith(text):
            return 80 + 10 * share, "prefix"
        if text in term.text and (len(text) > 1 or not text.isascii()):
            return 65 + 10 * share, "contains"
    named = term.text in phrases if term.latin else len(term.text) > 1 and term.text in text
    # the longer the word found in a sentence, the surer; a word at its end is what the sentence is about
    if named:
        return 76 + 12 * share + (1 if text.endswith(term.text) else 0), "within query"
    return 0.0, ""


def _exact_score(term: _Term) -> float:
    return 100.0 if term.is_name else 98.0


def _compare_initials(term: _Term, text: str) -> tuple[float, str]:
    share = len(text) / max(len(text), len(term.first_letters))
    if term.first_letters == text:
        return (90.0 if term.is_name else 88.0), "initial consonants"
    if term.first_letters.startswith(text):
        return 70 + 10 * share, "initial consonants"
    if len(text) > 1 and text in term.first_letters:
        return 55 + 10 * share, "initial consonants"
    return 0.0, ""


def _keep(best: dict[str, Hit], hit: Hit) -> None:
    known = best.get(hit.item_id)
    if known is None or hit.score > known.score:
        best[hit.item_id] = hit


def _terms(data: Knowledge) -> Iterator[_Term]:
    langs: tuple[Lang, ...] = ("ko", "en")
    for item in data.items.values():
        for lang in langs:
            for position, word in enumerate(item.words(lang)):
                text = normalise(word)
                yield _Term(item.id, text, initials(text), position == 0, text.isascii())


def _latin_phrases(query: str) -> frozenset[str]:
    """Every run of up to five Latin words, joined as terms are, with and without a plural s."""
    words = _LATIN.findall(query.lower())
    phrases = set()
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + _LONGEST_PHRASE) + 1):
            phrase = normalise("".join(words[start:end]))
            phrases.add(phrase)
            if phrase.endswith("s"):
                phrases.add(phrase[:-1])
            if phrase.endswith("es"):
                phrases.add(phrase[:-2])
    return frozenset(phrases)
