"""The knowledge as RPC answers: categories, items, search, rules, regions and questions, in types that JSON knows."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field

from services.kernel.arguments import Line, checked, missing
from services.kernel.errors import Unprocessable
from services.recycle import knowledge
from services.recycle.knowledge import Disposal, FaqEntry, Group, Item, UnknownItem, UnknownSituation

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
