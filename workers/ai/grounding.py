"""Does an answer say only what the rules say? A check of words, without a model.

It looks for what makes an answer dangerous: another place than the rules', a place that comes before theirs, a number,
link or markup that they do not have. What it cannot see, such as a step that is missing, harms less.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from services.kernel.openai.claims import HANGUL, LINK, MARKUP, NOT, NUMBER, SENTENCE, places, plain


class Ungrounded(ValueError):
    """``why`` is a stable word for what was wrong."""

    def __init__(self, why: str, detail: str) -> None:
        self.why = why
        super().__init__(f"{why}: {detail}")


@dataclass(frozen=True, slots=True)
class Grounding:
    """What an answer is held against: the place (a class or kind), what the rules say, the language.

    ``name`` is the thing's, which may contain that of a place: the cap of a clear PET bottle. ``warnings`` say what not
    to do, so a place that only they name may be named in a sentence with a "not"; or in one about one of the
    ``strangers``, the things that go elsewhere.
    """

    place: str
    name: str
    texts: tuple[str, ...]
    warnings: tuple[str, ...]
    strangers: tuple[str, ...]
    language: Literal["ko", "en"]

    def check(self, answer: str) -> None:
        """Raises `Ungrounded`."""
        if MARKUP.search(answer) or not answer.isprintable():
            raise Ungrounded("markup", "an answer is plain text")
        if (len(HANGUL.findall(answer)) * 3 > len(answer)) != (self.language == "ko"):
            raise Ungrounded("language", f"not {self.language}")
        said = plain(answer)
        rules, warnings = plain(" ".join(self.texts)), plain(" ".join(self.warnings))
        _refuse_new(NUMBER.findall(said), NUMBER.findall(rules + warnings), "number")
        _refuse_new(LINK.findall(said), LINK.findall(rules + warnings), "link")
        here = {self.place, *places(rules)} | (set() if self.place in _MAJORS else {"recyclable"})
        for sentence in SENTENCE.split(said):
            warned = places(warnings) if NOT.search(sentence) or self._about_strangers(sentence) else []
            _refuse_new(places(self._nameless(sentence)), {*here, *warned}, "place")
        named = [place for place in places(self._nameless(said)) if place != "recyclable"]
        if self.place not in named or named[0] != self.place:
            raise Ungrounded("contradiction", f"{(named or ['nothing'])[0]} before {self.place}")

    def _nameless(self, text: str) -> str:
        return re.sub(rf"(?<!\w){re.escape(plain(self.name))}(?![a-z])", "", text)

    def _about_strangers(self, sentence: str) -> bool:
        return any(plain(stranger) in sentence for stranger in self.strangers)


def _refuse_new(said: Iterable[str], given: Iterable[str], why: str) -> None:
    new = [one for one in said if one not in set(given)]
    if new:
        raise Ungrounded(why, f"the rules do not say {new[0]!r}")


_MAJORS = {"general", "non_combustible", "food", "construction", "bulky", "hazardous"}
