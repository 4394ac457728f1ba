"""Reads a query, Korean or English or both, as words: what names the thing, what tells little, what only asks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from services.recycle.knowledge.hangul import has_hangul, readable, sound
from services.recycle.knowledge.morphology import IS, Analyser, Morpheme, Part
from services.recycle.knowledge.vocabulary import Role, Vocabulary, stem, vocabulary

_LATIN = re.compile(r"[a-z0-9]+(?:[''][a-z]+)?")
_PREPOSITIONS = frozenset({"of", "for", "from", "with", "in", "into", "on", "to", "at", "by", "go", "goes"})
_AFTER_THE_VERB_CAN = frozenset(
    {"i", "you", "we", "it", "they", "this", "that", "these", "those", "the", "a", "an", "my", "be", "go", "someone"}
)
_THE_VERB_CAN = "can "
_TO_A_PLACE = frozenset({"로", "으로", "에", "에다", "에다가", IS})
_TOPIC = frozenset({"은", "는"})
_CONTAINERS = frozenset("병통캔팩컵잔판곽갑망함심집칼솔등")
"""One-syllable heads that Korean writes to the word before them: 소주병 is 소주 and 병."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a query. ``form`` is the word as it sounds or its stem, ``lemma`` the one form of its equals.

    ``place`` says that it may only ask for the place, as 종이 in "우유팩은 종이인가요"; ``particle`` what follows it.
    """

    form: str
    lemma: str
    role: Role
    place: bool
    part: Part = "noun"
    particle: str = ""


@dataclass
class Reader:
    """Turns text into words. ``nouns`` are the lemmas into which a compound may be taken apart."""

    analyser: Analyser
    nouns: frozenset[str] = frozenset()
    words: Vocabulary = field(default_factory=vocabulary)

    def read(self, text: str) -> list[Word]:
        """The words in their order; particles, endings and signs are left out."""
        text = readable(text)
        if not has_hangul(text):
            return list(self._english(_LATIN.findall(text)))
        return self._with_places([word for morpheme in self.analyser.analyse(text) for word in self._korean(morpheme)])

    def head(self, text: str, words: list[Word], states: set[int]) -> int:
        """Where the word stands that says what the thing is: the topic of a Korean sentence, or the end of a phrase;
        an English phrase may go on with "of" or "in". -1 when no word names a thing."""
        nouns = [n for n, word in enumerate(words) if word.role == "thing" and word.part == "noun" and n not in states]
        named = [n for n in nouns if not words[n].place] or nouns
        if not named:
            return -1
        if has_hangul(text):
            return next((n for n in named if words[n].particle in _TOPIC), named[-1])
        prepositions = (n for n in range(named[0] + 1, len(words)) if words[n].form in _PREPOSITIONS)
        end = next(prepositions, len(words))
        return max(n for n in named if n < end)

    def _english(self, words: list[str]) -> Iterator[Word]:
        for place, word in enumerate(words):
            read = self._word(word)
            if word == "can" and _is_the_verb_can(words, place):
                read = replace(read, role="ask", lemma=_THE_VERB_CAN)
            yield replace(read, place=False)

    def _word(self, word: str, part: Part = "noun", particle: str = "") -> Word:
        known = self.words
        return Word(stem(word), known.lemma(word), known.role(word), known.is_place(word), part, particle)

    def _korean(self, morpheme: Morpheme) -> Iterator[Word]:
        *first, last = self._apart(morpheme.form)
        for form in first:
            yield self._word(form, morpheme.part)
        yield self._word(last, morpheme.part, morpheme.particle)

    def _apart(self, form: str) -> list[str]:
        if self.words.role(form) != "thing" or self.words.is_place(form):
            return [form]
        for cut in range(len(form) - 1, 1, -1):
            first, rest = form[:cut], form[cut:]
            known = rest in _CONTAINERS if len(rest) == 1 else sound(rest) in self.nouns
            if known and sound(first) in self.nouns:
                return [*self._apart(first), rest]
        return [form]

    def _with_places(self, words: list[Word]) -> list[Word]:
        """Names of places are such only where a particle or another of them follows."""
        marked = False
        for n in range(len(words) - 1, -1, -1):
            word = words[n]
            follows = marked and not word.particle
            rubbish = word.role == "dispose" and word.part == "noun"
            marked = word.place and (follows or word.particle in _TO_A_PLACE)
            words[n] = replace(word, place=marked)
            marked = marked or rubbish
        return words


def _is_the_verb_can(words: list[str], place: int) -> bool:
    following = words[place + 1 : place + 2]
    if following and following[0] in _AFTER_THE_VERB_CAN:
        return True
    return place == 0 and len(words) > 2 and following[0] not in ("of", "opener")
