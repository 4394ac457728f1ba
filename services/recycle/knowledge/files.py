"""What each YAML file may say at its top; the parts are in ``model``."""

from pydantic import Field

from services.recycle.knowledge.model import (
    Group,
    Identifier,
    ItemEntry,
    KindId,
    MajorId,
    Region,
    Situation,
    Source,
    Strict,
    Topic,
)


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


class TopicsFile(Strict):
    topics: dict[Identifier, Topic] = Field(min_length=1)


class RegionFile(Strict):
    """One file of ``regions/``: a city and its districts."""

    regions: dict[Identifier, Region] = Field(min_length=1)
