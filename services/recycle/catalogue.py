"""The knowledge as RPC answers: items, search, rules, regions, calendars and questions, in types that JSON knows."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field

from services.kernel.arguments import Line, checked, missing
from services.kernel.errors import Unprocessable
from services.recycle import knowledge
from services.recycle.knowledge import (
    Disposal,
    FaqEntry,
    Group,
    Item,
    KindId,
    MajorId,
    Slot,
    UnknownItem,
    UnknownSituation,
)
from services.recycle.knowledge.regions import contact, full_name

Lang = Literal["ko", "en"]
Query = Annotated[str, Line(1, 100)]
Typed = Annotated[str, Line(1, 50)]
Situations = Annotated[list[Annotated[str, Line(1, 50)]], Field(max_length=20)]
Place = Annotated[str, Line(1, 50)]
"""A region: its id, or its name or an address as people write it."""


def categories() -> list[dict[str, Any]]:
    """The major classes in their order; under ``recyclable`` its kinds; each with its number of items."""
    whole = knowledge.knowledge()
    majors = Counter(item.major for item in whole.items.values())
    kinds = Counter(item.kind for item in whole.items.values() if item.kind)
    recyclables = [_category(kind, group, kinds[kind]) for kind, group in whole.kinds.items()]
    return [
        {**_category(major, group, majors[major]), "kinds": recyclables if major == "recyclable" else []}
        for major, group in whole.classes.items()
    ]


@checked
def item(item_id: str, lang: Lang = "ko", region: Place | None = None) -> dict[str, Any]:
    """An item as it is, with its disposal and the situations that change it; in a region, by its rules.

    Raises `NotFound` ``item_not_found``, `Unprocessable` ``unknown_region`` or ``ambiguous_region``.
    """
    here = region_id(region)
    disposal = _disposal(item_id, [], here)
    return {
        **knowledge.as_dict(disposal, lang),
        "synonyms": list(disposal.item.words(lang)[1:]),
        "situations": _situations(disposal.item, lang, here),
    }


@checked
def items(
    category: MajorId | None = None,
    kind: KindId | None = None,
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0,
    limit: Annotated[int, Field(ge=1, le=100)] = 50,
) -> dict[str, Any]:
    """``{"items", "total", "next"}`` of a class or kind, or of all; `next` is the following page's `offset`, or None.

    Raises `Unprocessable` ``invalid_arguments`` for a kind with another class than ``recyclable``.
    """
    if kind is not None and category not in (None, "recyclable"):
        raise _unknown("invalid_arguments", "kind", f"{category!r} has no kinds")
    found = [
        item
        for item in knowledge.knowledge().items.values()
        if category in (None, item.major) and kind in (None, item.kind)
    ]
    after = offset + limit
    return {
        "items": [_named(item) for item in found[offset:after]],
        "total": len(found),
        "next": after if after < len(found) else None,
    }


@checked
def search(query: Query, limit: Annotated[int, Field(ge=1, le=50)] = 10) -> list[dict[str, Any]]:
    """The items that fit `query`, best first, with the situations that it names."""
    return [_hit(hit) for hit in knowledge.search(query, limit)]


@checked
def suggest(text: Typed, limit: Annotated[int, Field(ge=1, le=20)] = 8) -> list[dict[str, Any]]:
    """The items whose name or synonym (``match``) goes on from `text`, the likeliest first."""
    items = knowledge.knowledge().items
    return [{**_named(items[found.item_id]), "match": found.words} for found in knowledge.suggest(text, limit)]


@checked
def faq(lang: Lang = "ko", region: Place | None = None) -> list[dict[str, Any]]:
    """The frequent questions, each with the answer of the rules, in a region by its own.

    Raises `Unprocessable` ``unknown_region`` or ``ambiguous_region``.
    """
    here = region_id(region)
    return [_answered(entry_id, entry, lang, here) for entry_id, entry in knowledge.knowledge().faq.items()]


@checked
def rules(
    item_id: str, situations: Situations | None = None, lang: Lang = "ko", region: Place | None = None
) -> dict[str, Any]:
    """How to throw an item away in these situations, in a region by its rules.

    Raises `NotFound` ``item_not_found``, `Unprocessable` ``unknown_situation``, ``unknown_region`` or
    ``ambiguous_region``.
    """
    return knowledge.as_dict(_disposal(item_id, situations or [], region_id(region)), lang)


@checked
def region(text: Place) -> dict[str, Any]:
    """The region that is meant. Raises `Unprocessable` ``unknown_region`` or ``ambiguous_region``."""
    meant = region_id(text)
    return next(entry for entry in regions() if entry["id"] == meant)


def regions() -> list[dict[str, Any]]:
    """The cities and districts whose rules are known or that can be asked; a city before its districts."""
    return [
        {"id": region_id, "name": region.name.ko, "name_en": region.name.en, "parent": region.parent}
        for region_id, region in knowledge.knowledge().regions.items()
    ]


@checked
def calendar(region: Place, lang: Lang = "ko") -> dict[str, Any]:
    """When and where each kind of waste is put out in a region, as far as it is known, and whom to ask for the rest.

    Raises `Unprocessable` ``unknown_region`` or ``ambiguous_region``.
    """
    here = str(region_id(region))
    whole = knowledge.knowledge()
    site, phone = contact(whole, here)
    return {
        "region": {"id": here, "name": full_name(whole, here).in_(lang)},
        "contact": {"site": site, "phone": phone},
        "collections": [_slot(slot, lang) for slot in knowledge.calendar(here)],
    }


def size() -> dict[str, int]:
    """How much the knowledge holds."""
    whole = knowledge.knowledge()
    parts = ("classes", "kinds", "items", "situations", "sources", "regions")
    return {part: len(getattr(whole, part)) for part in parts}


def region_id(text: str | None) -> str | None:
    """The id of the region that `text` names; None for None."""
    known = knowledge.knowledge().regions
    if text is None or text in known:
        return text
    found = knowledge.find_region(text)
    if len(found) > 1:
        names = ", ".join(f"{_full_name(one)} ({one})" for one in found)
        raise _unknown("ambiguous_region", "region", f"{text!r} may be: {names}")
    if not found:
        raise _unknown("unknown_region", "region", f"{text!r} is no region that is known here")
    return found[0]


def _full_name(one: str) -> str:
    known = knowledge.knowledge().regions
    parent = known[one].parent
    return f"{known[parent].name.ko} {known[one].name.ko}" if parent else known[one].name.ko


def _disposal(item_id: str, situations: list[str], region: str | None) -> Disposal:
    try:
        return knowledge.rules_for(item_id, situations, region)
    except UnknownItem:
        raise missing("item") from None
    except UnknownSituation as error:
        known = ", ".join(knowledge.knowledge().situations)
        raise _unknown(error.code, "situations", f"{error.situation!r} is none of: {known}") from None


def _unknown(code: str, field: str, message: str) -> Unprocessable:
    return Unprocessable(code, message, [{"field": field, "message": message}])


def _hit(hit: knowledge.Hit) -> dict[str, Any]:
    return {
        **_named(knowledge.knowledge().items[hit.item_id]),
        "score": hit.score,
        "reason": hit.reason,
        "situations": list(hit.situations),
    }


def _named(found: Item) -> dict[str, Any]:
    return {
        "item_id": found.id,
        "name": found.name.ko,
        "name_en": found.name.en,
        "major": found.major,
        "kind": found.kind,
    }


def _answered(entry_id: str, entry: FaqEntry, lang: Lang, region: str | None) -> dict[str, Any]:
    ruled = knowledge.as_dict(knowledge.rules_for(entry.item, entry.situations, region), lang)
    kept = ("item_id", "name", "major", "kind", "place", "steps", "answer", "rules", "region")
    return {
        "id": entry_id,
        "question": entry.question.in_(lang),
        "situations": list(entry.situations),
        **{key: ruled[key] for key in kept},
    }


def _slot(slot: Slot, lang: Lang) -> dict[str, Any]:
    whole, known = knowledge.knowledge(), slot.collection
    sources = [whole.sources[source] for source in known.sources] if known else []
    return {
        "id": slot.of,
        "name": whole.group(slot.of).name.in_(lang),
        "known": known is not None,
        "days": list(known.days) if known else [],
        "from": known.begins if known else None,
        "until": known.until if known else None,
        "where": known.where.in_(lang) if known and known.where else None,
        "note": known.note.in_(lang) if known and known.note else None,
        "unknown": list(slot.unknown),
        "sources": [{"citation": source.citation.in_(lang), "url": source.url} for source in sources],
        "as_of": known.as_of if known else None,
    }


def _situations(found: Item, lang: Lang, region: str | None) -> list[dict[str, str]]:
    known = knowledge.knowledge().situations
    unruled = knowledge.rules_for(found.id, known, region).unruled
    return [{"id": entry, "name": known[entry].name.in_(lang)} for entry in known if entry not in unruled]


def _category(group_id: str, group: Group, items: int) -> dict[str, Any]:
    return {
        "id": group_id,
        "name": group.name.ko,
        "name_en": group.name.en,
        "put": group.put.ko,
        "put_en": group.put.en,
        "item_count": items,
    }
