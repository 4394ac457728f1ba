"""Names while somebody types: what may stand in the box so far, without reading it as a sentence.

Letters are compared, not syllables, since a keyboard passes 냉ㅈ, 냉자 and 냉장 on the way to 냉장고, and 펱 on the
way to 페트. Nothing here loads the Korean analyser.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from services.recycle.knowledge.hangul import has_hangul, initials, is_initials, letters, normalise, plain_initials
from services.recycle.knowledge.keyboard import as_hangul, as_latin
from services.recycle.knowledge.load import knowledge
from services.recycle.knowledge.model import Knowledge, Lang
from services.recycle.knowledge.prefixes import Prefixes

MAX_TEXT = 50
"""Characters of a text that are looked at."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An item, and that name or synonym of it which goes on from what was typed."""

    item_id: str
    words: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """A name or synonym from one of its words on: 피자 상자 can be found from 피자 and from 상자."""

    item_id: str
    words: str
    text: str
    rank: int
    is_name: bool
    is_later: bool


class Suggestions:
    """All names and synonyms of a knowledge set; read-only and safe to share."""

    def __init__(self, data: Knowledge) -> None:
        entries = list(_entries(data))
        korean = [entry for entry in entries if has_hangul(entry.text[:1])]
        self._by_letters = Prefixes([(letters(entry.text), entry) for entry in entries])
        self._by_initials = Prefixes([(plain_initials(initials(entry.text)), entry) for entry in korean])

    def suggest(self, text: str, limit: int = 8) -> list[Suggestion]:
        """At most `limit` items, each once; what stands there whole first, then what goes on after it.

        Of these short words stand before long ones, and last those that only a later word of theirs fits.
        """
        typed = text[:MAX_TEXT]
        found = self._found(normalise(typed))
        if not found:  # the keyboard may speak the other language
            found = self._found(normalise(as_hangul(typed) if typed.isascii() else as_latin(typed)))
        best: dict[str, Suggestion] = {}
        for entry in found:
            best.setdefault(entry.item_id, Suggestion(entry.item_id, entry.words))
        return list(islice(best.values(), max(limit, 0)))

    def _found(self, typed: str) -> list[_Entry]:
        if not typed:
            return []
        if is_initials(typed):
            return sorted(self._by_initials.after(plain_initials(typed)), key=_order)
        # 컵 goes on in 컵라면 rather than in 커버, which has its letters too
        return sorted(
            self._by_letters.after(letters(typed)),
            key=lambda entry: (entry.text != typed, not entry.text.startswith(typed), *_order(entry)),
        )


def suggest(text: str, limit: int = 8) -> list[Suggestion]:
    """Items of the shipped knowledge for what was typed so far, the likeliest first; ``[]`` when none begins so."""
    return _shipped().suggest(text, limit)


@cache
def _shipped() -> Suggestions:
    return Suggestions(knowledge())


def _entries(data: Knowledge) -> Iterator[_Entry]:
    langs: tuple[Lang, ...] = ("ko", "en")
    for rank, item in enumerate(data.items.values()):
        for lang in langs:
            for position, words in enumerate(item.words(lang)):
                for start in (match.start() for match in _WORD.finditer(words)):
                    yield _Entry(item.id, words, normalise(words[start:]), rank, position == 0, start > 0)


def _order(entry: _Entry) -> tuple[bool, int, bool, int]:
    return entry.is_later, len(entry.text), not entry.is_name, entry.rank
