"""When and where a region takes each kind of waste, as far as it is known; the rest is to be asked there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from services.recycle.knowledge.load import knowledge as shipped
from services.recycle.knowledge.model import KINDS, MAJORS, Collection, GroupId, Knowledge, MajorId
from services.recycle.knowledge.regions import chain

ALWAYS: tuple[MajorId, ...] = ("general", "food", "recyclable", "bulky")
"""What every household puts out: told also where nothing is known of it."""

Part = Literal["days", "hours", "where"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One kind of waste (the id of a class or kind); ``collection`` is None where nothing is known of it."""

    of: GroupId
    collection: Collection | None

    @property
    def unknown(self) -> tuple[Part, ...]:
        """What is not known, and so to be asked."""
        known = self.collection
        told = {
            "days": known and known.days,
            "hours": known and known.begins,
            "where": known and known.where,
        }
        parts: tuple[Part, ...] = ("days", "hours", "where")
        return tuple(part for part in parts if not told[part])


def calendar(region: str, data: Knowledge | None = None) -> tuple[Slot, ...]:
    """A slot for each kind of waste in `region`; a district's word counts before its city's.

    Raises :class:`UnknownRegion`.
    """
    return tuple(_slots(data or shipped(), region))


def _slots(whole: Knowledge, region: str) -> Iterator[Slot]:
    places = [whole.regions[place] for place in chain(whole, region)]
    for of in dict.fromkeys((*ALWAYS, *MAJORS, *KINDS)):
        known = next((place.collection[of] for place in places if of in place.collection), None)
        if of in ALWAYS or known:
            yield Slot(of, known)
