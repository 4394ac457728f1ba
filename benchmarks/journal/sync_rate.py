"""Rows a second of our `Syncer` beside COPY into the same table: ``python -m benchmarks.journal.sync_rate COUNT``."""

import io
import json
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import psycopg2
import yaml

from benchmarks.journal.filled import add_unsynced, make_unsynced_again, new_journal
from benchmarks.journal.processes import report
from services.kernel.config import DEFAULTS
from wal import WALManager
from wal.records import utc
from wal.sync import Syncer

COPY = (
    "COPY tasks.task_results (task_id, task_type, worker, state, attempt, version, result, created_at, started_at, "
    "finished_at) FROM STDIN"
)
LARGE_BATCH = 5000


def ours(path: Path, batch: int) -> float:
    """Seconds until every row is in PostgreSQL and marked so in the journal."""
    manager = WALManager(path, worker="bench")
    syncer = Syncer(manager, _connect, interval_s=1, batch=batch, retain_s=1e9)
    try:
        began = time.perf_counter()
        while syncer.sync():
            pass
        return time.perf_counter() - began
    finally:
        manager.close()


def copy(path: Path) -> float:
    """Seconds of one COPY, from a text that was made before."""
    text = io.StringIO()
    rows = sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute(
        "SELECT task_id, task_type, worker, state, attempt, version, result, created_at, started_at, finished_at "
        "FROM task"
    )
    for *plain, result, created, started, finished in rows:
        times = (utc(moment).isoformat() for moment in (created, started, finished))
        text.write("\t".join([*map(str, plain), result.replace("\\", "\\\\"), *times]) + "\n")
    text.seek(0)
    with _connect() as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        cursor.copy_expert(COPY, text)
        connection.commit()
        return time.perf_counter() - began


def main(count: int) -> None:
    batch = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))["wal"]["sync_batch"]
    with tempfile.TemporaryDirectory(dir=os.environ["BENCH_DIR"]) as folder:
        path = Path(folder) / "bench.db"
        new_journal(path, "bench")
        add_unsynced(path, "bench", count)
        figures: dict[str, float] = {"batch": batch, "large_batch": LARGE_BATCH}
        for name, act in (
            ("ours", lambda: ours(path, batch)),
            ("ours_large", lambda: ours(path, LARGE_BATCH)),
            ("copy", lambda: copy(path)),
        ):
            make_unsynced_again(path)
            _truncate()
            figures[name] = count / act()
            figures[f"{name}_rows"] = _truncate()
        assert figures["ours_rows"] == figures["ours_large_rows"] == figures["copy_rows"] == count, json.dumps(figures)
        report(**figures)


def _connect() -> "psycopg2.extensions.connection":
    return psycopg2.connect(os.environ["ECO2_DATABASE_URL"])


def _truncate() -> int:
    with _connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tasks.task_results")
        found = int(cursor.fetchone()[0])
        cursor.execute("TRUNCATE tasks.task_results")
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]))
