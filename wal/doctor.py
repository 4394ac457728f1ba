"""Holds the journals against PostgreSQL and RabbitMQ, and names every task that is lost, doubled or diverged."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from wal import inspect

Verdict = Literal["lost", "diverged", "doubled", "parked", "waiting", "damaged"]

GRAVE: frozenset[Verdict] = frozenset({"lost", "diverged", "doubled", "damaged", "parked"})
"""What is wrong in itself; what only waits is not."""

WAL_RESET_FIXED = (3, 51, 3)


@dataclass(frozen=True)
class Finding:
    """One thing that does not agree. `what` is a task's id, or a journal's name."""

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


def examine(files: Iterable[Path], known: Known, queues: dict[str, int]) -> Report:
    """The report on `files`; `queues` has the messages that are ready in each queue.

    What PostgreSQL has and no journal was pruned there, so it is no finding.
    """
    report = Report()
    owners: dict[str, str] = {}
    for path in files:
        verdict = inspect.integrity(path)
        if verdict != "ok":
            report.findings.append(Finding("damaged", path.stem, verdict))
            continue
        facts = inspect.state(path)
        if facts.parked:
            report.findings.append(Finding("parked", path.stem, f"{facts.parked} rows that PostgreSQL refused"))
        for rows in inspect.finished(path):
            states = known([row.task_id for row in rows])
            for row in rows:
                report.findings.extend(_compare(path.stem, row, states.get(row.task_id)))
                if row.task_id in owners:
                    both = f"finished in the journals of {owners[row.task_id]} and {path.stem}"
                    report.findings.append(Finding("doubled", row.task_id, both))
                owners[row.task_id] = path.stem
        unfinished = facts.by_state["pending"] + facts.by_state["processing"]
        report.notes.append(f"{path.stem}: {unfinished} unfinished, {facts.unsynced} waiting for PostgreSQL")
    report.notes += [f"{queue}: {count} messages ready" for queue, count in sorted(queues.items())]
    if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
        report.notes.append(
            f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug (fixed in 3.51.3): never open a journal for "
            "writing beside its worker"
        )
    return report


def _compare(worker: str, row: inspect.Finished, known: str | None) -> list[Finding]:
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
