"""Korean sentences as the words that carry meaning: nouns and stems, without particles and endings (by Kiwi).

The analyser takes about a second and 240 MB to load, so it is loaded by the first sentence that needs it. It runs in
the calling thread and starts none of its own; a sentence takes some 0.2 ms.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

Part = Literal["noun", "verb", "other"]

_NOUNS = frozenset({"NNG", "NNP", "NNB", "NR", "NP", "XR", "SL", "SN", "SH", "SW"})
_VERBS = frozenset({"VV", "VA", "VX"})
_OTHERS = frozenset({"MAG", "MM", "XPN"})
_NOT_BEFORE = frozenset({"안", "못"})
_NOT_AFTER = frozenset({"않", "못하", "말"})
_ADVERBS = frozenset({"다", "덜"})
_PLURAL = "들"
IS = "이다"
"""Stands for the copula, in all its forms, where a particle would."""
NOT = "안"
"""Stands before a verb that is denied: 떼지 않은, 안 뗀 and 못 뗀 are all 안떼."""


@dataclass(frozen=True, slots=True)
class Morpheme:
    """A word that carries meaning. ``form`` is a verb's stem; ``particle`` follows: 은, 에, 이다, or a verb's 고."""

    form: str
    part: Part
    particle: str = ""


class Analyser:
    """Kiwi with the nouns of our own taught to it; read-only once made, and safe to share between threads."""

    def __init__(self, nouns: Iterable[str]) -> None:
        from kiwipiepy import Kiwi

        # without the encyclopedia's proper nouns: half the time and memory, and everyday things are not among them
        self._kiwi = Kiwi(num_workers=0, load_default_dict=False, load_typo_dict=False, load_multi_dict=False)
        # all at once: the first analysis after an added word takes half a second
        for noun in [noun for noun in nouns if not self._is_noun(noun)]:
            self._kiwi.add_user_word(noun, "NNG")
        self._kiwi.tokenize("")

    def analyse(self, text: str) -> list[Morpheme]:
        """The nouns, stems of verbs and telling adverbs of a text in their order; ``[]`` when there are none."""
        return list(_denied(_morphemes(self._kiwi.tokenize(text))))

    def _is_noun(self, word: str) -> bool:
        return all(token.tag in _NOUNS or token.tag == "XSN" for token in self._kiwi.tokenize(word))


@cache
def analyser(nouns: tuple[str, ...]) -> Analyser:
    """One analyser a process for the same nouns; two threads that ask at once may load it twice, and one is kept."""
    return Analyser(nouns)


def _morphemes(tokens: Iterable[Any]) -> Iterator[Morpheme]:
    prefix: tuple[str, int] | None = None
    last: Morpheme | None = None
    end = -1
    for token in tokens:
        tag, joined = token.tag.partition("-")[0], token.start == end
        end = token.start + token.len
        if tag == "XSN" and last and last.part == "noun" and joined:
            last = last if token.form == _PLURAL else replace(last, form=last.form + token.form)
            continue
        if last and (tag[0] == "J" or tag in {"VCP", "EC"}):
            last = replace(last, particle=last.particle or (IS if tag == "VCP" else token.form))
            continue
        if last:
            yield last
        last = None
        if tag in _NOUNS:
            form = prefix[0] + token.form if prefix and prefix[1] == token.start else token.form
            last = Morpheme(form, "noun")
        elif tag in _VERBS:
            last = Morpheme(token.form, "verb")
        elif tag == "XPN" and token.form != "폐":
            prefix = token.form, end
        elif tag in _OTHERS:
            last = Morpheme(token.form, "other")
    if last:
        yield last


def _denied(morphemes: Iterable[Morpheme]) -> Iterator[Morpheme]:
    denied = False
    last: Morpheme | None = None
    for morpheme in morphemes:
        if morpheme.part == "other":
            if morpheme.form in _NOT_BEFORE:
                denied = True
                continue
            if morpheme.form not in _ADVERBS and len(morpheme.form) > 1:
                continue
        if last and last.part == "verb" and morpheme.part == "verb" and morpheme.form in _NOT_AFTER:
            last = replace(last, form=NOT + last.form)
            continue
        if last:
            yield last
        if denied and morpheme.part == "verb":
            morpheme, denied = replace(morpheme, form=NOT + morpheme.form), False
        last = morpheme
    if last:
        yield last
