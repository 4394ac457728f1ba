"""The shapes that scans and the knowledge share: a disposal, with what it rests on."""

from typing import Annotated, Literal

from pydantic import Field

from services.gateway.shapes import Answer

Major = Literal["recyclable", "general", "non_combustible", "food", "construction", "bulky", "hazardous"]
Kind = Literal[
    "paper", "paper_pack", "clear_pet", "plastic", "film", "eps",
    "glass_bottle", "metal", "clothing", "battery", "lamp", "electronics",
]  # fmt: skip
ItemId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
Id = Annotated[str, Field(max_length=200)]
Line = Annotated[str, Field(max_length=1000)]
Passage = Annotated[str, Field(max_length=20_000)]
Lines = Annotated[list[Line], Field(max_length=100)]
Ids = Annotated[list[Id], Field(max_length=100)]


class NotHere(Answer):
    """What people wrongly put here; `instead` is the id of the item, kind or class to which it belongs."""

    what: Line
    instead: Id
    put: Line


class Insufficiency(Answer):
    """What must be put right before the thing may be put out."""

    situation: Id
    text: Line


class Rule(Answer):
    """A rule that took part; a local one has its region and the year in which it was known to hold."""

    id: Id
    why: Line
    sources: Ids
    citations: Lines
    region: Id | None
    as_of: int | None


class RegionName(Answer):
    id: Id
    name: Line


class Contact(Answer):
    site: Line | None
    phone: Line | None


class LocallyUnknown(Answer):
    """What the municipality decides and what is not recorded here."""

    topic: Id
    name: Line


class Disposal(Answer):
    """How a thing is thrown away in its situations, in a region by its rules."""

    item_id: ItemId
    name: Line
    major: Major
    kind: Kind | None
    place: Line
    recyclable: bool
    moved: bool
    steps: Lines
    do_nots: Lines
    not_here: Annotated[list[NotHere], Field(max_length=100)]
    insufficiencies: Annotated[list[Insufficiency], Field(max_length=100)]
    unruled_situations: Ids
    rules: Annotated[list[Rule], Field(max_length=100)]
    region: RegionName | None
    contact: Contact | None
    locally_unknown: Annotated[list[LocallyUnknown], Field(max_length=100)]
    answer: Passage
