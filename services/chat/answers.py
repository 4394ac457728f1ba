"""Answers from the rules: find the things that a message names, and say what the rules say of them."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from services.chat.domains import Rules
from services.chat.facts import Lang

LANGS: tuple[Lang, ...] = ("ko", "en")
PROVIDER = "rules"
QUERY_LONGEST = 100
PIECES_READ = 6
THINGS_ANSWERED = 3
SURE = 76.0  # a score from here on means that the message names the item; below it resembles one,
NEARLY = 60.0  # and below this, nothing that is worth a question

BREAK = re.compile(r"[.!?,;\n。？！、]+|\s(?:그리고|또는|and|or)\s|(?<=[가-힣])(?:이랑|하고)\s", re.IGNORECASE)

ASKED: dict[Lang, tuple[str, ...]] = {
    "ko": (
        "기름 묻은 피자 박스는 어떻게 버려요?",
        "다 쓴 건전지는 어디에 버리나요?",
        "우유팩은 종이로 버리나요?",
        "깨진 유리컵은 어떻게 버려요?",
        "투명 페트병 라벨은 떼야 하나요?",
    ),
    "en": (
        "How do I throw away a greasy pizza box?",
        "Where does a used battery go?",
        "Is a milk carton paper?",
        "What do I do with a broken glass?",
        "Do I take the label off a clear PET bottle?",
    ),
}
UNKNOWN: dict[Lang, str] = {
    "ko": "죄송해요, 말씀하신 물건을 찾지 못했어요. 물건 이름을 한 가지씩 적어 주시면 버리는 방법을 알려 드릴게요.",
    "en": "Sorry, I could not tell which thing you mean. Name one thing at a time and I will say how to dispose of it.",
}
RESEMBLES: dict[Lang, str] = {
    "ko": "혹시 이런 물건을 말씀하신 건가요? {names}. 맞는 이름으로 다시 물어봐 주세요.",
    "en": "Did you mean one of these: {names}? Please ask again with its name.",
}
FOLLOW_UP: dict[Lang, str] = {"ko": "{name} 어떻게 버려요?", "en": "How do I dispose of {name}?"}


@dataclass(frozen=True)
class Answer:
    """A text with the items it speaks of, questions that may come next, and who made it."""

    text: str
    items: list[dict[str, Any]]
    suggestions: list[str]
    provider: str = PROVIDER


@dataclass(frozen=True)
class Found:
    """What a message names: each item with its rules, and all that resembles its words."""

    named: list[tuple[dict[str, Any], dict[str, Any]]]
    hits: list[dict[str, Any]]


def look(message: str, recycle: Rules, lang: Lang, region: str | None = None) -> Found:
    """Find what a message names, and the rules for it. Raises what `recycle` raises."""
    hits: list[dict[str, Any]] = []
    named: dict[str, dict[str, Any]] = {}
    for piece in pieces(message):
        found = recycle.search(piece, 5)["hits"]
        hits += found
        if found and found[0]["score"] >= SURE:
            named.setdefault(found[0]["item_id"], found[0])
    sure = list(named.values())[:THINGS_ANSWERED]
    return Found([(hit, recycle.rules(hit["item_id"], hit["situations"], lang, region)) for hit in sure], hits)


def worded(found: Found, lang: Lang) -> Answer:
    """What was found in the rules' own words."""
    if found.named:
        return _from_rules(found, lang)
    names = _names(found.hits, set(), lang)
    if names:
        return Answer(RESEMBLES[lang].format(names=", ".join(names)), [], _follow_ups(names, lang))
    return Answer(UNKNOWN[lang], [], suggestions(lang))


def language(message: str) -> Lang:
    """Korean when there is Hangul in it, else English."""
    return "ko" if re.search("[가-힣ㄱ-ㅎ]", message) else "en"


def suggestions(lang: Lang = "ko") -> list[str]:
    """Questions to begin with."""
    return list(ASKED[lang])


def suggested(last: list[str]) -> dict[str, list[str]]:
    """Questions to go on with: those of the `last` answer in its language, then those to begin with."""
    lasting: dict[Lang, list[str]] = {"ko": [], "en": []}
    for question in last:
        lasting[language(question)].append(question)
    ko, en = (list(dict.fromkeys([*lasting[lang], *suggestions(lang)])) for lang in LANGS)
    return {"suggestions": ko[:5], "suggestions_en": en[:5]}


def pieces(message: str) -> list[str]:
    """The parts of a message that may each name a thing, fit to be searched for."""
    parts = (unicodedata.normalize("NFC", " ".join(part.split())) for part in BREAK.split(message))
    return [part[:QUERY_LONGEST].strip() for part in parts if part][:PIECES_READ]


def _from_rules(found: Found, lang: Lang) -> Answer:
    items = [
        {
            "item_id": rule["item_id"],
            "name": rule["name"],
            "major": rule["major"],
            "kind": rule["kind"],
            "situations": hit["situations"],
        }
        for hit, rule in found.named
    ]
    others = _names(found.hits, {item["item_id"] for item in items}, lang)
    return Answer("\n\n".join(rule["answer"] for _, rule in found.named), items, _follow_ups(others, lang))


def _names(hits: list[dict[str, Any]], without: set[str], lang: Lang) -> list[str]:
    field = "name" if lang == "ko" else "name_en"
    best = sorted((hit for hit in hits if hit["score"] >= NEARLY), key=lambda hit: -hit["score"])
    return list(dict.fromkeys(hit[field] for hit in best if hit["item_id"] not in without))[:3]


def _follow_ups(names: list[str], lang: Lang) -> list[str]:
    return [FOLLOW_UP[lang].format(name=name) for name in names] or suggestions(lang)[:3]
