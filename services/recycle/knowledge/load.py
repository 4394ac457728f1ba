"""From the YAML files to a checked :class:`Knowledge`."""

from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from services.recycle.knowledge.document import Document, KnowledgeError, Problem
from services.recycle.knowledge.faq import FaqFile, check_faq
from services.recycle.knowledge.files import (
    CategoriesFile,
    ItemFile,
    RegionFile,
    SituationsFile,
    SourcesFile,
    TopicsFile,
)
from services.recycle.knowledge.model import Item, Knowledge, Region
from services.recycle.knowledge.references import Place, check_references
from services.recycle.knowledge.region_references import check_regions

__all__ = ["DATA", "KnowledgeError", "Problem", "knowledge", "load"]

DATA = Path(__file__).parent / "data"

Model = TypeVar("Model", bound=BaseModel)


def load(path: Path = DATA) -> Knowledge:
    """The knowledge under ``path``: categories, situations, sources, topics and faq.yaml, items/*.yaml, regions/*.yaml.

    Raises :class:`KnowledgeError` that names file, line and field of every fault: of shape first; when the
    shapes are right, of references (unknown ids, words of two items, missing classes).
    """
    faults: list[Problem] = []
    categories_doc, categories = _read(path / "categories.yaml", path, CategoriesFile, faults)
    _, situations = _read(path / "situations.yaml", path, SituationsFile, faults)
    _, sources = _read(path / "sources.yaml", path, SourcesFile, faults)
    topics_doc, topics = _read(path / "topics.yaml", path, TopicsFile, faults)
    faq_doc, faq = _read(path / "faq.yaml", path, FaqFile, faults)

    items, item_places = _items(path, faults)
    regions, region_places = _regions(path, faults)
    if faults or not (
        categories_doc and topics_doc and faq_doc and categories and situations and sources and topics and faq
    ):
        raise KnowledgeError(faults)
    whole = Knowledge(
        classes=categories.classes,
        kinds=categories.kinds,
        situations=situations.situations,
        sources=sources.sources,
        items=items,
        topics=topics.topics,
        regions=regions,
        faq=faq.questions,
    )
    faults = [
        *check_references(whole, Place(categories_doc, ()), item_places),
        *check_regions(whole, Place(topics_doc, ("topics",)), region_places),
        *check_faq(whole, Place(faq_doc, ("questions",))),
    ]
    if faults:
        raise KnowledgeError(faults)
    return whole


@cache
def knowledge() -> Knowledge:
    """The knowledge that ships with the code, loaded once a process."""
    return load()


def _items(path: Path, faults: list[Problem]) -> tuple[dict[str, Item], dict[str, Place]]:
    items: dict[str, Item] = {}
    places: dict[str, Place] = {}
    for file in sorted((path / "items").glob("*.yaml")):
        document, content = _read(file, path, ItemFile, faults)
        if document is None or content is None:
            continue
        if (content.major == "recyclable") != (content.kind is not None):
            faults.append(document.problem(("kind",), "is needed by recyclables and by nothing else"))
            continue
        for item_id, entry in content.items.items():
            if _first_time(item_id, Place(document, ("items", item_id)), places, faults):
                items[item_id] = Item(id=item_id, major=content.major, kind=content.kind, **dict(entry))
    return items, places


def _regions(path: Path, faults: list[Problem]) -> tuple[dict[str, Region], dict[str, Place]]:
    regions: dict[str, Region] = {}
    places: dict[str, Place] = {}
    for file in sorted((path / "regions").glob("*.yaml")):
        document, content = _read(file, path, RegionFile, faults)
        if document is None or content is None:
            continue
        for region_id, region in content.regions.items():
            if _first_time(region_id, Place(document, ("regions", region_id)), places, faults):
                regions[region_id] = region
    return regions, places


def _first_time(entry_id: str, place: Place, places: dict[str, Place], faults: list[Problem]) -> bool:
    if entry_id in places:
        faults.append(place.problem(message=f"is also in {places[entry_id].document.file}"))
        return False
    places[entry_id] = place
    return True


def _read(file: Path, root: Path, shape: type[Model], faults: list[Problem]) -> tuple[Document | None, Model | None]:
    try:
        document = Document(file, root)
    except KnowledgeError as error:
        faults.extend(error.problems)
        return None, None
    try:
        return document, shape.model_validate(document.data)
    except ValidationError as error:
        faults.extend(document.problem(_field(e["loc"]), e["msg"]) for e in error.errors())
        return document, None


def _field(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    # pydantic marks a fault in a key, not a value, by "[key]" at the end
    return loc[:-1] if loc and loc[-1] == "[key]" else loc
