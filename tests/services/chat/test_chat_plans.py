"""Every hot query uses the index made for it, over many conversations."""

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from services.chat import leases
from tests.services.running import Running

CONVERSATIONS = 5000
OWNER = "00000000-0000-4000-8000-000000000001"
PAGE = (
    "SELECT * FROM chat.conversations WHERE owner = %(owner)s AND (updated_at, id) < (now(), %(owner)s)"
    " ORDER BY updated_at DESC, id DESC LIMIT 21"
)
SAID = (
    "SELECT * FROM chat.messages WHERE conversation_id = %(owner)s AND ordinal < 9000000 ORDER BY ordinal DESC LIMIT 51"
)
WRITING = "SELECT 1 FROM chat.messages WHERE conversation_id = %(owner)s AND state = 'writing'"
FEEDBACK = "SELECT * FROM chat.feedback WHERE message_id = %(owner)s AND viewer = %(owner)s"
CLAIM = {"lease_s": 15, "max_attempts": 3, "limit": 16}
RENEW = {"lease_s": 15, "ids": [OWNER], "attempts": [1]}


@pytest.fixture(scope="module")
def crowd(service: Running) -> Iterator[None]:
    service.sql(
        "INSERT INTO chat.conversations (id, owner)"
        " SELECT gen_random_uuid(), CASE WHEN n %% 50 = 0 THEN %s::uuid ELSE gen_random_uuid() END"
        " FROM generate_series(1, %s) AS n",
        OWNER,
        CONVERSATIONS,
    )
    service.sql(
        "INSERT INTO chat.messages (id, conversation_id, role, content, finished_at)"
        " SELECT gen_random_uuid(), conversations.id, 'user', md5(n::text), now()"
        " FROM chat.conversations, generate_series(1, 4) AS n"
    )
    service.sql(
        "INSERT INTO chat.messages (id, conversation_id, role, content, state, attempt, lease_until, question_id)"
        " SELECT DISTINCT ON (conversation_id) gen_random_uuid(), conversation_id, 'assistant', '', 'writing', 1,"
        " now() + interval '1 hour', id FROM chat.messages WHERE role = 'user' AND length(content) = 32"
    )
    service.sql(
        "INSERT INTO chat.feedback (message_id, viewer, verdict) SELECT id, gen_random_uuid(), 'right'"
        " FROM chat.messages LIMIT 5000"
    )
    for table in ("conversations", "messages", "feedback"):
        service.sql(f"ANALYZE chat.{table}")
    yield
    service.sql("DELETE FROM chat.conversations WHERE title IS NULL")


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (PAGE, {"owner": OWNER}, "conversations_latest"),
        (SAID, {"owner": OWNER}, "messages_conversation_id_ordinal_key"),
        (WRITING, {"owner": OWNER}, "messages_one_answer_at_a_time"),
        (FEEDBACK, {"owner": OWNER}, "feedback_pkey"),
        (leases.CLAIM, CLAIM, "messages_leases"),
        (leases.RENEW, RENEW, "messages_pkey"),
        (leases.QUESTION, (OWNER, 1), "messages_pkey"),
    ],
    ids=["page", "said", "writing", "feedback", "claim", "renew", "question"],
)
def test_a_hot_query_reads_its_index(service: Running, crowd: None, statement: str, values: Any, index: str) -> None:
    connection = psycopg2.connect(service.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET search_path TO pg_catalog")
            cursor.execute(f"EXPLAIN {statement}", values)
            told = "\n".join(line for (line,) in cursor.fetchall())
    finally:
        connection.close()

    assert index in told
    assert "Seq Scan" not in told


@pytest.mark.parametrize(
    "change",
    [
        "state = 'writing'",
        "state = 'failed'",
        "content = ''",
        "provider = NULL",
        "state = 'completed', error_code = 'x', error_detail = 'y'",
        "finished_at = NULL",
        "options = '{\"lat\": 1}'",
        "role = 'user'",
    ],
)
def test_the_database_keeps_no_answer_in_a_state_that_cannot_be(service: Running, change: str) -> None:
    conversation = "00000000-0000-4000-8000-00000000000c"
    service.sql("INSERT INTO chat.conversations (id, title) VALUES (%s, 'x') ON CONFLICT DO NOTHING", conversation)
    service.sql(
        "INSERT INTO chat.messages (id, conversation_id, role, content, provider, finished_at)"
        " VALUES (gen_random_uuid(), %s, 'assistant', 'x', 'rules', now())",
        conversation,
    )
    update = "UPDATE chat.messages SET {change} WHERE conversation_id = %s"
    with pytest.raises(psycopg2.errors.CheckViolation):
        service.sql(update.replace("{change}", change), conversation)
    service.sql("DELETE FROM chat.conversations WHERE id = %s", conversation)


def test_the_database_keeps_one_answer_at_a_time(service: Running) -> None:
    conversation = "00000000-0000-4000-8000-00000000000d"
    service.sql("INSERT INTO chat.conversations (id, title) VALUES (%s, 'x')", conversation)
    begun = (
        "WITH question AS (INSERT INTO chat.messages (id, conversation_id, role, content, finished_at)"
        " VALUES (gen_random_uuid(), %s, 'user', 'x', now()) RETURNING id)"
        " INSERT INTO chat.messages (id, conversation_id, role, content, state, attempt, lease_until, question_id)"
        " SELECT gen_random_uuid(), %s, 'assistant', '', 'writing', 1, now() + interval '1 hour', NULL"
    )
    with pytest.raises(psycopg2.errors.CheckViolation):
        service.sql(begun, conversation, conversation)
    question = (
        "INSERT INTO chat.messages (id, conversation_id, role, content, finished_at)"
        " VALUES (%s, %s, 'user', 'x', now())"
    )
    answer = (
        "INSERT INTO chat.messages (id, conversation_id, role, content, state, attempt, lease_until, question_id)"
        " VALUES (gen_random_uuid(), %s, 'assistant', '', 'writing', 1, now() + interval '1 hour', %s)"
    )
    ids = [f"00000000-0000-4000-8000-00000000001{number}" for number in range(2)]
    for one in ids:
        service.sql(question, one, conversation)
    service.sql(answer, conversation, ids[0])
    with pytest.raises(psycopg2.errors.UniqueViolation):
        service.sql(answer, conversation, ids[1])
    service.sql("DELETE FROM chat.conversations WHERE id = %s", conversation)
