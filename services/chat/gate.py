"""The gate between a model and whoever reads it: nothing passes that the facts do not say.

A sentence is held until it is whole. One that claims what was not looked up (another place for a thing, a number, a
web address), that has markup, or that repeats the instructions, shuts the gate for good: the answer is then written
from the rules instead. One that is about something else altogether is left out. Before anything was looked up nothing
passes at all. So a model that obeys what a stranger wrote into a message, a name or a scan says it to nobody.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from services.chat.facts import Facts, place_of, places_of, strangers_of, warned_places_of
from services.kernel.openai.claims import MARKUP, NOT, NUMBER, claimed, places, plain

END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")
EMPHASIS = re.compile(r"[*`#]+|^\s*[-•]\s+", re.MULTILINE)
ADDRESS = re.compile(r"\S*(?:://|@|www\.|[^\W가-힣]\.[^\W\d_가-힣]{2,}|\.한국)\S*")
JOINED = re.compile(r"(?:와|과|이랑|랑|하고|및|and|[,·\s])*")
THERE = re.compile("(?:으로|로)")
AROUND = ".,;:!?()[]\"'“”‘’"
LONGEST = 1500  # characters of an answer
OWN_WORDS = 6  # words in a row of the instructions are a leak
RELATED = 0.3
"""Of a sentence's pairs of syllables (words in English) so many stand in the facts, half of it where it names a thing.
Else it is about something else.
"""
SHORT = 6  # pairs or words: too few to count


@dataclass(frozen=True)
class _Mark:
    start: int
    end: int
    items: set[str]


class Gate:
    """Takes a model's words as they come and passes what may be read on to `release`.

    `undo` is called where what was released of this try does not count any more; what the gate keeps follows anew.
    """

    def __init__(
        self,
        facts: Facts,
        question: str,
        instructions: str,
        release: Callable[[str], None],
        undo: Callable[[str], None],
    ) -> None:
        self.refused: str | None = None
        self.left_out = 0
        self._facts = facts
        self._question_numbers = {number for number in NUMBER.findall(plain(question)) if len(number) <= 3}
        self._instructions = _runs(instructions)
        self._release = release
        self._undo = undo
        self._kept: list[str] = []
        self._fresh: list[str] = []
        self._held = ""
        self._subjects: set[str] = set()

    @property
    def text(self) -> str:
        """All that was released."""
        return " ".join([*self._kept, *self._fresh])

    def begin(self) -> None:
        """A try begins: what an earlier try of the same turn said does not count."""
        self._held = ""
        if self._fresh:
            self._fresh = []
            self._undo("retried")
            for number, sentence in enumerate(self._kept):
                self._release(sentence if number == 0 else f" {sentence}")

    def hear(self, piece: str) -> None:
        """A piece of the model's text."""
        self._held += piece
        *whole, self._held = END.split(self._held)
        for sentence in whole:
            self._pass(sentence)

    def settle(self) -> None:
        """The turn is over: what is held is a sentence, and what was released stays."""
        self._pass(self._held)
        self._held = ""
        self._kept, self._fresh = [*self._kept, *self._fresh], []

    def _pass(self, sentence: str) -> None:
        sentence = " ".join(EMPHASIS.sub("", sentence).split())
        if self.refused or not sentence or not self._facts:
            return
        self.refused = self._fault(sentence)
        if self.refused:
            return
        if self._stray(sentence):
            self.left_out += 1
            return
        self._release(f" {sentence}" if self._kept or self._fresh else sentence)
        self._fresh.append(sentence)

    def _fault(self, sentence: str) -> str | None:
        """A stable word for what is wrong with a sentence."""
        said = plain(sentence)
        if not sentence.isprintable() or MARKUP.search(sentence):
            return "markup"
        if len(self.text) + len(sentence) > LONGEST:
            return "length"
        if any(_bare(found) not in self._facts.addresses() for found in ADDRESS.findall(said)):
            return "link"
        known = set(NUMBER.findall(plain(" ".join(self._facts.texts)))) | self._question_numbers
        if set(NUMBER.findall(said)) - known:
            return "number"
        if _runs(f"{self.text} {sentence}") & self._instructions:
            return "instructions"
        return "place" if any(self._misplaces(*part) for part in self._by_subject(said)) else None

    def _by_subject(self, said: str) -> Iterator[tuple[set[str], list[str], str]]:
        """The parts of a sentence, from one name to the next: the things, the places named for them, the words."""
        marks = self._marks(said)
        if not marks:
            yield self._subjects or set(self._facts.names), places(said), said
            return
        claims = [(_owner(said, start, end, marks), place) for start, end, place in claimed(said)]
        for number, mark in enumerate(marks):
            stop = marks[number + 1].start if number + 1 < len(marks) else len(said)
            self._subjects = mark.items
            words = said[0 if number == 0 else mark.start : stop]
            yield mark.items, [place for owner, place in claims if owner == number], words

    def _marks(self, said: str) -> list[_Mark]:
        """Where a sentence names things, longer names before those within them."""
        found: dict[tuple[int, int], set[str]] = {}
        for item_id, names in self._facts.names.items():
            for name in names:
                if len(name) > 1 or self._facts.rules_of(item_id):
                    for hit in re.finditer(re.escape(name), said):
                        found.setdefault(hit.span(), set()).add(item_id)
        marks: list[_Mark] = []
        for (start, end), items in sorted(found.items(), key=lambda entry: (entry[0][0], -entry[0][1])):
            as_place = THERE.match(said, end) and places(said[start:end])
            if not as_place and (not marks or start >= marks[-1].end):
                marks.append(_Mark(start, end, items))
        return marks

    def _misplaces(self, subjects: set[str], found: list[str], said: str) -> bool:
        """Whether a part of a sentence sends its things elsewhere than the rules do."""
        rules = [ruled for item_id in subjects for ruled in self._facts.rules_of(item_id)]
        allowed = {place for ruled in rules for place in places_of(ruled)}
        if NOT.search(said) or any(name in said for ruled in rules for name in strangers_of(ruled)):
            return bool(set(found) - allowed - {place for ruled in rules for place in warned_places_of(ruled)})
        first = next((place for place in found if place != "recyclable"), None)
        own = {place_of(ruled) for ruled in rules}
        return bool(set(found) - allowed) or (first is not None and first not in own and not self._verdict_given(own))

    def _verdict_given(self, own: set[str]) -> bool:
        """Whether the answer has said before where the thing goes; other places of its rules may follow."""
        return bool(own & set(places(plain(self.text))))

    def _stray(self, sentence: str) -> bool:
        grams, known = _grams(sentence), _grams(" ".join(self._facts.texts))
        if len(grams) < SHORT:
            return not grams & known
        related = RELATED / 2 if self._marks(plain(sentence)) else RELATED
        return len(grams & known) < related * len(grams)


