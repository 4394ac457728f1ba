"""A release's revisions, which of them one can go back to, and what does not go back with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioning.cluster import Version
from provisioning.deploy.errors import NoRevision
from provisioning.kubernetes.states import Revision


def lines(release: str, history: Sequence[Revision], to: int | None = None) -> Iterator[str]:
    """One line for each revision, the newest first; an arrow at the one that would be gone back to."""
    yield release if history else f"{release}: not installed"
    for each in reversed(history):
        arrow = "->" if each.number == to else "  "
        back = f", as revision {each.returned_to}" if each.returned_to else ""
        when = each.at.partition(".")[0]
        yield f" {arrow} {each.number:>3}  {each.said:<16}  {each.chart:<34}  {each.tag or '-':<12}  {when}{back}"


def current(history: Sequence[Revision]) -> Revision | None:
    """The revision that runs."""
    return next((each for each in reversed(history) if each.said == "deployed"), None)


def target(release: str, history: Sequence[Revision], to: int | None) -> Revision:
    """The revision to go back to: the one that is asked for, else what ran before. Raises `NoRevision`.

    A rollback repeats an earlier revision, so "before" is before that one; of a release that is not whole, it is the
    last that was, or the one to which a rollback was under way.
    """
    good = {each.number: each for each in history if each.is_good}
    if to is not None:
        if to not in good:
            there = ", ".join(map(str, good)) or "none"
            raise NoRevision(f"{release} has no revision {to} that was deployed whole; there are {there}")
        return good[to]
    last = history[-1] if history else None
    if last is not None and last.said != "deployed" and good:
        return good.get(last.returned_to or 0) or good[max(good)]
    running = current(history)
    first = (running.returned_to or running.number) if running else 0
    earlier = [number for number in good if number < first]
    if not earlier:
        raise NoRevision(f"{release} has no earlier revision that was deployed whole")
    return good[max(earlier)]


def schema_note(release: str, tag: str | None, database: Sequence[Revision]) -> str | None:
    """What is to be known where the schema is newer than the code that is gone back to; ``database`` is the history
    of the release that migrates."""
    migrated = [each.tag for each in database if each.is_good and each.tag and each.returned_to is None]
    newest = max(migrated, key=_order, default=None)
    if tag is None or newest is None or newest == tag or _order(newest) < _order(tag):
        return None
    return (
        f"The schema stays as {newest} has migrated it: migrations go forward only, and {release} of {tag} "
        "has to work with it. Where it cannot, deploy forward, or restore a backup of the database."
    )


def _order(tag: str) -> tuple[bool, tuple[int, int, int], str]:
    """Versions by their numbers; other tags after them, by their text."""
    try:
        version = Version.parse(tag)
    except ValueError:
        return True, (0, 0, 0), tag
    return False, (version.major, version.minor, version.patch), ""
