"""What the shape alone cannot say of regions: that parents, topics and all ids they name exist, and whom to ask."""

from collections.abc import Iterator, Mapping

from services.recycle.knowledge.document import Problem
from services.recycle.knowledge.model import KINDS, MAJORS, Knowledge, LocalChange, Region
from services.recycle.knowledge.references import Place, unknown_destination, unknown_sources


def check_regions(whole: Knowledge, topics: Place, places: Mapping[str, Place]) -> list[Problem]:
    """Every fault of topics.yaml and regions/*.yaml, in the order of the data."""
    return [
        *_faults_of_topics(whole, topics),
        *(fault for region_id, region in whole.regions.items() for fault in _faults(whole, region, places[region_id])),
        *_names_of_two_regions(whole, places),
    ]


def _faults_of_topics(whole: Knowledge, topics: Place) -> Iterator[Problem]:
    for topic_id, topic in whole.topics.items():
        yield from _unknown_owners(whole, topics, (topic_id,), topic.of)


def _faults(whole: Knowledge, region: Region, place: Place) -> Iterator[Problem]:
    parent = whole.regions.get(region.parent) if region.parent is not None else None
    if region.parent is not None and parent is None:
        yield place.problem("parent", message=f"there is no region {region.parent!r}")
    if parent is not None and parent.parent is not None:
        yield place.problem("parent", message=f"{region.parent!r} is itself a part of {parent.parent!r}")
    above = (region, parent) if parent else (region,)
    if not any(entry.site or entry.phone for entry in above):
        yield place.problem(message="names nobody to ask: give a site or a phone")
    if all(entry.unknown is None for entry in above):
        yield place.problem(message="does not say what is unknown")
    for index, topic in enumerate(region.unknown or ()):
        if topic not in whole.topics:
            yield place.problem("unknown", index, message=f"there is no topic {topic!r}")
    for group, collection in region.collection.items():
        yield from unknown_sources(whole, place, ("collection", group), collection.sources)
    said: set[tuple[str, str | None]] = set()
    for index, change in enumerate(region.changes):
        yield from _faults_of_change(whole, place, ("changes", index), change)
        for owner in change.of:
            if (owner, change.situation) in said:
                yield place.problem("changes", index, "of", message=f"{owner!r} has this rule already")
            said.add((owner, change.situation))


def _faults_of_change(
    whole: Knowledge, place: Place, field: tuple[str | int, ...], change: LocalChange
) -> Iterator[Problem]:
    yield from _unknown_owners(whole, place, field, change.of)
    if change.situation is not None and change.situation not in whole.situations:
        yield place.problem(*field, "situation", message=f"there is no situation {change.situation!r}")
    yield from unknown_destination(place, field, change)
    yield from unknown_sources(whole, place, field, change.sources)
    for index, topic in enumerate(change.settles):
        if topic not in whole.topics:
            yield place.problem(*field, "settles", index, message=f"there is no topic {topic!r}")


def _unknown_owners(
    whole: Knowledge, place: Place, field: tuple[str | int, ...], owners: tuple[str, ...]
) -> Iterator[Problem]:
    for index, owner in enumerate(owners):
        if owner not in whole.items and owner not in MAJORS and owner not in KINDS:
            yield place.problem(*field, "of", index, message=f"{owner!r} is no item, kind or class")


def _names_of_two_regions(whole: Knowledge, places: Mapping[str, Place]) -> Iterator[Problem]:
    owner: dict[tuple[str | None, str], str] = {}
    for region_id, region in whole.regions.items():
        for word in (*region.words("ko"), *region.words("en")):
            if owner.setdefault((region.parent, word), region_id) != region_id:
                message = f"the name {word!r} already belongs to {owner[region.parent, word]!r}"
                yield places[region_id].problem("name", message=message)
