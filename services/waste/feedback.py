"""What people say of an answer: right or wrong, and what it is instead. One a scan and viewer, the last one counts."""

import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal

from peewee import SQL, IntegrityError, fn

from services.kernel.arguments import Id, Line, Lines, checked, missing
from services.kernel.errors import Conflict, NotFound, Unprocessable
from services.waste import metrics, scans
from services.waste.tables import Feedback, Scan

Verdict = Literal["right", "wrong"]
NOBODY = uuid.UUID(int=0)
"""Stands for all who did not sign in: who knows the id of a scan without an owner may change what they said of it."""


@checked
def give(
    scan_id: Annotated[str, Id("scan")],
    viewer: Annotated[str, Id("user")] | None,
    verdict: Verdict,
    item_id: Annotated[str, Line(1, 100)] | None,
    comment: Annotated[str, Lines(1, 500)] | None,
    look_up: Callable[[str], Any],
    tell: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Keep the feedback, in place of what the viewer said of this scan before; returns it.

    `item_id` names the right item of a wrong answer; `look_up` raises `NotFound` for an item that there is not.
    `tell` is given the event ``scan_feedback``; what it raises leaves all as it was.
    Raises `NotFound` for a scan that is not the viewer's to see, `Conflict` ``scan_unfinished`` for one without an
    answer, `Unprocessable` ``feedback_contradictory`` or ``unknown_item``.
    """
    scan = scans.find(scan_id, viewer)
    if scan.state != "completed":
        raise Conflict("scan_unfinished", "This scan has no answer that could be right or wrong.")
    if item_id is not None:
        _check_item(scan, verdict, item_id, look_up)
    said = {"verdict": verdict, "item_id": item_id, "comment": comment}
    who = viewer or NOBODY
    new = Feedback.insert(scan=scan.id, viewer=who, **said).on_conflict(
        conflict_target=[Feedback.scan, Feedback.viewer], update={**said, Feedback.updated_at: fn.now()}
    )
    try:
        with Feedback._meta.database.atomic():
            before = Feedback.select(Feedback.verdict).where((Feedback.scan == scan.id) & (Feedback.viewer == who))
            said_before = before.for_update().scalar()
            kept = next(iter(new.returning(Feedback, SQL("(xmax = 0)").alias("new")).execute()))
            tell(_announcement(scan, kept))
    except IntegrityError:  # the scan was deleted meanwhile
        raise missing("scan") from None
    if kept.new or said_before not in (None, verdict):
        metrics.FEEDBACK.labels(verdict).inc()
    return {
        "scan_id": scan_id,
        **said,
        "created_at": kept.created_at.isoformat(),
        "updated_at": kept.updated_at.isoformat(),
    }


def _announcement(scan: Scan, said: Feedback) -> dict[str, Any]:
    """What other domains hear: all but the comment, which is for our eyes."""
    return {
        "scan_id": str(scan.id),
        "viewer": None if said.viewer == NOBODY else str(said.viewer),
        "verdict": said.verdict,
        "item_id": said.item_id,
        "answered_item_id": (scan.result or {}).get("item_id"),
        "updated_at": said.updated_at.isoformat(),
    }


def _check_item(scan: Scan, verdict: str, item_id: str, look_up: Callable[[str], Any]) -> None:
    if verdict == "right":
        raise _contradiction("belongs to a wrong verdict only")
    if item_id == (scan.result or {}).get("item_id"):
        raise _contradiction("is what the answer says")
    try:
        look_up(item_id)
    except NotFound:
        message = "there is no such item"
        raise Unprocessable("unknown_item", message, [{"field": "item_id", "message": message}]) from None


def _contradiction(message: str) -> Unprocessable:
    detail = f"The correct item {message}."
    return Unprocessable("feedback_contradictory", detail, [{"field": "item_id", "message": message}])
