"""From an item, its situations and a region to a :class:`Disposal`: a pure function of the data, no model involved.

Precedence, first wins:

1. Place: the region's own rule, its parent's, the nationwide one. Within a place: the rule of the item, of its
   kind, of its class.
2. A region's rule without a situation that sends the item elsewhere decides what it counts as there; the
   situations are then judged as for anything of that kind or class.
3. The situations are taken in the order of ``situations.yaml``. The first whose rule sends the thing elsewhere
   decides where it goes; of the others only those that *carry* (contents, batteries) still add their steps.
4. Where it goes in the end, one rule without a situation of the region (or its parent) adds its steps: first the
   item's, if the item stays what it is, then the kind's, then the class's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.recycle.knowledge.disposal import (
    Disposal,
    Elsewhere,
    FiredRule,
    Insufficiency,
    UnknownItem,
    UnknownSituation,
    Validity,
)
from services.recycle.knowledge.load import knowledge as shipped
from services.recycle.knowledge.model import Change, Item, Knowledge, LocalChange, MajorId, NotHere, Text
from services.recycle.knowledge.regions import chain, full_name, locality


@dataclass(frozen=True, slots=True)
class _Ruled:
    """The rule that won for one situation, or without any; ``region`` is set when it is a local one."""

    owner: str
    situation: str | None
    change: Change
    carries: bool = False
    region: str | None = None

    @property
    def to(self) -> str | None:
        return self.change.to

    @property
    def then(self) -> tuple[Text, ...]:
        return self.change.then if isinstance(self.change, LocalChange) else ()


def rules_for(
    item_id: str, situations: Iterable[str] = (), region: str | None = None, data: Knowledge | None = None
) -> Disposal:
    """How to throw the item away in these situations; their order and repetition do not matter.

    ``region`` is the id of a city or district; without it the answer is the nationwide one.
    Raises :class:`UnknownItem`, :class:`UnknownSituation` and :class:`UnknownRegion`.
    """
    whole = data or shipped()
    item = whole.items.get(item_id)
    if item is None:
        raise UnknownItem(item_id)
    asked = set(situations)
    for situation in sorted(asked):
        if situation not in whole.situations:
            raise UnknownSituation(situation)
    places = chain(whole, region)

    as_item = _local(whole, places, (item.id, *_owners(whole, item.group_id)), None)
    recast = as_item if as_item and as_item.to not in (None, item.group_id) else None
    home = str(recast.to) if recast else item.group_id

    ordered = [situation for situation in whole.situations if situation in asked]
    ruled = [rule for situation in ordered if (rule := _rule_of(whole, places, item, home, situation))]
    unruled = tuple(s for s in ordered if s not in {rule.situation for rule in ruled})
    move = next((rule for rule in ruled if rule.to not in (None, home)), None)
    kept = ruled if move is None else [r for r in ruled if r.carries and r.to is None]
    destination = str(move.to) if move else home

    stays = recast is None and move is None
    here = as_item if stays else _local(whole, places, _owners(whole, destination), None)
    if here is not None and here.to not in (None, destination):
        here = None
    return _answer(whole, item, destination, region, recast, move, kept, here, unruled)


def _owners(whole: Knowledge, group_id: str) -> tuple[str, ...]:
    """The group, and the class of a kind."""
    return (group_id,) if group_id in whole.classes else (group_id, "recyclable")


def _rule_of(whole: Knowledge, places: Sequence[str], item: Item, home: str, situation: str) -> _Ruled | None:
    local = _local(whole, places, (item.id, *_owners(whole, home)), situation)
    if local is not None:
        return local
    nationwide: list[tuple[str, Mapping[str, Change]]] = [
        (item.id, item.situations),
        (home, whole.group(home).situations),
    ]
    for owner, changes in nationwide:
        if situation in changes:
            return _Ruled(owner, situation, changes[situation], whole.situations[situation].carries)
    return None


def _local(whole: Knowledge, places: Sequence[str], owners: Sequence[str], situation: str | None) -> _Ruled | None:
    carries = situation is not None and whole.situations[situation].carries
    for region in places:
        for owner in owners:
            for change in whole.regions[region].changes:
                if owner in change.of and change.situation == situation:
                    return _Ruled(owner, situation, change, carries, region)
    return None


def _answer(
    whole: Knowledge,
    item: Item,
    destination: str,
    region: str | None,
    recast: _Ruled | None,
    move: _Ruled | None,
    kept: Sequence[_Ruled],
    here: _Ruled | None,
    unruled: tuple[str, ...],
) -> Disposal:
    group = whole.group(destination)
    mover = move or recast
    local = [here] if here else []
    alone = next((r.change for r in kept if r.change.put), None) if mover is None else None
    own: tuple[Text, ...] = ()
    not_here: tuple[NotHere, ...] = ()
    if alone is not None:
        do_nots = (*(r.change.do_nots for r in kept), item.do_nots)
    elif mover is None:
        own = (*item.first, *(item.steps or group.steps), *item.then)
        do_nots = (*(r.change.do_nots for r in kept), item.do_nots)
        not_here = (*item.not_here, *group.not_here)
    else:
        own = mover.change.steps or group.steps
        do_nots = (mover.change.do_nots, *(r.change.do_nots for r in kept))
        not_here = group.not_here
    fired = [rule for rule in (recast, move, *kept, *local) if rule]
    settled = {topic for r in fired if isinstance(r.change, LocalChange) for topic in r.change.settles}
    kind = next((kind for kind in whole.kinds if kind == destination), None)
    major: MajorId = next((major for major in whole.classes if major == destination), "recyclable")
    return Disposal(
        item=item,
        major=major,
        kind=kind,
        place=group.name,
        put=(alone.put if alone else None) or group.put,
        why=mover.change.why if mover else group.why,
        moved=mover is not None,
        exceptional=alone is not None,
        steps=_once(
            *(r.change.steps for r in (*kept, *local)),
            own,
            *(r.then for r in (*kept, *([mover] if mover else []), *local)),
        ),
        do_nots=_once(*do_nots, *(r.change.do_nots for r in local), group.do_nots),
        not_here=_elsewhere(whole, not_here, item.id),
        fired=(_base(whole, item), *(_fired(whole, item, rule) for rule in fired)),
        insufficiencies=tuple(
            Insufficiency(r.situation, r.change.why) for r in kept if r.change.fix and r.situation is not None
        ),
        unruled=unruled,
        locality=locality(whole, region, {item.id, *_owners(whole, destination)}, settled) if region else None,
    )


def _base(whole: Knowledge, item: Item) -> FiredRule:
    group = whole.group(item.group_id)
    sources = item.sources or group.sources
    return FiredRule(item.id, group.why, sources, _citations(whole, sources))


def _fired(whole: Knowledge, item: Item, rule: _Ruled) -> FiredRule:
    owner = whole.items.get(rule.owner)
    group = whole.group(owner.group_id if owner else rule.owner)
    sources = rule.change.sources or (owner.sources if owner else ()) or group.sources
    rule_id = f"{rule.owner}+{rule.situation}" if rule.situation else rule.owner
    validity = None
    if rule.region and isinstance(rule.change, LocalChange):
        rule_id = f"{rule.region}:{rule_id}"
        validity = Validity(rule.region, full_name(whole, rule.region), rule.change.as_of)
    return FiredRule(rule_id, rule.change.why, sources, _citations(whole, sources), rule.situation, validity)


def _citations(whole: Knowledge, sources: tuple[str, ...]) -> tuple[Text, ...]:
    return tuple(whole.sources[source].citation for source in sources)


def _elsewhere(whole: Knowledge, wrong: tuple[NotHere, ...], item_id: str) -> tuple[Elsewhere, ...]:
    found = []
    for entry in wrong:
        if entry.instead == item_id:
            continue
        group_id = whole.items[entry.instead].group_id if entry.instead in whole.items else entry.instead
        what = Text(ko=entry.ko, en=entry.en)
        found.append(Elsewhere(what, entry.instead, whole.group(group_id).put))
    return tuple(found)


def _once(*groups: tuple[Text, ...]) -> tuple[Text, ...]:
    return tuple(dict.fromkeys(text for group in groups for text in group))
