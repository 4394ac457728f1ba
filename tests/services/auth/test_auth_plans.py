"""Every hot query has its index, and what must not be is impossible."""

from typing import Any

import psycopg2
import pytest

from services.auth.tables import (
    AuditEntry,
    Identity,
    KnownPlace,
    Letter,
    LetterToken,
    RefreshToken,
    Revocation,
    Session,
    User,
)
from services.auth.throttle import RESERVE, WAIT
from tests.services.auth.conftest import plan
from tests.services.running import Running

SOME = "01920000-0000-7000-8000-0000000000aa"
HASH = b"x" * 32
NOW = "2026-01-01T00:00:00Z"
ATTEMPT = {"account": HASH, "place": HASH, "free": 5, "longest": 900.0, "forget": 86400.0}

QUERIES = {
    "users_email_key": User.select().where(User.email == "a@b.kr"),
    "refresh_tokens_pkey": RefreshToken.select().where(RefreshToken.token_hash == HASH),
    "sessions_live": Session.select()
    .where(Session.revoked_at.is_null() & (Session.user == SOME))
    .order_by(Session.created_at.desc())
    .limit(100),
    "revocations_pkey": Revocation.select().where(Revocation.id.in_([SOME, SOME])),
    "letter_tokens_pkey": LetterToken.select().where(LetterToken.token_hash == HASH),
    "letter_tokens_user": LetterToken.select().where((LetterToken.user == SOME) & (LetterToken.purpose == "reset")),
    "letters_due": Letter.select().where(Letter.due_at <= NOW).order_by(Letter.due_at).limit(1),
    "letters_recipient": Letter.select().where(
        (Letter.recipient == "a@b.kr") & (Letter.kind == "reset") & (Letter.created_at > NOW)
    ),
    "known_places_pkey": KnownPlace.select().where((KnownPlace.user == SOME) & (KnownPlace.place == HASH)),
    "identities_pkey": Identity.select().where((Identity.provider == "google") & (Identity.subject == "1")),
    "identities_user_id_provider_key": Identity.select().where(Identity.user == SOME).order_by(Identity.provider),
    "audit_user": AuditEntry.select()
    .where(AuditEntry.user_id == SOME)
    .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
    .limit(50),
}


@pytest.mark.parametrize("index", QUERIES)
def test_a_hot_query_reads_its_index(auth: Running, index: str) -> None:
    told = plan(auth, *User._meta.database.get_sql_context().sql(QUERIES[index]).query())

    assert index in told
    assert "Seq Scan" not in told
    assert "Sort" not in told


def test_what_was_revoked_just_now_is_found_among_many(auth: Running) -> None:
    auth.sql(
        "INSERT INTO auth.revocations SELECT gen_random_uuid(), '2100-01-01'::timestamptz - n * interval '1 s',"
        " '2100-01-01'::timestamptz + interval '1 h' FROM generate_series(1, 5000) AS n"
    )
    try:
        auth.sql("ANALYZE auth.revocations")
        just_now = (Revocation.revoked_at > "2099-12-31T23:59:00Z") & (Revocation.expires_at > "2100-01-01T00:00:00Z")
        query = Revocation.select().where(just_now)
        assert "revocations_age" in plan(auth, *User._meta.database.get_sql_context().sql(query).query())
    finally:
        auth.sql("DELETE FROM auth.revocations WHERE expires_at > '2100-01-01'")
        auth.sql("ANALYZE auth.revocations")


def test_the_next_attempt_is_judged_by_one_row(auth: Running) -> None:
    assert "attempts_pkey" in plan(auth, RESERVE, ATTEMPT)
    assert "attempts_pkey" in plan(auth, WAIT, ATTEMPT)


USER = "INSERT INTO auth.users (id, email, name, password_hash, created_at, verified_at) VALUES "
IMPOSSIBLE: dict[str, tuple[str, tuple[Any, ...]]] = {
    "a password without an address": (USER + "(gen_random_uuid(), NULL, 'n', '$argon2id$x', now(), NULL)", ()),
    "a proven address that is none": (USER + "(gen_random_uuid(), NULL, 'n', NULL, now(), now())", ()),
    "a password that is no hash": (USER + "(gen_random_uuid(), 'a@b.kr', 'n', 'secret', now(), NULL)", ()),
    "an address in capitals": (USER + "(gen_random_uuid(), 'A@b.kr', 'n', NULL, now(), NULL)", ()),
    "proven before it was registered": (USER + "(gen_random_uuid(), 'q@b.kr', 'n', NULL, now(), '2020-01-01')", ()),
    "a session that ended for no reason": ("UPDATE auth.sessions SET revoked_at = now(), revoked_reason = NULL", ()),
    "a session that ended for another reason": (
        "UPDATE auth.sessions SET revoked_at = now(), revoked_reason = 'whim'",
        (),
    ),
    "an unknown provider": ("INSERT INTO auth.identities VALUES ('myspace', '1', %s, NULL, now(), now())", (SOME,)),
    "a token that is no hash": ("INSERT INTO auth.letter_tokens VALUES ('token', %s, 'reset', now())", (SOME,)),
    "a revocation that ends before it begins": (
        "INSERT INTO auth.revocations VALUES (gen_random_uuid(), now(), now() - interval '1 s')",
        (),
    ),
    "a letter that was sent and is due": (
        "INSERT INTO auth.letters VALUES (gen_random_uuid(), 'reset', 'a@b.kr', now(), 1, now(), now(), NULL)",
        (),
    ),
    "an event of nobody's": (
        "INSERT INTO auth.announcements (event, payload, created_at) VALUES ('user_promoted', '{}', now())",
        (),
    ),
    "two keys that sign": (
        "INSERT INTO auth.signing_keys SELECT 'k' || n, decode(repeat('00', 32), 'hex'), now(), NULL, now()"
        " FROM generate_series(1, 2) AS n",
        (),
    ),
    "a key that was retired before it signed": (
        "INSERT INTO auth.signing_keys VALUES ('k', decode(repeat('00', 32), 'hex'), now(), now(), NULL)",
        (),
    ),
    "fewer than no failures": ("INSERT INTO auth.attempts VALUES (sha256('a'), '', -1, now())", ()),
}


@pytest.mark.parametrize("state", IMPOSSIBLE)
def test_the_database_refuses(auth: Running, tokens: dict[str, Any], state: str) -> None:
    statement, values = IMPOSSIBLE[state]

    with pytest.raises(psycopg2.IntegrityError):
        auth.sql(statement, *values)
