"""The shape of the knowledge: items, groups, situations, regions, and the whole as :class:`Knowledge`.

Every model is frozen and refuses fields it does not know. Texts come in Korean and English; a text is one
phrase without a full stop, so that the renderer decides where sentences end.
"""

import re
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Lang = Literal["ko", "en"]
MajorId = Literal["recyclable", "general", "non_combustible", "food", "construction", "bulky", "hazardous"]
KindId = Literal[
    "paper", "paper_pack", "clear_pet", "plastic", "film", "eps",
    "glass_bottle", "metal", "clothing", "battery", "lamp", "electronics",
]  # fmt: skip

GroupId = Literal[MajorId, KindId]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

MAJORS: tuple[MajorId, ...] = get_args(MajorId)
KINDS: tuple[KindId, ...] = get_args(KindId)
DAYS: tuple[Day, ...] = get_args(Day)

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
_SENTENCE_END = re.compile(r"[.!?](\s|$)")


def _one_phrase(text: str) -> str:
    if _SENTENCE_END.search(text):
        raise ValueError("must be one phrase without a full stop, question or exclamation mark")
    return text


Year = Annotated[int, Field(ge=1995, le=2100)]
Phone = Annotated[str, StringConstraints(pattern=r"^0\d{1,2}-(120|\d{3,4}-\d{4})$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$")]
Clock = Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
Asked = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True, pattern=r"^[^.!?\n]+\?$")]
Phrase = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True), AfterValidator(_one_phrase)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Text(Strict):
    """One phrase in both languages."""

    ko: Phrase
    en: Phrase

    def in_(self, lang: Lang) -> str:
        return self.ko if lang == "ko" else self.en


class Words(Strict):
    """Search words in both languages, besides the name."""

    ko: tuple[Phrase, ...] = ()
    en: tuple[Phrase, ...] = ()


class Question(Strict):
    """One question in both languages."""

    ko: Asked
    en: Asked

    def in_(self, lang: Lang) -> str:
        return self.ko if lang == "ko" else self.en


class Source(Strict):
    """A public document that rules rest on."""

    title: Text
    publisher: Text
    part: Text | None = None
    url: Url | None = None

    @property
    def citation(self) -> Text:
        """``publisher, title, part`` in both languages."""
        pieces = [self.publisher, self.title] + ([self.part] if self.part else [])
        return Text(ko=", ".join(p.ko for p in pieces), en=", ".join(p.en for p in pieces))


class NotHere(Text):
    """What people wrongly put here; ``instead`` is the id of an item, a kind or a class."""

    instead: Identifier


class Change(Strict):
    """What a situation does to the answer.

    With ``to`` (a class or a kind) the thing goes elsewhere; ``steps`` then replace the steps of that place.
    Without ``to`` it stays, ``steps`` come first, and ``why`` is what must be put right before disposal,
    unless ``fix`` is false: then nothing is wrong and ``why`` only explains. With ``put`` it stays in its class but is
    put out in this way alone: ``steps`` are then all there are, since the usual ones would be dangerous.
    """

    to: Identifier | None = None
    put: Text | None = None
    why: Text
    steps: tuple[Text, ...] = ()
    do_nots: tuple[Text, ...] = ()
    fix: bool = True
    sources: tuple[Identifier, ...] = ()


class Situation(Strict):
    """A state of the thing that may change the answer. ``words`` are how people say it in a query.

    ``carries`` means its steps are still needed when another situation sends the thing elsewhere.
    """

    name: Text
    words: Words = Words()
    carries: bool = False


class Group(Strict):
    """A major class or a recyclable kind: what all its items share."""

    name: Text
    put: Text
    why: Text
    steps: tuple[Text, ...] = Field(min_length=1)
    do_nots: tuple[Text, ...] = ()
    not_here: tuple[NotHere, ...] = ()
    situations: dict[Identifier, Change] = {}
    sources: tuple[Identifier, ...] = Field(min_length=1)


class ItemEntry(Strict):
    """An item as its file says it. The class and the kind come from the file's head.

    ``steps`` replace the group's steps; ``first`` and ``then`` stand before and after them. ``do_nots``,
    ``not_here`` and ``situations`` add to the group's; ``sources`` replace them. ``shares`` lists the words
    that another item may use as well.
    """

    name: Text
    synonyms: Words = Words()
    steps: tuple[Text, ...] = ()
    first: tuple[Text, ...] = ()
    then: tuple[Text, ...] = ()
    do_nots: tuple[Text, ...] = ()
    not_here: tuple[NotHere, ...] = ()
    situations: dict[Identifier, Change] = {}
    sources: tuple[Identifier, ...] = ()
    shares: tuple[Phrase, ...] = ()

    def words(self, lang: Lang) -> tuple[str, ...]:
        """The name, then the synonyms, in one language."""
        if lang == "ko":
            return (self.name.ko, *self.synonyms.ko)
        return (self.name.en, *self.synonyms.en)


