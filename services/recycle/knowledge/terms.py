"""Names and synonyms compared with a query as one string: spaces, word order and grammar do not count here."""

from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from services.recycle.knowledge.hangul import (
    INITIALS,
    TWO_KEYS,
    has_hangul,
    initials,
    is_initials,
    normalise,
    plain_initials,
    sound,
)
from services.recycle.knowledge.model import Knowledge, Lang
from services.recycle.knowledge.prefixes import Prefixes

_FUZZY_CUTOFF = 72.0
_FUZZY_SHORTEST = 4
"""Letters of a text from which on a typing mistake leaves enough to recognise."""


@dataclass(frozen=True, slots=True)
class Term:
    """A name or synonym of an item; ``text`` is normalised, ``words`` as the data say it."""

    item_id: str
    words: str
    text: str
    first_letters: str
    is_name: bool


@dataclass(frozen=True, slots=True)
class Match:
    """An item, 0 to 100 how well, and how it matched; ``used`` are the places of the words that matched, if known."""

    item_id: str
    score: float
    reason: str
    used: frozenset[int] = frozenset()


class Terms:
    """All terms of a knowledge set; read-only and safe to share."""

    def __init__(self, data: Knowledge) -> None:
        self.all = list(_terms(data))
        self._by_text: dict[str, list[Term]] = {}
        for term in self.all:
            self._by_text.setdefault(term.text, []).append(term)
        self._sounds = [sound(term.text) for term in self.all]
        self._prefixes = Prefixes((term.text, term) for term in self.all)
        self._initials = [
            (term, plain_initials(term.first_letters)) for term in self.all if is_initials(term.first_letters[:1])
        ]

    def exact(self, text: str) -> Iterator[Match]:
        for term in self._by_text.get(text, ()):
            yield Match(term.item_id, 100.0 if term.is_name else 98.0, "exact")

    def beginning_with(self, text: str) -> Iterator[Match]:
        """Terms that go on after the text, as while somebody types; the last letter may be a lone consonant."""
        if len(text) < 2 and text.isascii():
            return
        half = text[-1] if text[-1] in INITIALS else ""
        whole = text.removesuffix(half)
        if not whole:
            return
        for term in self._prefixes.after(whole):
            if len(term.text) == len(whole):
                continue
            if half and plain_initials(term.first_letters[len(whole)]) != plain_initials(half):
                continue
            yield Match(term.item_id, 80 + 10 * len(text) / len(term.text), "prefix")

    def containing(self, text: str) -> Iterator[Match]:
        """Terms with the text inside them; of a single syllable, those that are a kind of it: 소주병 for 병."""
        if len(text) < 2 and not has_hangul(text):
            return
        for term in self.all:
            if text in term.text[1:] and (len(text) > 1 or term.text.endswith(text)):
                yield Match(term.item_id, 65 + 10 * len(text) / len(term.text), "contains")

    def with_initials(self, text: str) -> Iterator[Match]:
        """Terms by the first consonants of their syllables, ㅍㅌㅂ for 페트병; ㅂㅂㅇ finds 뽁뽁이 as well."""
        typed, plain = text.translate(TWO_KEYS), plain_initials(text)
        for term, letters in self._initials:
            if plain not in letters:
                continue
            share = len(plain) / len(letters)
            # a double consonant that was typed as such is meant
            meant = 0 if typed in term.first_letters else -2
            if letters == plain:
                yield Match(term.item_id, (90 if term.is_name else 88) + meant, "initial consonants")
            elif letters.startswith(plain):
                yield Match(term.item_id, 70 + 10 * share + meant, "initial consonants")
            elif len(plain) > 1:
                yield Match(term.item_id, 55 + 10 * share + meant, "initial consonants")

    def resembling(self, text: str, share: float = 1.0) -> Iterator[Match]:
        """Terms that sound nearly like the text: below 76, for a guess is never sure, less where it is but a share."""
        text = sound(text)
        if len(text) < _FUZZY_SHORTEST:
            return
        for _, ratio, place in process.extract(
            text, self._sounds, scorer=fuzz.ratio, limit=10, score_cutoff=_FUZZY_CUTOFF
        ):
            yield Match(self.all[place].item_id, ratio * 0.755 * share, "fuzzy")


def _terms(data: Knowledge) -> Iterator[Term]:
    langs: tuple[Lang, ...] = ("ko", "en")
    for item in data.items.values():
        for lang in langs:
            for position, word in enumerate(item.words(lang)):
                text = normalise(word)
                yield Term(item.id, word, text, initials(text), position == 0)
