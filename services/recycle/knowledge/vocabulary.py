"""The words of the search that are no items: what asks, what tells little, what names the same."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import yaml
from snowballstemmer import stemmer

from services.recycle.knowledge.hangul import letters, sound
from services.recycle.knowledge.model import Strict, Words

Role = Literal["thing", "weak", "ask", "dispose"]
"""What a word does in a query: names the thing, tells little of it, asks, asks how to throw away."""

WORDS = Path(__file__).parent / "data" / "words.yaml"
_ACRONYMS = re.compile("[bcdfghjklmnpqrtvwxz]{2,3}s")
_F_SOUND = re.compile("(?<=..)(?:ves?|fe)$")


class WordsFile(Strict):
    """``words.yaml``; what each list means is said there."""

    dispose: Words
    ask: Words
    weak: Words
    places: Words
    same: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Vocabulary:
    """Words by what they do."""

    roles: dict[str, Role]
    places: frozenset[str]
    same: dict[str, str]

    def lemma(self, word: str) -> str:
        """The one form of a word: lower case, an English word's stem, the first of the words that name the same."""
        base = stem(word)
        return self.same.get(base, base)

    def role(self, word: str) -> Role:
        return self.roles.get(_key(word), "thing")

    def is_place(self, word: str) -> bool:
        return _key(word) in self.places


@lru_cache(10_000)
def stem(word: str) -> str:
    """An English word's stem, a Korean word as it sounds."""
    if not word.isascii():
        # of a single syllable the sound tells too little: 때, 데 and 떼 are three words
        return sound(word) if len(word) > 1 else letters(word)
    # the stemmer brings neither knives back to knife nor CDs to CD
    if _ACRONYMS.fullmatch(word):
        return word[:-1]
    ending = _F_SOUND.search(word)
    # a stemmer of its own for each word: one is no use to two threads at once
    return word[: ending.start()] + "f" if ending else str(stemmer("english").stemWord(word))


def _key(word: str) -> str:
    return stem(word) if word.isascii() else word


@cache
def vocabulary(path: Path = WORDS) -> Vocabulary:
    """The vocabulary that ships with the code. Raises ``ValidationError`` when the file is not as it must be."""
    file = WordsFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    roles: dict[str, Role] = {}
    by_role: tuple[tuple[Role, Words], ...] = (("weak", file.weak), ("ask", file.ask), ("dispose", file.dispose))
    for role, words in by_role:
        roles.update({_key(word): role for word in (*words.ko, *words.en)})
    return Vocabulary(
        roles,
        frozenset(_key(word) for word in (*file.places.ko, *file.places.en)),
        {stem(word): stem(row[0]) for row in file.same for word in row},
    )
