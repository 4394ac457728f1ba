"""The shape of the knowledge: what the YAML files may say, and the whole as :class:`Knowledge`.

Every model is frozen and refuses fields it does not know. Texts come in Korean and English; a text is one
phrase without a full stop, so that the renderer decides where sentences end.
"""

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Lang = Literal["ko", "en"]
MajorId = Literal["recyclable", "general", "non_combustible", "food", "construction", "bulky", "hazardous"]
KindId = Literal[
    "paper", "paper_pack", "clear_pet", "plastic", "film", "eps",
    "glass_bottle", "metal", "clothing", "battery", "lamp", "electronics",
]  # fmt: skip

MAJORS: tuple[MajorId, ...] = get_args(MajorId)
KINDS: tuple[KindId, ...] = get_args(KindId)

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
_SENTENCE_END = re.compile(r"[.!?](\s|$)")


def _one_phrase(text: str) -> str:
    if _SENTENCE_END.search(text):
        raise ValueError("must be one phrase without a full stop, question or exclamation mark")
    return text


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


class Source(Strict):
    """A public document that rules rest on."""

    title: Text
    publisher: Text
    part: Text | None = None
    url: str | None = None

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
    unless ``fix`` is false: then nothing is wrong and ``why`` only explains.
    """

    to: Identifier | None = None
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


class ItemFile(Strict):
    """One file of ``items/``."""

    major: MajorId = Field(alias="class")
    kind: KindId | None = None
    items: dict[Identifier, ItemEntry] = Field(min_length=1)


class CategoriesFile(Strict):
    classes: dict[MajorId, Group]
    kinds: dict[KindId, Group]


class SituationsFile(Strict):
    situations: dict[Identifier, Situation] = Field(min_length=1)


class SourcesFile(Strict):
    sources: dict[Identifier, Source] = Field(min_length=1)


class Knowledge(Strict):
    """The whole set, cross-checked. The order of ``situations`` is their precedence, the first wins."""

    classes: dict[MajorId, Group]
    kinds: dict[KindId, Group]
    situations: dict[Identifier, Situation]
    sources: dict[Identifier, Source]
    items: dict[Identifier, Item]

    def group(self, group_id: str) -> Group:
        """The class or kind of that id. Raises ``KeyError`` when there is none."""
        for groups in (self.classes, self.kinds):
            for known, group in groups.items():
                if known == group_id:
                    return group
        raise KeyError(group_id)