class Item(ItemEntry):
    """A thing people throw away. ``kind`` is set exactly when ``major`` is ``recyclable``."""

    id: Identifier
    major: MajorId
    kind: KindId | None = None

    @property
    def group_id(self) -> MajorId | KindId:
        """The kind of a recyclable, else the class."""
        return self.kind or self.major


class LocalChange(Change):
    """What a region says otherwise of an item, a kind or a class (``of``), always or in one situation.

    As a `Change`; besides, ``then`` stands after all other steps. Without a situation and without ``to`` nothing
    has to be put right: the rule adds its steps and ``why`` tells it. ``as_of`` is the year in which the rule was
    known to hold; ``settles`` names the topics that need not be asked any more when it has fired.
    """

    of: tuple[Identifier, ...] = Field(min_length=1)
    situation: Identifier | None = None
    then: tuple[Text, ...] = ()
    settles: tuple[Identifier, ...] = ()
    sources: tuple[Identifier, ...] = Field(min_length=1)
    as_of: Year


class Topic(Strict):
    """Something that every municipality decides for itself, and the items, kinds and classes it matters to."""

    name: Text
    of: tuple[Identifier, ...] = Field(min_length=1)


class Collection(Strict):
    """When and where one kind of waste is put out, as far as the municipality has published it.

    What is left out is not known. ``days`` are those on which it is put out, ``from`` and ``until`` hours of the day
    (an ``until`` before ``from`` is of the next day), ``note`` what else decides, such as the neighbourhood. ``as_of``
    is the year in which this was known to hold.
    """

    days: tuple[Day, ...] = ()
    begins: Clock | None = Field(default=None, alias="from")
    until: Clock | None = None
    where: Text | None = None
    note: Text | None = None
    sources: tuple[Identifier, ...] = Field(min_length=1)
    as_of: Year

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.days or self.begins or self.where):
            raise ValueError("says neither when nor where")
        if list(self.days) != [day for day in DAYS if day in self.days]:
            raise ValueError("days come once each, in the order of the week")
        if (self.begins is None) != (self.until is None) or self.begins == "24:00":
            raise ValueError("hours need both from and until, and begin before midnight")
        return self


class Region(Strict):
    """A city or district: whom to ask, what it says otherwise, and what is not recorded of it.

    What a region leaves out (site, phone, ``unknown``, an entry of ``collection``) is its parent's. ``unknown`` names
    topics whose local rule nobody wrote down here, so that the answer sends people to the municipality instead of
    guessing.
    """

    name: Text
    synonyms: Words = Words()
    parent: Identifier | None = None
    site: Url | None = None
    phone: Phone | None = None
    changes: tuple[LocalChange, ...] = ()
    collection: dict[GroupId, Collection] = {}
    unknown: tuple[Identifier, ...] | None = None

    def words(self, lang: Lang) -> tuple[str, ...]:
        """The name, then the synonyms, in one language."""
        if lang == "ko":
            return (self.name.ko, *self.synonyms.ko)
        return (self.name.en, *self.synonyms.en)


class FaqEntry(Strict):
    """A frequent question: the item and the situations that it is about. The rules answer it."""

    question: Question
    item: Identifier
    situations: tuple[Identifier, ...] = ()


class Knowledge(Strict):
    """The whole set, cross-checked. The order of ``situations`` is their precedence, the first wins."""

    classes: dict[MajorId, Group]
    kinds: dict[KindId, Group]
    situations: dict[Identifier, Situation]
    sources: dict[Identifier, Source]
    items: dict[Identifier, Item]
    topics: dict[Identifier, Topic] = {}
    regions: dict[Identifier, Region] = {}
    faq: dict[Identifier, FaqEntry] = {}

    def group(self, group_id: str) -> Group:
        """The class or kind of that id. Raises ``KeyError`` when there is none."""
        for groups in (self.classes, self.kinds):
            for known, group in groups.items():
                if known == group_id:
                    return group
        raise KeyError(group_id)
