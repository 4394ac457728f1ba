"""What was there before the schema grew is there after it, and after it shrank again."""

from collections.abc import Iterator

import pytest

from services.kernel import migrations
from tests.services.kernel.databases import database, run, steps
from tests.stack import TestStack

TOLD, UNTOLD, SESSION = (f"01920000-0000-7000-8000-0000000000a{n}" for n in range(3))


@pytest.fixture
def first(stack: TestStack) -> Iterator[str]:
    """A database whose schema auth has its first migration only, with rows."""
    with database(stack) as url:
        list(migrations.up(url))
        for _ in range(steps("auth") - 1):
            list(migrations.down(url, "auth"))
        for user_id, announced in ((TOLD, "now()"), (UNTOLD, "NULL")):
            run(
                url,
                f"INSERT INTO auth.users (id, email, name, password_hash, created_at, announced_at)"  # noqa: S608
                f" VALUES (%s, %s, '하늘', '$argon2id$x', now(), {announced})",
                user_id,
                f"{user_id}@example.com",
            )
        run(
            url,
            "INSERT INTO auth.sessions (id, user_id, created_at, expires_at)"
            " VALUES (%s, %s, now(), now() + interval '1 day')",
            *(SESSION, TOLD),
        )
        for kid, retired in (("old", "now()"), ("new", "NULL")):
            run(
                url,
                f"INSERT INTO auth.signing_keys (kid, private_key, created_at, retired_at)"  # noqa: S608
                f" VALUES (%s, decode(repeat('00', 32), 'hex'), now(), {retired})",
                kid,
            )
        yield url


def test_accounts_sessions_and_keys_go_on(first: str) -> None:
    list(migrations.up(first))

    assert run(first, "SELECT count(*) FROM auth.users WHERE password_hash IS NOT NULL AND verified_at IS NULL") == [
        (2,)
    ]
    assert run(first, "SELECT method FROM auth.sessions") == [("password",)]
    states = "SELECT kid, activated_at IS NOT NULL, retired_at IS NULL FROM auth.signing_keys ORDER BY kid"
    assert run(first, states) == [("new", True, True), ("old", True, False)]
    waiting = "SELECT event, payload ->> 'user_id', payload ->> 'name' FROM auth.announcements"
    assert run(first, waiting) == [("user_registered", UNTOLD, "하늘")]


def test_what_the_first_schema_can_hold_goes_on_when_the_rest_is_taken_back(first: str) -> None:
    list(migrations.up(first))
    run(first, "INSERT INTO auth.users VALUES (gen_random_uuid(), NULL, '구글', NULL, now(), NULL)")
    run(first, "UPDATE auth.sessions SET revoked_at = now(), revoked_reason = 'logout_everywhere'")

    for _ in range(steps("auth") - 1):
        list(migrations.down(first, "auth"))

    assert run(first, "SELECT id::text, announced_at IS NULL FROM auth.users ORDER BY id") == [
        (TOLD, False),
        (UNTOLD, True),
    ]
    assert run(first, "SELECT revoked_reason FROM auth.sessions") == [("logout",)]
    assert run(first, "SELECT count(*) FROM auth.signing_keys WHERE retired_at IS NULL") == [(1,)]
