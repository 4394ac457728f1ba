"""What ``/api/user`` answers: the shapes of a user's own, and of the leaderboard."""

from typing import Annotated, Literal

from pydantic import Field

from services.gateway.shapes import Answer, Lang, Probability, Time, Uuid

Units = Literal["metric", "imperial"]
Day = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"}, description="a day in Seoul"),
]


class Profile(Answer):
    user_id: Uuid
    nickname: str
    bio: str
    region: str | None
    language: Lang
    avatar_url: str | None
    created_at: Time
    updated_at: Time


class Notifications(Answer):
    """`results`: when a scan is finished; `weekly`: a summary of the week; `news`: changed rules and new features."""

    results: bool
    weekly: bool
    news: bool


class Settings(Answer):
    language: Lang
    region: str | None
    units: Units
    notifications: Notifications
    on_leaderboard: bool
    updated_at: Time


class AvatarAccepted(Answer):
    """The picture is shown in the profile once it is stored, a moment later."""

    status: Literal["processing"]


class Activity(Answer):
    scan_id: Uuid
    item_id: str | None
    major: str | None
    kind: str | None
    confidence: Probability | None
    insufficiencies: list[str]
    points: int
    completed_at: Time


class History(Answer):
    activities: list[Activity]
    next: str | None


class PointsTotal(Answer):
    """`scans` in the history; `total` is the sum of the ledger."""

    total: int
    scans: int


class PointsEntry(Answer):
    """What a scan earned (`scan_completed`), or that it was deleted and took its points along (`scan_deleted`)."""

    scan_id: Uuid
    reason: Literal["scan_completed", "scan_deleted"]
    points: int
    earned_at: Time
    booked_at: Time


class PointsEntries(Answer):
    entries: list[PointsEntry]
    next: str | None


class BothLanguages(Answer):
    ko: str
    en: str


class Character(Answer):
    """`scans`: of its kind, in the history; of the first one, which has no kind, all there are."""

    code: str
    name: str
    name_en: str
    kind: str | None
    dialog: BothLanguages
    owned: bool
    awarded_at: Time | None
    scans: int


class Characters(Answer):
    characters: list[Character]
    owned: int
    total: int


class ClassCount(Answer):
    """`major` is null for what was not recognised."""

    major: str | None
    scans: int
    clean: int


class KindCount(Answer):
    kind: str
    scans: int
    clean: int


class WeekCount(Answer):
    """An ISO week (``2026-W48``) of Seoul, and its Monday."""

    week: str
    begins: Day
    scans: int
    clean: int
    points: int


class KindSaving(Answer):
    """`mass_g` and `co2_kg` are null where no figure is known."""

    kind: str
    pieces: int
    mass_g: float | None
    co2_kg: float | None
    won: int


class SavingFactor(Answer):
    """kg of CO2 equivalent avoided for each kg recycled, of the items named or of all others of the kind."""

    kind: str
    items: list[str]
    material: BothLanguages
    mass_g: float
    mass_is_estimate: bool
    co2_kg_per_kg: float
    source: str
    part: str


class BottleDeposit(Answer):
    item_id: str
    usual_ml: int
    won: int
    source: str


class UnknownSaving(Answer):
    kind: str
    why: BothLanguages


class SavingSource(Answer):
    id: str
    title: BothLanguages
    publisher: BothLanguages
    year: int
    url: str


class Savings(Answer):
    """Estimates, with the figures they are made of, their sources, and what they leave out."""

    co2_kg: float
    won: int
    estimated: bool
    by_kind: list[KindSaving]
    factors: list[SavingFactor]
    deposits: list[BottleDeposit]
    unknown: list[UnknownSaving]
    sources: list[SavingSource]
    not_counted: list[BothLanguages]
    assumptions: list[BothLanguages]


class Statistics(Answer):
    """`clean`: recyclables with nothing to be put right; they alone earn points and save something."""

    since: Day
    until: Day
    scans: int
    clean: int
    points: int
    by_major: list[ClassCount]
    by_kind: list[KindCount]
    by_week: list[WeekCount]
    savings: Savings


class BoardEntry(Answer):
    """Equal points are an equal rank; `me` marks one's own entry."""

    rank: int
    nickname: str
    points: int
    me: bool


class OwnRank(Answer):
    """One's own place; where `shown` is false, the one that one would have."""

    rank: int
    points: int
    shown: bool


class Leaderboard(Answer):
    """Those alone who chose to be seen. `week` is null for all time, `me` without a token."""

    period: Literal["week", "all"]
    week: str | None
    entries: list[BoardEntry]
    me: OwnRank | None
