"""Holds the journals against PostgreSQL and RabbitMQ, and names every task that is lost, doubled or diverged.

The README's table says of each verdict what it means and what to do.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from wal import inspect

Verdict = Literal["lost", "diverged", "doubled", "damaged", "parked", "stalled", "late", "swollen", "waiting"]

GRAVE: frozenset[Verdict] = frozenset({"lost", "diverged", "doubled", "damaged", "parked", "stalled"})
"""What is wrong in itself. What only waits is not, and nor is "late": nobody can tell here whether PostgreSQL came
back a moment ago, and the rows are safe in the journal. An alarm belongs on eco2_journal_oldest_unsynced_seconds."""

STALLED_S = 60.0
"""Six beats of a living worker (`TaskSettings.heartbeat_s`)."""
LATE_S = 60.0
"""A dozen of the longest pauses of the sync (`wal.sync.MAX_PAUSE_S`)."""
SWOLLEN_BYTES = 64 * 1024 * 1024
"""Four times the size at which the writer empties its write-ahead log."""
WAL_RESET_FIXED = (3, 51, 3)


@dataclass(frozen=True)
class Finding:
    """One thing that does not agree. `what` is a task's id, or a file's or journal's name."""

    verdict: Verdict
    what: str
    detail: str


@dataclass
class Report:
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        return not any(finding.verdict in GRAVE for finding in self.findings)


Known = Callable[[list[str]], dict[str, str]]
"""Task ids -> the state that PostgreSQL has of each; what it does not have is left out."""

Owners = dict[str, tuple[str, str]]
"""Task ids -> the worker whose journal has it, and its state there."""


def examine(
    files: Iterable[Path],
    known: Known,
    queues: dict[str, int],
    *,
    quarantined: Iterable[Path] = (),
    now: float | None = None,
) -> Report:
    """The report on `files`; `queues` has the messages that are ready in each queue.

    What PostgreSQL has and no journal was pruned there, so it is no finding.
    """
    moment = time.time() if now is None else now
    report = Report([_set_aside(broken) for broken in quarantined])
    owners: Owners = {}
    for path in files:
        verdict = inspect.integrity(path)
        if verdict != "ok":
            report.findings.append(Finding("damaged", path.stem, verdict))
            continue
        facts = inspect.state(path)
        report.findings += [*_of_the_file(facts, moment), *_of_the_tasks(path, facts, known, owners, moment)]
        report.notes.append(_note(facts))
    report.notes += [f"{queue}: {count} messages ready" for queue, count in sorted(queues.items())]
    if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
        report.notes.append(
            f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug (fixed in 3.51.3): never open a journal for "
            "writing beside its worker"
        )
    return report


def _set_aside(broken: Path) -> Finding:
    text = (
        "a broken journal that its worker put aside; outcomes that PostgreSQL did not have are in it alone: save what "
        "can be read (sqlite3 FILE .recover), then move it out of this folder"
    )
    return Finding("damaged", broken.name, text)


def _of_the_file(facts: inspect.FileState, now: float) -> Iterator[Finding]:
    if facts.parked:
        advice = "mend what it says of them, then `wal.unpark --all` (or TASK_ID) sends them again"
        yield Finding("parked", facts.worker, f"{facts.parked} rows that PostgreSQL refused: {advice}")
    if facts.oldest_unsynced_at is not None and now - facts.oldest_unsynced_at > LATE_S:
        age = now - facts.oldest_unsynced_at
        yield Finding("late", facts.worker, f"{facts.unsynced} rows wait for PostgreSQL, the oldest for {age:.0f} s")
    if facts.wal_bytes > SWOLLEN_BYTES:
        yield Finding("swollen", facts.worker, f"its write-ahead log holds {facts.wal_bytes / 1e6:.0f} MB")


def _of_the_tasks(path: Path, facts: inspect.FileState, known: Known, owners: Owners, now: float) -> Iterator[Finding]:
    for rows in inspect.finished(path):
        states = known([row.task_id for row in rows])
        for row in rows:
            yield from _compare(facts.worker, row, states.get(row.task_id))
            yield from _claim(owners, facts.worker, row)
    for waiting in inspect.unfinished(path):
        for task in waiting:
            yield from _claim(owners, facts.worker, task)
            quiet_s = now - (task.heartbeat_at or now)
            if facts.running and task.state == "processing" and quiet_s > STALLED_S:
                yield Finding(
                    "stalled", task.task_id, f"{facts.worker} runs, but the task gave no sign for {quiet_s:.0f} s"
                )


def _claim(owners: Owners, worker: str, task: inspect.Finished | inspect.Unfinished) -> Iterator[Finding]:
    owner, state = owners.setdefault(task.task_id, (worker, task.state))
    if owner != worker:
        both = f"{state} in the journal of {owner}, {task.state} in that of {worker}"
        yield Finding("doubled", task.task_id, both)


def _note(facts: inspect.FileState) -> str:
    if facts.running:
        return f"{facts.worker}: {facts.unfinished} unfinished, {facts.unsynced} waiting for PostgreSQL"
    return (
        f"{facts.worker}: not running; {facts.unfinished} tasks wait for its start, "
        f"{facts.unsynced} rows wait for PostgreSQL until then"
    )


def _compare(worker: str, row: inspect.Finished, known: str | None) -> list[Finding]:
    if row.sync_error is not None:
        first_line = row.sync_error.partition("\n")[0]
        return [Finding("parked", row.task_id, f"{worker}: PostgreSQL refused it: {first_line}")]
    if row.version > row.synced_version:
        return [Finding("waiting", row.task_id, f"{worker}: version {row.version} is not in PostgreSQL yet")]
    if known is None:
        return [Finding("lost", row.task_id, f"{worker}: marked as synced, but PostgreSQL does not have it")]
    if known != row.state:
        return [Finding("diverged", row.task_id, f"{worker}: {row.state} in the journal, {known} in PostgreSQL")]
    return []


def known_to(connection: Any) -> Known:
    """What the PostgreSQL of a psycopg2 `connection` knows."""

    def known(task_ids: list[str]) -> dict[str, str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT task_id, state FROM tasks.task_results WHERE task_id = ANY(%s)", (task_ids,))
            return dict(cursor.fetchall())

    return known
