"""Sentences and phrases matched with the terms and situations of a knowledge set."""

from collections.abc import Iterator

from services.recycle.knowledge.hangul import has_hangul
from services.recycle.knowledge.model import Knowledge
from services.recycle.knowledge.morphology import analyser
from services.recycle.knowledge.phrases import Phrases, Query
from services.recycle.knowledge.reading import Reader
from services.recycle.knowledge.states import States
from services.recycle.knowledge.terms import Match, Terms


class Sentences:
    """Reads queries as people speak; read-only and safe to share. To make it takes about a second and 250 MB."""

    def __init__(self, terms: Terms, data: Knowledge) -> None:
        words = (term.words for term in terms.all if len(term.text) > 1 and term.words.isalpha())
        kiwi = analyser(tuple(filter(has_hangul, words)))
        plain = Reader(kiwi)
        nouns = (word.form for term in terms.all for word in plain.read(term.words) if word.part == "noun")
        self._reader = Reader(kiwi, frozenset(nouns))
        self._states = States(data.situations, self._reader)
        self._ruled = {
            item.id: {*item.situations, *data.group(item.group_id).situations} for item in data.items.values()
        }
        self._phrases = Phrases(terms, self._reader)

    def read(self, query: str) -> Query:
        words = self._reader.read(query)
        states = self._states.find(words)
        return Query(words, states, self._reader.head(query, words, {n for state in states for n in state.places}))

    def situations(self, query: Query) -> tuple[str, ...]:
        """The situations that it names, in their order of precedence."""
        return self._states.in_order(query.states)

    def matches(self, query: Query) -> Iterator[tuple[Match, tuple[str, ...]]]:
        """What it names, with the situations it is in."""
        for match in self._phrases.matches(query):
            # "broken glass" is an item before it is a situation; a "coated frying pan" is both
            ruled = self._ruled[match.item_id]
            others = [state for state in query.states if not state.places <= match.used or state.situation in ruled]
            yield match, self._states.in_order(others)
