"""Does an answer say only what the rules say? A check of words, without a model.

It looks for what makes an answer dangerous: another place than the rules', a place that comes before theirs, a number,
link or markup that they do not have. What it cannot see, such as a step that is missing, harms less.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

PLACES: dict[str, tuple[str, ...]] = {
    "general": ("종량제", "일반 ?쓰레기", "general waste", "pay-per-use", "(waste|garbage|trash|rubbish) bag"),
    "non_combustible": ("불연성", "특수 ?규격 ?봉투", "마대", "non-?combustible", "special sack"),
    "food": ("음식물 ?쓰레기", "음식물류", "음식물 (전용 )?수거함", "food waste"),
    "construction": ("공사장 ?생활 ?폐기물", "건설 ?폐기물", "works waste", "construction waste"),
    "bulky": ("대형 ?폐기물", "bulky"),
    "hazardous": ("유해 ?폐기물", "hazardous"),
    "paper": ("종이류", "종이로 (분리|내놓)", "종이 수거함", "폐지로", "with the paper(?! pack)", "paper bin"),
    "paper_pack": ("종이팩", "paper packs?", "carton bin"),
    "clear_pet": ("(무색|투명) ?페트병", "페트병 수거함", "clear pet"),
    "plastic": ("플라스틱류", "플라스틱으로 (분리|내놓)", "플라스틱 수거함", "with the plastics", "plastics? bin"),
    "film": ("비닐류", "비닐로 (분리|내놓)", "비닐 수거함", "with the plastic film", "film bin"),
    "eps": ("스티로폼(\\(발포합성수지\\))?으로", "스티로폼 수거함", "with the styrofoam"),
    "glass_bottle": ("유리병으로", "유리병 수거함", "유리병류", "glass bottle bin", "with the glass bottles"),
    "metal": ("금속류", "고철로", "캔류", "with the metal", "metal bin"),
    "clothing": ("의류 ?수거함", "헌 ?옷 ?수거함", "clothing (collection )?(box|bin)"),
    "battery": ("전지 ?수거함", "battery (collection )?(box|bin)"),
    "lamp": ("형광등 ?수거함", "lamp (collection )?(box|bin)"),
    "electronics": ("폐가전", "waste electronics", "appliance pick-?up"),
    "recyclable": ("재활용품", "재활용으로 (분리|내놓|배출)", "with the recyclables", "recycling bin"),
}
"""How an answer names the place where a thing goes: patterns, by class or kind."""

_PATTERNS = {place: re.compile("|".join(words)) for place, words in PLACES.items()}
_NUMBER = re.compile(r"\d+")
_LINK = re.compile(r"https?:|www\.|[a-z0-9-]+\.(?:kr|com|net|org|io)\b", re.IGNORECASE)
_MARKUP = re.compile(r"[<>`*_#{}\[\]|\\]")
_SENTENCE = re.compile(r"[.!?;]\s")
_NOT = re.compile(r"않|말고|말아|마세요|마요|금지|안 (돼|되|섞|넣|버)|\b(not|never|don't|without)\b|n't\b")
_HANGUL = re.compile("[가-힣]")


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
        if _MARKUP.search(answer) or not answer.isprintable():
            raise Ungrounded("markup", "an answer is plain text")
        if (len(_HANGUL.findall(answer)) * 3 > len(answer)) != (self.language == "ko"):
            raise Ungrounded("language", f"not {self.language}")
        said = _plain(answer)
        rules, warnings = _plain(" ".join(self.texts)), _plain(" ".join(self.warnings))
        _refuse_new(_NUMBER.findall(said), _NUMBER.findall(rules + warnings), "number")
        _refuse_new(_LINK.findall(said), _LINK.findall(rules + warnings), "link")
        here = {self.place, *_places(rules)} | (set() if self.place in _MAJORS else {"recyclable"})
        for sentence in _SENTENCE.split(said):
            warned = _places(warnings) if _NOT.search(sentence) or self._about_strangers(sentence) else []
            _refuse_new(_places(self._nameless(sentence)), {*here, *warned}, "place")
        named = [place for place in _places(self._nameless(said)) if place != "recyclable"]
        if self.place not in named or named[0] != self.place:
            raise Ungrounded("contradiction", f"{(named or ['nothing'])[0]} before {self.place}")

    def _nameless(self, text: str) -> str:
        return re.sub(rf"(?<!\w){re.escape(_plain(self.name))}(?![a-z])", "", text)

    def _about_strangers(self, sentence: str) -> bool:
        return any(_plain(stranger) in sentence for stranger in self.strangers)


def _refuse_new(said: Iterable[str], given: Iterable[str], why: str) -> None:
    new = [one for one in said if one not in set(given)]
    if new:
        raise Ungrounded(why, f"the rules do not say {new[0]!r}")


_MAJORS = {"general", "non_combustible", "food", "construction", "bulky", "hazardous"}


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def _places(text: str) -> list[str]:
    """The places that a text names, in the order in which it first does."""

    def found() -> Iterator[tuple[int, str]]:
        for place, pattern in _PATTERNS.items():
            if hit := pattern.search(text):
                yield hit.start(), place

    return [place for _, place in sorted(found())]
