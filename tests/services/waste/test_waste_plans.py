"""Every hot statement uses the index made for it, over twenty thousand rows: explained as the functions send it."""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg2
import pytest
from uuid6 import uuid7

from services.kernel.errors import Problem
from services.waste import deletion, history, overdue, uploads
from services.waste.tables import Scan
from tests.services.running import Running

ROWS = 20_000
NOBODY = deletion.Told(lambda _: None, lambda _: None, lambda _: None)
SOMEBODY = str(uuid7())

CROWD = (
    """
    INSERT INTO waste.uploads (id, owner, scope, state, content_type, bytes, scan_id, created_at, expires_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 'crowd ' || n,
        (ARRAY['open', 'completed', 'used', 'expired'])[1 + n %% 4], 'image/jpeg', 1,
        CASE WHEN n %% 4 = 2 THEN gen_random_uuid() END, now() - interval '1 h', now() + n * interval '1 s'
    FROM generate_series(1, %s) AS n
    """,
    """
    INSERT INTO waste.scans (id, owner, scope, request_sha256, language, state, stage, percent, image_key,
        image_bytes, image_width, image_height, result, finished_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 'crowd', repeat('0', 64), 'ko', 'completed', 'done', 100,
        'crowd/' || n, 1, 1, 1, '{}', now()
    FROM generate_series(1, %s) AS n
    """,
    """
    INSERT INTO waste.feedback (scan_id, viewer, verdict)
    SELECT id, gen_random_uuid(), 'right' FROM waste.scans WHERE scope = 'crowd' LIMIT %s
    """,
)


@pytest.fixture(scope="module")
def crowd(waste: Running) -> Iterator[None]:
    for statement in CROWD:
        waste.sql(statement, ROWS)
    for table in ("uploads", "scans", "feedback"):
        waste.sql(f"ANALYZE waste.{table}")
    yield
    waste.sql("DELETE FROM waste.scans WHERE scope = 'crowd'")
    waste.sql("DELETE FROM waste.uploads WHERE scope LIKE 'crowd %%'")


def statements(caplog: pytest.LogCaptureFixture, act: Callable[[], Any]) -> list[tuple[str, Any]]:
    """What `act` sends to the database; what it changes is taken back."""
    caplog.clear()
    with (
        caplog.at_level(logging.DEBUG, "peewee"),
        Scan._meta.database.connection_context(),
        Scan._meta.database.atomic() as change,
    ):
        with suppress(Problem):
            act()
        change.rollback()
    sent = [record.msg for record in caplog.records if record.name == "peewee"]
    return [message for message in sent if message[0].startswith(("SELECT", "UPDATE", "DELETE"))]


def plan(waste: Running, statement: str, values: Any) -> str:
    connection = psycopg2.connect(waste.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {statement}", values)
            return "\n".join(line for (line,) in cursor.fetchall())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("act", "indexes"),
    [
        (lambda: uploads.expire(lambda _: None), {"uploads_expiring"}),
        (lambda: uploads.forget(60, lambda _: None), {"uploads_done"}),
        (lambda: uploads.erase(SOMEBODY, lambda _: None), {"uploads_of_owner"}),
        (lambda: uploads.of_scan(uuid.uuid4()), {"uploads_scan_id_key"}),
        (lambda: uploads.take(f"uploads/{uuid.uuid4()}", None, uuid.uuid4()), {"uploads_pkey"}),
        (lambda: uploads._waiting_of("crowd 7").count(), {"uploads_of_scope"}),
        (lambda: deletion._erase(uuid.UUID(SOMEBODY), NOBODY), {"scans_history", "feedback_of_viewer"}),
        (lambda: deletion._shown_by_another("crowd/7"), {"scans_of_image"}),
        (lambda: overdue.requeue(20, lambda _: None), {"scans_unfinished"}),
        (lambda: overdue.fail(20), {"scans_unfinished"}),
        (lambda: history.scans_of(SOMEBODY, "http://cdn"), {"scans_history"}),
    ],
    ids=lambda value: " ".join(sorted(value)) if isinstance(value, set) else None,
)
def test_a_hot_statement_reads_its_index(
    waste: Running, crowd: None, caplog: pytest.LogCaptureFixture, act: Callable[[], Any], indexes: set[str]
) -> None:
    sent = statements(caplog, act)
    plans = [plan(waste, statement, values) for statement, values in sent]

    assert sent
    assert not [told for told in plans if "Seq Scan" in told and "Seq Scan on erasures" not in told]
    assert {index for index in indexes if any(index in told for told in plans)} == indexes
