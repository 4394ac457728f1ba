"""Regions: from what people write to a region, whom to ask there, and what is not recorded of it."""

import re
from collections.abc import Iterable
from functools import cache
from itertools import product

from services.recycle.knowledge.disposal import Locality, LocallyUnknown, UnknownRegion
from services.recycle.knowledge.hangul import is_syllable, normalise
from services.recycle.knowledge.load import knowledge as shipped
from services.recycle.knowledge.model import Knowledge, Region, Text

_COUNTRY = frozenset({"대한민국", "한국", "korea", "southkorea", "republicofkorea"})
_SUFFIX = re.compile(r"(?<=\w\w)(구|군)$|(?<=\w)-(gu|gun)$", re.IGNORECASE)
_MANY_TOKENS = 12  # an address has fewer; more is no region and not worth the search


def chain(whole: Knowledge, region: str | None) -> tuple[str, ...]:
    """The region and its parents, the nearest first; nothing for None. Raises :class:`UnknownRegion`."""
    found: list[str] = []
    while region is not None:
        if region not in whole.regions:
            raise UnknownRegion(region)
        found.append(region)
        region = whole.regions[region].parent
    return tuple(found)


def full_name(whole: Knowledge, region: str) -> Text:
    """As an address says it: ``서울특별시 강남구`` and ``Gangnam-gu, Seoul``."""
    names = [whole.regions[place].name for place in chain(whole, region)]
    return Text(ko=" ".join(name.ko for name in reversed(names)), en=", ".join(name.en for name in names))


def contact(whole: Knowledge, region: str) -> tuple[str | None, str | None]:
    """The web site and the telephone number of whom to ask; the nearest that is known of each."""
    places = [whole.regions[place] for place in chain(whole, region)]
    site = next((place.site for place in places if place.site), None)
    phone = next((place.phone for place in places if place.phone), None)
    return site, phone


def unknown_topics(whole: Knowledge, region: str) -> tuple[str, ...]:
    """The topics whose local rule is not recorded: the region's own list, else its parent's."""
    places = (whole.regions[place] for place in chain(whole, region))
    return next((place.unknown for place in places if place.unknown is not None), ())


def locality(whole: Knowledge, region: str, about: Iterable[str], settled: Iterable[str]) -> Locality:
    """What an answer in this region adds: of the unknown topics those that matter to one of ``about`` (ids of
    items, kinds, classes) and are not ``settled``. Raises :class:`UnknownRegion`.
    """
    matters, known = set(about), set(settled)
    unknown = tuple(
        LocallyUnknown(topic, whole.topics[topic].name)
        for topic in unknown_topics(whole, region)
        if topic not in known and matters.intersection(whole.topics[topic].of)
    )
    site, phone = contact(whole, region)
    return Locality(region, full_name(whole, region), site, phone, unknown)


def find_region(text: str, data: Knowledge | None = None) -> tuple[str, ...]:
    """The ids of the regions that people may mean by ``text``: one when it is clear, several when they must
    choose (``중구``), none when it names no region that is known here.

    Takes a name or an address, Korean from the large to the small (``서울 강남구 역삼동``), English the other way
    round (``Yeoksam-dong, Gangnam-gu, Seoul``). A part that is not known may follow where the address becomes
    smaller, and may not stand where it is larger: ``경기 광주`` is not the Gwangju we know.
    """
    tokens = [token for token in re.split(r"[\s,]+", text) if normalise(token) and not token.isdigit()]
    tokens = _without_country(tokens)
    if not 0 < len(tokens) <= _MANY_TOKENS:
        return ()
    known = _written(data) if data else _shipped_writings()
    korean = any(is_syllable(char) for char in text)
    for length in range(len(tokens), 0, -1):
        part, rest = (tokens[:length], tokens[length:]) if korean else (tokens[-length:], tokens[:-length])
        found = known.get(normalise("".join(part)))
        if found:
            elsewhere = any(normalise(token) in known for token in rest)
            return () if elsewhere else tuple(found)
    return ()


def _without_country(tokens: list[str]) -> list[str]:
    for size in (3, 2, 1):
        if normalise("".join(tokens[-size:])) in _COUNTRY:
            return tokens[:-size]
        if normalise("".join(tokens[:size])) in _COUNTRY:
            return tokens[size:]
    return tokens


@cache
def _shipped_writings() -> dict[str, list[str]]:
    return _written(shipped())


def _written(whole: Knowledge) -> dict[str, list[str]]:
    """Every way of writing a region, normalised, with the regions that it may mean in the order of the data."""
    known: dict[str, list[str]] = {}
    for region_id, region in whole.regions.items():
        own = _words(region)
        forms = set(own)
        if region.parent is not None:
            above = _words(whole.regions[region.parent])
            forms |= {f"{a} {o}" for a, o in product(above, own)} | {f"{o} {a}" for a, o in product(above, own)}
        for key in sorted({normalise(form) for form in forms}):
            known.setdefault(key, []).append(region_id)
    return known


def _words(region: Region) -> tuple[str, ...]:
    """The names and synonyms, also without 구, 군, -gu and -gun where two syllables are left: 강남, but not 중."""
    words = [*region.words("ko"), *region.words("en")]
    if len(region.name.ko) > 2:
        words += [_SUFFIX.sub("", word) for word in words]
    return tuple(dict.fromkeys(words))
