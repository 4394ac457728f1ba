"""What a text claims: the places where things go, numbers, links, markup. A reading of words, without a model."""

import re
import unicodedata

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
NUMBER = re.compile(r"\d+")
LINK = re.compile(r"https?:|www\.|[a-z0-9-]+\.(?:kr|com|net|org|io)\b", re.IGNORECASE)
MARKUP = re.compile(r"[<>`*_#{}\[\]|\\]")
SENTENCE = re.compile(r"[.!?;]\s")
NOT = re.compile(r"않|말고|말아|마세요|마요|금지|안 (돼|되|섞|넣|버)|\b(not|never|don't|without)\b|n't\b")
HANGUL = re.compile("[가-힣]")


def plain(text: str) -> str:
    """The text as claims are looked for in it: NFKC, lower case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def places(text: str) -> list[str]:
    """The places that a plain text names, in the order in which it first does."""
    return list(dict.fromkeys(place for _, _, place in claimed(text)))


def claimed(text: str) -> list[tuple[int, int, str]]:
    """Where in a plain text it names which place: (start, end, place), in their order."""
    return sorted(
        (hit.start(), hit.end(), place) for place, pattern in _PATTERNS.items() for hit in pattern.finditer(text)
    )
