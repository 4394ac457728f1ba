"""The knowledge: ``/api/recycle``."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from services.gateway.api.disposal import (
    Contact,
    Disposal,
    Id,
    Ids,
    ItemId,
    Kind,
    Line,
    Lines,
    Major,
    Passage,
    RegionName,
    Rule,
)
from services.gateway.call import Call
from services.gateway.route import Route
from services.gateway.shapes import Answer, Lang, Query, Words
from services.kernel import arguments

Place = Annotated[str, arguments.Line(1, 50), Field(description="a region: its id, its name, or an address")]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
KEPT_S = 300  # rules are corrected


class InRegion(Query):
    lang: Lang = "ko"
    region: Place | None = None


class Rules(InRegion):
    situations: Words | None = None


class Listing(Query):
    category: Major | None = None
    kind: Kind | None = None
    offset: int = Field(0, ge=0, le=100_000)
    limit: int = Field(50, ge=1, le=100)


class Search(Query):
    q: Annotated[str, arguments.Line(1, 100)]
    limit: int = Field(10, ge=1, le=50)


class Suggest(Query):
    q: Annotated[str, arguments.Line(1, 50)]
    limit: int = Field(8, ge=1, le=20)


class Calendar(Query):
    region: Place
    lang: Lang = "ko"


class Group(Answer):
    id: Id
    name: Line
    name_en: Line
    put: Line
    put_en: Line
    item_count: int


class Category(Group):
    """A major class; `recyclable` has its kinds."""

    id: Major
    kinds: list[Group]


class Categories(Answer):
    categories: list[Category]


class Named(Answer):
    item_id: ItemId
    name: Line
    name_en: Line
    major: Major
    kind: Kind | None


class Items(Answer):
    """`next` is the `offset` of the following page."""

    items: list[Named]
    total: int
    next: int | None


class Situation(Answer):
    id: Id
    name: Line


class Item(Disposal):
    """A thing, with the situations that change its disposal."""

    synonyms: Lines
    situations: list[Situation]


class Hit(Named):
    """`reason` is why it was found, `situations` are those that the query names."""

    score: float = Field(ge=0)
    reason: Id
    situations: Ids


class Hits(Answer):
    hits: list[Hit]


class Suggestion(Named):
    """`match` is the name or synonym that goes on from what was typed."""

    match: Line


class Suggestions(Answer):
    suggestions: list[Suggestion]


class Question(Answer):
    """A frequent question, answered by the rules."""

    id: Id
    question: Line
    situations: Ids
    item_id: ItemId
    name: Line
    major: Major
    kind: Kind | None
    place: Line
    steps: Lines
    answer: Passage
    rules: list[Rule]
    region: RegionName | None


class Questions(Answer):
    questions: list[Question]


class Region(Answer):
    id: Id
    name: Line
    name_en: Line
    parent: Id | None


class Regions(Answer):
    regions: list[Region]


class Source(Answer):
    citation: Line
    url: Line | None


class Collection(Answer):
    """When and where one kind of waste is put out; `unknown` names what is not recorded, to be asked of `contact`.

    An `until` before `from` is of the next day. `as_of` is the year in which this was known to hold.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    id: Major | Kind
    name: Line
    known: bool
    days: list[Day]
    begins: str | None = Field(alias="from")
    until: str | None
    where: Line | None
    note: Line | None
    unknown: list[Literal["days", "hours", "where"]]
    sources: list[Source]
    as_of: int | None


class Collections(Answer):
    region: RegionName
    contact: Contact
    collections: list[Collection]


def categories(call: Call) -> Any:
    return call.services.recycle.categories()


def items(call: Call, query: Listing) -> Any:
    return call.services.recycle.items(query.category, query.kind, query.offset, query.limit)


def item(call: Call, item_id: str, query: InRegion) -> Any:
    return call.services.recycle.item(item_id, query.lang, query.region)


def rules(call: Call, item_id: str, query: Rules) -> Any:
    return call.services.recycle.rules(item_id, query.situations or [], query.lang, query.region)


def search(call: Call, query: Search) -> Any:
    return call.services.recycle.search(query.q, query.limit)


def suggest(call: Call, query: Suggest) -> Any:
    return call.services.recycle.suggest(query.q, query.limit)


def regions(call: Call) -> Any:
    return call.services.recycle.regions()


def faq(call: Call, query: InRegion) -> Any:
    return call.services.recycle.faq(query.lang, query.region)


def calendar(call: Call, query: Calendar) -> Any:
    return call.services.recycle.calendar(query.region, query.lang)


AT = "/api/recycle"
ROUTES = (
    Route("GET", f"{AT}/categories", categories, "The classes and kinds of waste", answer=Categories, kept_s=KEPT_S),
    Route("GET", f"{AT}/items", items, "All items, of a class or kind", query=Listing, answer=Items, kept_s=KEPT_S),
    Route("GET", f"{AT}/items/<item_id>", item, "An item and its disposal", query=InRegion, answer=Item, kept_s=KEPT_S),
    Route(
        "GET",
        f"{AT}/items/<item_id>/rules",
        rules,
        "How to throw an item away in its situations",
        query=Rules,
        answer=Disposal,
        kept_s=KEPT_S,
    ),
    Route("GET", f"{AT}/search", search, "Items by name, as people say it", query=Search, answer=Hits, limit="search"),
    Route(
        "GET",
        f"{AT}/suggest",
        suggest,
        "Names of items while typing",
        query=Suggest,
        answer=Suggestions,
        limit="search",
        kept_s=KEPT_S,
    ),
    Route("GET", f"{AT}/regions", regions, "The cities and districts", answer=Regions, kept_s=KEPT_S),
    Route("GET", f"{AT}/faq", faq, "Frequent questions", query=InRegion, answer=Questions, kept_s=KEPT_S),
    Route(
        "GET",
        f"{AT}/calendar",
        calendar,
        "When and where a region takes what, and whom to ask for the rest",
        query=Calendar,
        answer=Collections,
        kept_s=KEPT_S,
    ),
)
