"""What the rules answer, a :class:`Disposal`, and the questions they refuse."""

from dataclasses import dataclass

from services.recycle.knowledge.model import Item, KindId, MajorId, Text


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


class UnknownRegion(RuleError):
    code = "unknown_region"

    def __init__(self, region: str) -> None:
        self.region = region
        super().__init__(f"there is no region {region!r}")


@dataclass(frozen=True, slots=True)
class Validity:
    """Where a local rule holds, and the year in which it was known to."""

    region: str
    name: Text
    as_of: int


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that took part in the answer.

    Ids: ``item`` (how it is put out without any situation), ``group+situation``, ``item+situation``; a rule of a
    region has its id before it: ``seoul:film``, ``seoul:film+dirty``.
    """

    rule_id: str
    why: Text
    sources: tuple[str, ...]
    citations: tuple[Text, ...]
    situation: str | None = None
    local: Validity | None = None


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
class LocallyUnknown:
    """A topic that this municipality decides and whose rule is not recorded: ask it."""

    topic: str
    name: Text


@dataclass(frozen=True, slots=True)
class Locality:
    """The region the answer is for: its full name, whom to ask, and what to ask for because it is not recorded."""

    region: str
    name: Text
    site: str | None
    phone: str | None
    unknown: tuple[LocallyUnknown, ...]


@dataclass(frozen=True, slots=True)
class Disposal:
    """The whole answer. ``unruled`` are known situations that no rule of this item speaks about.

    ``locality`` is set when a region was asked for; the steps of its rules are merged into ``steps``.
    """

    item: Item
    major: MajorId
    kind: KindId | None
    place: Text
    put: Text
    why: Text
    moved: bool
    exceptional: bool
    steps: tuple[Text, ...]
    do_nots: tuple[Text, ...]
    not_here: tuple[Elsewhere, ...]
    fired: tuple[FiredRule, ...]
    insufficiencies: tuple[Insufficiency, ...]
    unruled: tuple[str, ...]
    locality: Locality | None = None

    @property
    def recyclable(self) -> bool:
        return self.major == "recyclable"
