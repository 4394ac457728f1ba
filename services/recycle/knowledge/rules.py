"""From an item and its situations to a :class:`Disposal`: a pure function of the data, no model involved.

Precedence: the situations are taken in the order of ``situations.yaml``. For each, the item's own rule beats
its kind's, which beats its class's. The first rule that sends the thing elsewhere decides where it goes; of
the others only those that *carry* (contents, batteries) still add their steps.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from services.recycle.knowledge.load import knowledge as shipped
from services.recycle.knowledge.model import Change, Group, Item, KindId, Knowledge, MajorId, NotHere, Text


class RuleError(LookupError):
    """A question the rules cannot take. ``code`` is stable."""

    code = "rule_error"


class UnknownItem(RuleError):
    code = "unknown_item"

    def __init__(self, item_id: str) -> None:
        self.item_id = item_id
        super().__init__(f"there is no item {item_id!r}")


class UnknownSituation(RuleError):
    code = "unknown_situation"

    def __init__(self, situation: str) -> None:
        self.situation = situation
        super().__init__(f"there is no situation {situation!r}")


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that took part in the answer. Ids: ``item``, ``group+situation`` or ``item+situation``."""

    rule_id: str
    why: Text
    sources: tuple[str, ...]
    citations: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Insufficiency:
    """What must be put right before the thing may be put out, because of one situation."""

    situation: str
    text: Text


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What people wrongly put here, and where it goes: an item, kind or class id and how it is put out."""

    what: Text
    instead: str
    put: Text


@dataclass(frozen=True, slots=True)
class Disposal:
    """The whole answer. ``unruled`` are known situations that no rule of this item speaks about."""

    item: Item
    major: MajorId
    kind: KindId | None
    place: Text
    put: Text
    why: Text
    moved: bool
    steps: tuple[Text, ...]
    do_nots: tuple[Text, ...]
    not_here: tuple[Elsewhere, ...]
    fired: tuple[FiredRule, ...]
    insufficiencies: tuple[Insufficiency, ...]
    unruled: tuple[str, ...]

    @property
    def recyclable(self) -> bool:
        return self.major == "recyclable"


@dataclass(frozen=True, slots=True)
class _Ruled:
    situation: str
    owner: str
    change: Change
    carries: bool

    @property
    def to(self) -> str | None:
        return self.change.to


def rules_for(item_id: str, situations: Iterable[str] = (), data: Knowledge | None = None) -> Disposal:
    """How to throw the item away in these situations; their order and repetition do not matter.

    Raises :class:`UnknownItem` and :class:`UnknownSituation`.
    """
    whole = data or shipped()
    item = whole.items.get(item_id)
    if item is None:
        raise UnknownItem(item_id)
    asked = set(situations)
    for situation in sorted(asked):
        if situation not in whole.situations:
            raise UnknownSituation(situation)

    ordered = [situation for situation in whole.situations if situation in asked]
    ruled = [rule for situation in ordered if (rule := _rule_of(whole, item, situation))]
    unruled = tuple(s for s in ordered if s not in {rule.situation for rule in ruled})
    move = next((rule for rule in ruled if rule.to not in (None, item.group_id)), None)
    if move is None:
        return _stays(whole, item, ruled, unruled)
    return _moves(whole, item, move, [r for r in ruled if r.carries and r.to is None], unruled)


def _rule_of(whole: Knowledge, item: Item, situation: str) -> _Ruled | None:
    owners: list[tuple[str, Item | Group]] = [(item.id, item), (item.group_id, whole.group(item.group_id))]
    for owner_id, owner in owners:
        change = owner.situations.get(situation)
        if change is not None:
            return _Ruled(situation, owner_id, change, whole.situations[situation].carries)
    return None


def _stays(whole: Knowledge, item: Item, ruled: list[_Ruled], unruled: tuple[str, ...]) -> Disposal:
    group = whole.group(item.group_id)
    own = item.steps or group.steps
    return Disposal(
        item=item,
        major=item.major,
        kind=item.kind,
        place=group.name,
        put=group.put,
        why=group.why,
        moved=False,
        steps=_once(*(r.change.steps for r in ruled), item.first, own, item.then),
        do_nots=_once(*(r.change.do_nots for r in ruled), item.do_nots, group.do_nots),
        not_here=_elsewhere(whole, (*item.not_here, *group.not_here), item.id),
        fired=(_base(whole, item, group), *(_fired(whole, item, r) for r in ruled)),
        insufficiencies=tuple(Insufficiency(r.situation, r.change.why) for r in ruled if r.change.fix),
        unruled=unruled,
    )


def _moves(whole: Knowledge, item: Item, move: _Ruled, carried: list[_Ruled], unruled: tuple[str, ...]) -> Disposal:
    destination = str(move.to)
    group = whole.group(destination)
    kind = next((kind for kind in whole.kinds if kind == destination), None)
    major: MajorId = next((major for major in whole.classes if major == destination), "recyclable")
    return Disposal(
        item=item,
        major=major,
        kind=kind,
        place=group.name,
        put=group.put,
        why=move.change.why,
        moved=True,
        steps=_once(*(r.change.steps for r in carried), move.change.steps or group.steps),
        do_nots=_once(move.change.do_nots, *(r.change.do_nots for r in carried), group.do_nots),
        not_here=_elsewhere(whole, group.not_here, item.id),
        fired=(
            _base(whole, item, whole.group(item.group_id)),
            *(_fired(whole, item, r) for r in (move, *carried)),
        ),
        insufficiencies=tuple(Insufficiency(r.situation, r.change.why) for r in carried if r.change.fix),
        unruled=unruled,
    )


def _base(whole: Knowledge, item: Item, group: Group) -> FiredRule:
    sources = item.sources or group.sources
    return FiredRule(item.id, group.why, sources, _citations(whole, sources))


def _fired(whole: Knowledge, item: Item, rule: _Ruled) -> FiredRule:
    group = whole.group(item.group_id)
    sources = rule.change.sources or (item.sources if rule.owner == item.id else ()) or group.sources
    return FiredRule(f"{rule.owner}+{rule.situation}", rule.change.why, sources, _citations(whole, sources))


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
