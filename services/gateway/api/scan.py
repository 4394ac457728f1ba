"""The shape of a scan: its picture, what was seen on it, and how that is thrown away."""

from typing import Literal

from pydantic import Field

from services.gateway.api.disposal import Disposal, Id, Ids, ItemId, Kind, Line, Major, Passage
from services.gateway.shapes import Answer, Lang, Probability, Time, Uuid

Status = Literal["processing", "completed", "failed"]
Stage = Literal["queued", "stored", "vision", "rules", "answer", "done", "failed"]


class Image(Answer):
    """The size of an upload is null until its picture is made, `key` and `url` of any until it is stored."""

    bytes: int | None
    width: int | None
    height: int | None
    key: str | None
    url: str | None


class Guess(Answer):
    label: Line
    item_id: ItemId | None
    probability: Probability


class Other(Answer):
    """One more thing on the photo."""

    item_id: ItemId
    name: Line
    situations: Ids
    confidence: Probability


class Usage(Answer):
    """Tokens of a model, and their price in won."""

    model: Id
    input: int
    cached: int
    output: int
    won: float


class AnsweredBy(Answer):
    provider: Id
    model: Id | None
    reused: bool
    usage: Usage | None


class Result(Answer):
    """What is on the photo and how it is thrown away; for "don't know" item, class, kind and disposal are null.

    Results are kept for years: what an older one does not have is null, empty or nought.
    """

    item_id: ItemId | None
    confidence: Probability
    situations: Ids = Field(default=[])
    guesses: list[Guess] = Field(default=[], max_length=20)
    others: list[Other] = Field(default=[], max_length=20)
    provider: Id | None = None
    model: Id | None = None
    degraded: bool = False
    degraded_because: Id | None = None
    seen_before_at: Time | None = None
    usage: Usage | None = None
    language: Lang | None = None
    major: Major | None
    kind: Kind | None
    disposal: Disposal | None
    insufficiencies: Ids = Field(default=[])
    answer: Passage | None = None
    answered_by: AnsweredBy | None = None
    cost_won: float = 0


class Failure(Answer):
    code: Id
    detail: Line


class Scan(Answer):
    """A photo's way to an answer. `result` is there once it is completed, `error` once it has failed."""

    scan_id: Uuid
    status: Status
    stage: Stage
    percent: int = Field(ge=0, le=100)
    created_at: Time
    finished_at: Time | None
    image: Image
    result: Result | None
    error: Failure | None


class ScanLine(Answer):
    scan_id: Uuid
    status: Status
    created_at: Time
    item_id: ItemId | None
    name: Line | None
    major: Major | None
    kind: Kind | None
    confidence: Probability | None
    image_url: str | None


class Scans(Answer):
    """`next` is the `cursor` of the following page."""

    scans: list[ScanLine]
    next: str | None
