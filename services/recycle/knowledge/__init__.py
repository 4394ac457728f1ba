"""The disposal knowledge of Korea: items, situations and rules, as one validated and read-only data set.

A plain library: it imports no Nameko, no eventlet, no database and no network, so that the recycle service,
the chat service and the AI worker all read the same set.

    >>> hits = search("기름 묻은 피자 박스")
    >>> hits[0].item_id, hits[0].situations
    ('pizza_box', ('dirty',))
    >>> disposal = rules_for("pizza_box", ["dirty"])
    >>> disposal.major
    'general'
    >>> print(render(disposal, "ko"))                                          # doctest: +SKIP

Where things are: ``data/*.yaml`` the knowledge, ``model`` its shape, ``load`` file to :class:`Knowledge`,
``search`` words to items, ``suggest`` half-typed words to items, ``regions`` what people write to a region,
``calendar`` when a region takes what, ``rules`` item, situations and region to a :class:`Disposal` (``disposal``),
``render`` a Disposal to text, ``faq`` frequent questions.
"""

from services.recycle.knowledge.calendar import Slot, calendar
from services.recycle.knowledge.disposal import (
    Disposal,
    Elsewhere,
    FiredRule,
    Insufficiency,
    Locality,
    LocallyUnknown,
    RuleError,
    UnknownItem,
    UnknownRegion,
    UnknownSituation,
    Validity,
)
from services.recycle.knowledge.load import DATA, KnowledgeError, Problem, knowledge, load
from services.recycle.knowledge.model import (
    KINDS,
    MAJORS,
    Change,
    Collection,
    FaqEntry,
    Group,
    Item,
    KindId,
    Knowledge,
    Lang,
    LocalChange,
    MajorId,
    NotHere,
    Question,
    Region,
    Situation,
    Source,
    Text,
    Topic,
    Words,
)
from services.recycle.knowledge.regions import find_region
from services.recycle.knowledge.render import as_dict, render
from services.recycle.knowledge.rules import rules_for
from services.recycle.knowledge.search import SURE, Hit, SearchIndex, search, warm
from services.recycle.knowledge.suggest import Suggestion, suggest

__all__ = [
    "DATA",
    "KINDS",
    "MAJORS",
    "SURE",
    "Change",
    "Collection",
    "Disposal",
    "Elsewhere",
    "FaqEntry",
    "FiredRule",
    "Group",
    "Hit",
    "Insufficiency",
    "Item",
    "KindId",
    "Knowledge",
    "KnowledgeError",
    "Lang",
    "LocalChange",
    "Locality",
    "LocallyUnknown",
    "MajorId",
    "NotHere",
    "Problem",
    "Question",
    "Region",
    "RuleError",
    "SearchIndex",
    "Situation",
    "Slot",
    "Source",
    "Suggestion",
    "Text",
    "Topic",
    "UnknownItem",
    "UnknownRegion",
    "UnknownSituation",
    "Validity",
    "Words",
    "as_dict",
    "calendar",
    "find_region",
    "knowledge",
    "load",
    "render",
    "rules_for",
    "search",
    "suggest",
    "warm",
]
