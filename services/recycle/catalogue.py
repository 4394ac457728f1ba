"""The knowledge as RPC answers: categories, items, search and rules, in types that JSON knows."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field

from services.kernel.arguments import Line, checked, missing
from services.kernel.errors import Unprocessable
from services.recycle import knowledge
from services.recycle.knowledge import Group, Item, UnknownItem, UnknownSituation

Lang = Literal["ko", "en"]
Query = Annotated[str, Line(1, 100)]
Situations = Annotated[list[Annotated[str, Line(1, 50)]], Field(max_length=20)]


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
def item(item_id: str, lang: Lang = "ko") -> dict[str, Any]:
    """An item as it is, with its disposal and the situations that change it. Raises `NotFound`."""
    found = _item(item_id)
    return {
        **knowledge.as_dict(knowledge.rules_for(found.id), lang),
        "synonyms": list(found.words(lang)[1:]),
        "situations": _situations(found, lang),
    }


@checked
def search(query: Query, limit: Annotated[int, Field(ge=1, le=50)] = 10) -> list[dict[str, Any]]:
    """The items that fit `query`, best first, with the situations that it names."""
    return [_hit(hit) for hit in knowledge.search(query, limit)]


@checked
def rules(item_id: str, situations: Situations | None = None, lang: Lang = "ko") -> dict[str, Any]:
    """How to throw an item away in these situations.

    Raises `NotFound` ``item_not_found``, `Unprocessable` ``unknown_situation``.
    """
    found = _item(item_id)
    try:
        return knowledge.as_dict(knowledge.rules_for(found.id, situations or []), lang)
    except UnknownSituation as error:
        known = ", ".join(knowledge.knowledge().situations)
        fault = {"field": "situations", "message": f"{error.situation!r} is none of: {known}"}
        raise Unprocessable(error.code, fault["message"], [fault]) from None


def size() -> dict[str, int]:
    """How much the knowledge holds."""
    whole = knowledge.knowledge()
    parts = ("classes", "kinds", "items", "situations", "sources")
    return {part: len(getattr(whole, part)) for part in parts}


def _item(item_id: str) -> Item:
    try:
        return knowledge.rules_for(item_id).item
    except UnknownItem:
        raise missing("item") from None


def _hit(hit: knowledge.Hit) -> dict[str, Any]:
    found = knowledge.knowledge().items[hit.item_id]
    return {
        "item_id": found.id,
        "name": found.name.ko,
        "name_en": found.name.en,
        "major": found.major,
        "kind": found.kind,
        "score": hit.score,
        "reason": hit.reason,
        "situations": list(hit.situations),
    }


def _situations(found: Item, lang: Lang) -> list[dict[str, str]]:
    whole = knowledge.knowledge()
    ruled = {*found.situations, *whole.group(found.group_id).situations}
    return [
        {"id": situation, "name": entry.name.in_(lang)}
        for situation, entry in whole.situations.items()
        if situation in ruled
    ]


def _category(group_id: str, group: Group, items: int) -> dict[str, Any]:
    return {
        "id": group_id,
        "name": group.name.ko,
        "name_en": group.name.en,
        "put": group.put.ko,
        "put_en": group.put.en,
        "item_count": items,
    }
