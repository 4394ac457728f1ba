"""What Helm's records say of a release."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# Stands before the digest, and the tag of our image, in a revision's description, which `helm history` shows.
_MARK = "eco2 "
_RETURNED = re.compile(r"Rollback to (\d+)")
_GOOD = ("deployed", "superseded")


class Status(StrEnum):
    DEPLOYED = "deployed"
    PENDING = "pending"
    FAILED = "failed"
    MISSING = "missing"


@dataclass(frozen=True)
class State:
    """The last revision of a release. ``said`` is Helm's own word for its status; ``digest`` is ours (see
    `charts.digest`), None where the revision was not made by us or was rolled back."""

    status: Status
    chart: str | None = None
    digest: str | None = None
    revision: int = 0
    said: str = ""


MISSING = State(Status.MISSING)


@dataclass(frozen=True)
class Revision:
    """One line of a release's history. ``said`` is Helm's word for its status, ``at`` when it was made (RFC 3339).

    ``tag`` is that of our image, None where the release has none or the revision was not made by us; ``returned_to``
    is the revision that it repeats, where it is a rollback.
    """

    number: int
    said: str
    chart: str
    at: str
    description: str
    tag: str | None = None
    returned_to: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether it was once deployed whole, so that one can go back to it."""
        return self.said in _GOOD

    def as_dict(self) -> dict[str, Any]:
        return {
            "revision": self.number,
            "status": self.said,
            "chart": self.chart,
            "tag": self.tag,
            "at": self.at,
            "returned_to": self.returned_to,
        }


def description(digest: str, tag: str | None = None) -> str:
    """How a revision that we make is described."""
    return f"{_MARK}{digest} {tag}" if tag else f"{_MARK}{digest}"


def image_tag_of(values: Mapping[str, Any]) -> str | None:
    """The tag of our own image in a release's values; None where it has none of ours."""
    image = image_of(values)
    return image[1] if image else None


def image_of(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """(Repository, tag) of our own image: a service's or worker's, or that of the Jobs beside the database."""
    for part in (values, values.get("application") or {}):
        image = part.get("image")
        if isinstance(image, Mapping) and image.get("repository") and image.get("tag"):
            return str(image["repository"]), str(image["tag"])
    return None


def state(revision: Mapping[str, Any]) -> State:
    """One entry of ``helm history -o json``."""
    said = str(revision["status"])
    if said == "deployed":
        status = Status.DEPLOYED
    elif said == "uninstalled":
        status = Status.MISSING
    elif said.startswith("pending-") or said == "uninstalling":
        status = Status.PENDING
    else:
        status = Status.FAILED
    digest, _ = _described(revision)
    return State(status, str(revision["chart"]), digest, int(revision["revision"]), said)


def revisions(history: Sequence[Mapping[str, Any]]) -> list[Revision]:
    """``helm history -o json``, the oldest first. A rollback has the tag of what it returned to."""
    found: dict[int, Revision] = {}
    for each in sorted(history, key=lambda entry: int(entry["revision"])):
        said = str(each.get("description", ""))
        back = _RETURNED.match(said)
        returned_to = int(back[1]) if back else None
        _, tag = _described(each)
        if returned_to in found:
            tag = found[returned_to].tag
        number = int(each["revision"])
        found[number] = Revision(
            number, str(each["status"]), str(each["chart"]), str(each.get("updated", "")), said, tag, returned_to
        )
    return list(found.values())


def _described(revision: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """(digest, tag) of a revision that we have made."""
    text = str(revision.get("description", ""))
    if not text.startswith(_MARK):
        return None, None
    digest, _, tag = text.removeprefix(_MARK).partition(" ")
    return digest, tag or None
