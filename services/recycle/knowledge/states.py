"""Recognises situations in a query, however the verb is inflected: 기름 묻은, 기름이 많이 묻었어요, greasy."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.recycle.knowledge.model import Situation
from services.recycle.knowledge.reading import Reader, Word

_LONGEST_GAP = 2
"""Words that may stand between two of a situation: 라벨이 아직 그대로 붙어 있는."""
_UNFINISHED = frozenset({"다", "다가"})
_DENIALS = frozenset({"not", "no", "without", "isn't", "never", "non"})

_Phrase = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class State:
    """A situation that a query names, and the places of the words that name it."""

    situation: str
    places: frozenset[int]


class States:
    """The words of all situations, read as queries are."""

    def __init__(self, situations: dict[str, Situation], reader: Reader) -> None:
        phrases = {
            tuple((word.lemma, _ending(word)) for word in reader.read(phrase)): situation
            for situation, entry in situations.items()
            for phrase in (*entry.words.ko, *entry.words.en)
        }
        phrases.pop((), None)
        self._order = list(situations)
        longest_first = sorted(phrases.items(), key=lambda pair: -len(pair[0]))
        self._phrases: dict[str, list[tuple[int, _Phrase, str]]] = defaultdict(list)
        for rank, (phrase, situation) in enumerate(longest_first):
            self._phrases[phrase[0][0]].append((rank, phrase, situation))

    def find(self, words: Sequence[Word]) -> list[State]:
        """The situations named, each word used once, the longest phrases first."""
        taken: set[int] = set()
        found = []
        lemmas = dict.fromkeys(word.lemma for word in words)
        for _, phrase, situation in sorted(known for lemma in lemmas for known in self._phrases.get(lemma, ())):
            for places in _places(phrase, words):
                if taken.isdisjoint(places) and not _denied(words, places[0]):
                    taken.update(places)
                    found.append(State(situation, frozenset(places)))
        return found

    def in_order(self, states: Sequence[State]) -> tuple[str, ...]:
        """Their ids in the order of precedence, each once."""
        return tuple(sorted({state.situation for state in states}, key=self._order.index))


def _places(phrase: _Phrase, words: Sequence[Word]) -> Iterator[list[int]]:
    for start in range(len(words)):
        places: list[int] = []
        for wanted in phrase:
            after = places[-1] + 1 if places else start
            end = after + _LONGEST_GAP + 1 if places else start + 1
            near = (n for n in range(after, min(end, len(words))) if _is(words[n], *wanted))
            place = next(near, None)
            if place is None:
                break
            places.append(place)
        if len(places) == len(phrase):
            yield places


def _is(word: Word, lemma: str, ending: str) -> bool:
    return word.lemma == lemma and (not ending or _ending(word) == ending)


def _ending(word: Word) -> str:
    """What tells 먹다 남은, where something is left in it, from 먹고 남은, where it is what is left."""
    return "다" if word.part == "verb" and word.particle in _UNFINISHED else ""


def _denied(words: Sequence[Word], start: int) -> bool:
    return start > 0 and words[start - 1].form in _DENIALS
