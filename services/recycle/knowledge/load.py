"""From the YAML files to a checked :class:`Knowledge`."""

from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from services.recycle.knowledge.document import Document, KnowledgeError, Problem
from services.recycle.knowledge.model import (
    CategoriesFile,
    Item,
    ItemFile,
    Knowledge,
    SituationsFile,
    SourcesFile,
)
from services.recycle.knowledge.references import Place, check_references

__all__ = ["DATA", "KnowledgeError", "Problem", "knowledge", "load"]

DATA = Path(__file__).parent / "data"

Model = TypeVar("Model", bound=BaseModel)


def load(path: Path = DATA) -> Knowledge:
    """The knowledge under ``path``: categories.yaml, situations.yaml, sources.yaml and items/*.yaml.

    Raises :class:`KnowledgeError` that names file, line and field of every fault: of shape first; when the
    shapes are right, of references (unknown ids, words of two items, missing classes).
    """
    faults: list[Problem] = []
    categories_doc, categories = _read(path / "categories.yaml", path, CategoriesFile, faults)
    situations_doc, situations = _read(path / "situations.yaml", path, SituationsFile, faults)
    _, sources = _read(path / "sources.yaml", path, SourcesFile, faults)

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
            if item_id in items:
                message = f"is also in {places[item_id].document.file}"
                faults.append(document.problem(("items", item_id), message))
                continue
            items[item_id] = Item(id=item_id, major=content.major, kind=content.kind, **dict(entry))
            places[item_id] = Place(document, ("items", item_id))

    if faults or not (categories_doc and categories and situations_doc and situations and sources):
        raise KnowledgeError(faults)
    whole = Knowledge(
        classes=categories.classes,
        kinds=categories.kinds,
        situations=situations.situations,
        sources=sources.sources,
        items=items,
    )
    faults = check_references(whole, Place(categories_doc, ()), places)
    if faults:
        raise KnowledgeError(faults)
    return whole


@cache
def knowledge() -> Knowledge:
    """The knowledge that ships with the code, loaded once a process."""
    return load()


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