def _owner(said: str, start: int, end: int, marks: list[_Mark]) -> int | None:
    """For which of the things that a sentence names it names a place: the last one before the place.

    None for words that are only a part of a thing's name: the first thing's, or of one that is listed with it. In the
    name of a later thing they are a place for the thing before it.
    """
    last = max((number for number, mark in enumerate(marks) if mark.start <= start), default=0)
    if not marks[last].start <= start < marks[last].end:
        return last
    if last > 0 and not JOINED.fullmatch(said[marks[last - 1].end : marks[last].start]):
        return last - 1
    return None if end <= marks[last].end else last


def _bare(address: str) -> str:
    """An address without the Korean words and the brackets that it stands in."""
    return re.sub("^[가-힣(]+|[가-힣]+$", "", address.strip(AROUND)).strip(AROUND)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", plain(text))
    return {tuple(words[start : start + OWN_WORDS]) for start in range(len(words) - OWN_WORDS + 1)}


def _grams(text: str) -> set[str]:
    """What a text is about: pairs of Korean syllables, and the beginnings of longer Latin words."""
    said = plain(text)
    syllables = (word[at : at + 2] for word in re.findall("[가-힣]{2,}", said) for at in range(len(word) - 1))
    return {*syllables, *(word[:5] for word in re.findall("[a-z]{4,}", said))}
