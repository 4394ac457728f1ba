"""What Helm's records say of a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# Stands before the digest in a revision's description, which `helm history` shows.
_MARK = "eco2 "


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


def description(digest: str) -> str:
    """How a revision that we make is described."""
    return f"{_MARK}{digest}"


def state(revision: Mapping[str, Any]) -> State:
    """One entry of ``helm history -o json``."""
    said, described = str(revision["status"]), str(revision.get("description", ""))
    if said == "deployed":
        status = Status.DEPLOYED
    elif said == "uninstalled":
        status = Status.MISSING
    elif said.startswith("pending-") or said == "uninstalling":
        status = Status.PENDING
    else:
        status = Status.FAILED
    digest = described.removeprefix(_MARK) if described.startswith(_MARK) else None
    return State(status, str(revision["chart"]), digest, int(revision["revision"]), said)
