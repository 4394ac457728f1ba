"""What the writer does for many callers at once. The task's id is the first of each row's values.

Each takes the rows of all that want the same, and answers each: with what came of it, or with the
`JournalError` that says why not.
"""

import sqlite3
from typing import Any

from wal import statements as sql
from wal.errors import IllegalTransition, JournalError, UnknownTask
from wal.states import State
from wal.writer import Batch

Row = tuple[Any, ...]


def start(connection: sqlite3.Connection, rows: list[Row]) -> list[Row | None]:
    """(id, type, worker, now, body, content type, headers) -> None for a new task, for a known one its row."""
    return [
        None if new else _row(connection, row[0])
        for row, new in zip(rows, _insert(sql.INSERT_TASK, connection, rows), strict=True)
    ]


def begin(connection: sqlite3.Connection, rows: list[Row]) -> list[int | Row | JournalError]:
    """The same values -> the attempt that begins; for a finished task its row."""
    inserted = _insert(sql.INSERT_RUNNING, connection, rows)
    known = [row for row, new in zip(rows, inserted, strict=True) if not new]
    claimed = iter(claim(connection, [(task_id, worker, now) for task_id, _, worker, now, *_ in known]))
    return [1 if new else _begun(connection, row[0], next(claimed)) for row, new in zip(rows, inserted, strict=True)]


def _begun(connection: sqlite3.Connection, task_id: str, claimed: Row | JournalError) -> int | Row | JournalError:
    if not isinstance(claimed, JournalError):
        return int(claimed[1])
    row = _row(connection, task_id)
    return row if State(row[2]).finished else claimed


def _insert(statement: sql.Rows, connection: sqlite3.Connection, rows: list[Row]) -> list[bool]:
    """Which of the tasks are new; those, and their payloads, are in the tables then."""
    fresh = {row[0] for row in statement.on(connection, [row[:4] for row in rows])}
    new = []
    for row in rows:
        new.append(row[0] in fresh)
        fresh.discard(row[0])  # of two of one id the first is the new one
    sql.INSERT_PAYLOAD.on(connection, [(row[0], *row[4:]) for row, is_new in zip(rows, new, strict=True) if is_new])
    return new


def _row(connection: sqlite3.Connection, task_id: str) -> Row:
    row: Row = connection.execute(sql.READ_TASK, (task_id,)).fetchone()
    return row


def _moves(statement: sql.Rows, wanted: State) -> Batch:
    """A change of state: each row is answered with what the statement returns after the id."""

    def move(connection: sqlite3.Connection, rows: list[Row]) -> list[Row | JournalError]:
        moved = {row[0]: row[1:] for row in statement.on(connection, rows)}
        # Taken out, so that of two who want the same one is refused.
        return [
            moved.pop(row[0]) if row[0] in moved else refusal(connection, row[0], wanted) for row in rows
        ]  # fmt: skip

    return move


claim = _moves(sql.CLAIM, State.PROCESSING)
fail = _moves(sql.FAIL, State.FAILED)
cancel = _moves(sql.CANCEL, State.FAILED)
retry = _moves(sql.RETRY, State.PENDING)
reopen = _moves(sql.REOPEN, State.PENDING)
_complete = _moves(sql.COMPLETE, State.COMPLETED)


def complete(connection: sqlite3.Connection, rows: list[Row]) -> list[Row | JournalError]:
    """(id, result, now) -> (type, version). The payloads and checkpoints go."""
    found: list[Row | JournalError] = _complete(connection, rows)
    done = [(row[0],) for row, outcome in zip(rows, found, strict=True) if not isinstance(outcome, JournalError)]
    sql.DROP_PAYLOADS.on(connection, done)
    sql.DROP_CHECKPOINTS.on(connection, done)
    return found


def announced(connection: sqlite3.Connection, rows: list[Row]) -> list[None]:
    """(id, version): the outcome of this version was told."""
    sql.MARK_ANNOUNCED.on(connection, rows)
    return [None] * len(rows)


def synced(connection: sqlite3.Connection, some: list[list[Row]]) -> list[None]:
    """Rows of (id, version): PostgreSQL has these versions."""
    for rows in some:
        sql.MARK_SYNCED.on(connection, rows)
    return [None] * len(some)


def refusal(connection: sqlite3.Connection, task_id: str, wanted: State) -> JournalError:
    """Why the task `task_id` cannot come to the state `wanted`."""
    row = connection.execute("SELECT state FROM task WHERE task_id = ?", (task_id,)).fetchone()
    if row is None:
        return UnknownTask(f"{task_id}: no such task")
    return IllegalTransition(f"{task_id}: {row[0]} -> {wanted} is not allowed")
