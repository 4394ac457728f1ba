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
``search`` words to items, ``rules`` item and situations to a :class:`Disposal`, ``render`` a Disposal to text.
"""

from services.recycle.knowledge.load import DATA, KnowledgeError, Problem, knowledge, load
from services.recycle.knowledge.model import (
    KINDS,
    MAJORS,
    Change,
    Group,
    Item,
    KindId,
    Knowledge,
    Lang,
    MajorId,
    NotHere,
    Situation,
    Source,
    Text,
    Words,
)
from services.recycle.knowledge.render import as_dict, render
from services.recycle.knowledge.rules import (
    Disposal,
    Elsewhere,
    FiredRule,
    Insufficiency,
    RuleError,
    UnknownItem,
    UnknownSituation,
    rules_for,
)
from services.recycle.knowledge.search import Hit, SearchIndex, search

__all__ = [
    "DATA",
    "KINDS",
    "MAJORS",
    "Change",
    "Disposal",
    "Elsewhere",
    "FiredRule",
    "Group",
    "Hit",
    "Insufficiency",
    "Item",
    "KindId",
    "Knowledge",
    "KnowledgeError",
    "Lang",
    "MajorId",
    "NotHere",
    "Problem",
    "RuleError",
    "SearchIndex",
    "Situation",
    "Source",
    "Text",
    "UnknownItem",
    "UnknownSituation",
    "Words",
    "as_dict",
    "knowledge",
    "load",
    "render",
    "rules_for",
    "search",
]
