"""What the shape alone cannot say: that every id named in the data exists, and every word has one owner."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.recycle.knowledge.document import Document, Problem
from services.recycle.knowledge.hangul import normalise
from services.recycle.knowledge.model import KINDS, MAJORS, Change, Knowledge, Lang, NotHere

_DESTINATIONS = {*MAJORS, *KINDS} - {"recyclable"}


@dataclass(frozen=True)
class Place:
    """Where a group or an item stands: its file and the field it starts at."""

    document: Document
    field: tuple[str, ...]

    def problem(self, *parts: str | int, message: str) -> Problem:
        return self.document.problem((*self.field, *parts), message)


def check_references(whole: Knowledge, categories: Place, items: Mapping[str, Place]) -> list[Problem]:
    """Every fault between the files, in the order of the data."""
    return [
        *_missing_groups(whole, categories),
        *_faults_of_groups(whole, categories),
        *_faults_of_items(whole, items),
        *_words_of_two_items(whole, items),
    ]


def _missing_groups(whole: Knowledge, categories: Place) -> Iterator[Problem]:
    for major in MAJORS:
        if major not in whole.classes:
            yield categories.problem("classes", message=f"lacks the class {major!r}")
    for kind in KINDS:
        if kind not in whole.kinds:
            yield categories.problem("kinds", message=f"lacks the kind {kind!r}")


def _faults_of_groups(whole: Knowledge, categories: Place) -> Iterator[Problem]:
    for section, groups in (("classes", whole.classes), ("kinds", whole.kinds)):
        for group_id, group in groups.items():
            place = Place(categories.document, (section, group_id))
            yield from _unknown_ids(whole, place, group.situations, group.not_here, group.sources)


def _faults_of_items(whole: Knowledge, items: Mapping[str, Place]) -> Iterator[Problem]:
    for item_id, item in whole.items.items():
        place = items[item_id]
        if item_id in MAJORS or item_id in KINDS:
            yield place.problem(message="is the id of a class or kind")
        yield from _unknown_ids(whole, place, item.situations, item.not_here, item.sources)


def _unknown_ids(
    whole: Knowledge,
    place: Place,
    situations: Mapping[str, Change],
    not_here: tuple[NotHere, ...],
    sources: tuple[str, ...],
) -> Iterator[Problem]:
    yield from unknown_sources(whole, place, (), sources)
    for index, wrong in enumerate(not_here):
        if wrong.instead not in _DESTINATIONS and wrong.instead not in whole.items:
            message = f"{wrong.instead!r} is no item, kind or class"
            yield place.problem("not_here", index, "instead", message=message)
    for situation, change in situations.items():
        if situation not in whole.situations:
            yield place.problem("situations", situation, message=f"there is no situation {situation!r}")
        yield from unknown_destination(place, ("situations", situation), change)
        yield from unknown_sources(whole, place, ("situations", situation), change.sources)


def unknown_destination(place: Place, field: tuple[str | int, ...], change: Change) -> Iterator[Problem]:
    """The fault of a change that sends things to no kind or class."""
    if change.to is not None and change.to not in _DESTINATIONS:
        yield place.problem(*field, "to", message=f"{change.to!r} is no kind or class")


def unknown_sources(
    whole: Knowledge, place: Place, field: tuple[str | int, ...], sources: tuple[str, ...]
) -> Iterator[Problem]:
    """A fault for every source that sources.yaml does not have."""
    for index, source in enumerate(sources):
        if source not in whole.sources:
            yield place.problem(*field, "sources", index, message=f"there is no source {source!r}")


def _words_of_two_items(whole: Knowledge, items: Mapping[str, Place]) -> Iterator[Problem]:
    langs: tuple[Lang, ...] = ("ko", "en")
    for lang in langs:
        owner: dict[str, str] = {}
        for item_id, item in whole.items.items():
            shared = {normalise(word) for word in item.shares}
            for word in item.words(lang):
                key = normalise(word)
                if owner.setdefault(key, item_id) != item_id and key not in shared:
                    message = f"the word {word!r} already belongs to {owner[key]!r}"
                    yield items[item_id].problem("synonyms", lang, message=message)
