"""Accounts: registering and signing in, by people and by those who try things out."""

import time
from datetime import datetime
from typing import Any

import eventlet
import pytest
from argon2 import PasswordHasher
from kombu import Connection, Queue
from nameko.events import get_event_exchange
from uuid6 import uuid7

from services.auth import announcements
from services.auth.dependencies import Hashing
from services.auth.passwords import Passwords
from services.auth.tables import Announcement
from services.kernel.errors import NotFound, Unauthenticated, Unprocessable
from services.kernel.settings import nameko_config
from tests.services.auth.conftest import PASSWORD, registered, somewhere, token_in, verified
from tests.services.running import Running, eventually


def test_registering_makes_an_account_that_opens_before_its_address_is_proven(auth: Running, email: str) -> None:
    assert auth.call.register(email, PASSWORD, "하늘") == {"status": "verification_sent"}

    opened = auth.call.verify(auth.call.login(email, PASSWORD)["access_token"])
    account = auth.call.me(opened["user_id"])
    assert set(account) == {"user_id", "email", "name", "verified", "has_password", "providers", "created_at"}
    assert (account["email"], account["name"], account["verified"]) == (email, "하늘", False)
    assert datetime.fromisoformat(account["created_at"]).utcoffset() is not None


def test_a_taken_address_gets_the_same_answer_and_keeps_its_account(auth: Running, user: dict[str, Any]) -> None:
    again = auth.call.register(f" {user['email'].upper()} ", "another password", "다른 사람")

    assert again == auth.call.register(f"new-{uuid7()}@example.com", PASSWORD, "하늘")
    assert auth.call.me(user["user_id"]) == user
    assert auth.refuses(auth.call.login, user["email"], "another password").code == "bad_credentials"


def test_the_owner_of_a_proven_address_hears_of_the_attempt(auth: Running, user: dict[str, Any], letter: Any) -> None:
    verified(auth, user)
    auth.call.register(user["email"], "another password", "다른 사람")

    told = letter(user["email"], "You have an account")
    assert "#reset=" not in told.get_content()
    assert "another password" not in told.as_string()


def test_who_reads_the_mailbox_gets_an_account_that_somebody_else_registered_before(
    auth: Running, email: str, letter: Any
) -> None:
    registered(auth, email, "password of a stranger")
    theirs = auth.call.login(email, "password of a stranger")

    auth.call.register(email, PASSWORD, "주인")
    auth.call.reset_password(token_in(letter(email, "An account waits")), PASSWORD)

    mine = auth.call.verify(auth.call.login(email, PASSWORD)["access_token"])
    assert auth.call.me(mine["user_id"])["verified"] is True
    assert auth.refuses(auth.call.login, email, "password of a stranger").code == "bad_credentials"
    assert auth.refuses(auth.call.verify, theirs["access_token"]).code == "token_revoked"
    assert auth.refuses(auth.call.refresh, theirs["refresh_token"]).code == "refresh_token_invalid"


def test_of_ten_registrations_at_once_one_makes_an_account(auth: Running, email: str) -> None:
    outcomes = auth.at_once(10, "register", email, PASSWORD, "하늘")

    assert outcomes == [{"status": "verification_sent"}] * 10
    assert auth.sql("SELECT count(*) FROM auth.users WHERE email = %s", email) == [(1,)]


NO_ADDRESSES = [
    *["", "a", "a@b", "a b@example.com", "@example.com", "a@@example.com", "a@-x.com", "a.@x.com"],
    *["a@example.com\x00", "a@example.com\nBcc: b@example.com", "가@example.com", 7, None, ["a@example.com"]],
    *["a" * 65 + "@example.com", "a@" + "b" * 260 + ".com", "a@" + "b." * 100_000 + "com"],
]


@pytest.mark.parametrize("bad", NO_ADDRESSES)
def test_what_is_no_address_is_refused(auth: Running, bad: object) -> None:
    problem = auth.refuses(auth.call.register, bad, PASSWORD, "하늘")

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == "email"


@pytest.mark.parametrize("bad", ["short 9ch", "x" * 129, "ten chars\x00!", "lone \ud800 half", 1234567890, None])
def test_a_bad_password_is_refused_and_not_repeated_in_the_answer(auth: Running, email: str, bad: object) -> None:
    problem = auth.refuses(auth.call.register, email, bad, "하늘")

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == "password"
    assert bad is None or str(bad) not in str(problem.args)


@pytest.mark.parametrize("bad", ["", "   ", "x" * 31, "이\x00름", "이\n름", "\ud800", 7, None, ["하늘"]])
def test_a_bad_name_is_refused(auth: Running, email: str, bad: object) -> None:
    problem = auth.refuses(auth.call.register, email, PASSWORD, bad)

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == "name"


def test_only_an_argon2id_hash_is_stored(auth: Running, user: dict[str, Any]) -> None:
    [(stored,)] = auth.sql("SELECT password_hash FROM auth.users WHERE id = %s", user["user_id"])

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in stored


def test_the_event_user_registered_follows_the_commit(auth: Running, email: str) -> None:
    heard: list[Any] = []

    with Connection(str(auth.config.amqp_url)) as connection:
        exchange = get_event_exchange("auth", nameko_config(auth.config))
        queue = Queue(f"test-{uuid7()}", exchange, routing_key="user_registered", exclusive=True)

        def on_event(body: dict[str, Any], message: Any) -> None:
            heard.append((body, auth.sql("SELECT name FROM auth.users WHERE id = %s", body["user_id"])))
            message.ack()

        with connection.Consumer(queue, callbacks=[on_event]):
            account = registered(auth, email)
            told = ({"user_id": account["user_id"], "name": "하늘"}, [("하늘",)])
            while told not in heard:  # others registered a moment ago are heard of as well
                connection.drain_events(timeout=20)

    assert heard.count(told) == 1


def test_what_the_broker_did_not_take_is_told_later_in_order(auth: Running) -> None:
    def broken(*event: Any) -> None:
        raise ConnectionError("no broker")

    told: list[Any] = []
    with Announcement._meta.database.atomic():  # so that the service's own timer sees none of it
        for user_id in ("1", "2"):
            announcements.add("user_registered", {"user_id": user_id})
        announcements.add("user_deleted", {"user_id": "1"})
        with pytest.raises(ConnectionError):
            announcements.tell_waiting(broken)
        assert announcements.tell_waiting(lambda *event: told.append(event)) >= 3
        assert announcements.tell_waiting(lambda *event: told.append(event)) == 0

    assert told[-3:] == [
        ("user_registered", {"user_id": "1"}),
        ("user_registered", {"user_id": "2"}),
        ("user_deleted", {"user_id": "1"}),
    ]


def test_signing_in_works_however_the_address_is_written(auth: Running, user: dict[str, Any]) -> None:
    pair = auth.call.login(f" {user['email'].upper()}", PASSWORD)

    assert set(pair) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 900)


def test_a_hangul_password_opens_composed_or_taken_apart(auth: Running, email: str) -> None:
    composed, apart = "비밀번호는열글자이상", "비밀번호는열글자이상"
    auth.call.register(email, composed, "하늘")

    assert auth.call.login(email, apart)["access_token"]


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(auth: Running, user: dict[str, Any]) -> None:
    wrong = auth.refuses(auth.call.login, user["email"], "not the password")
    unknown = auth.refuses(auth.call.login, f"nobody-{uuid7()}@example.com", "not the password")

    assert isinstance(wrong, Unauthenticated)
    assert wrong.code == "bad_credentials"
    assert (type(wrong), wrong.args) == (type(unknown), unknown.args)


def test_an_unknown_address_costs_what_a_wrong_password_costs(
    auth: Running, user: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, hashed: Any, password: Any) -> Any:
        costs.append(hashed.rpartition("$")[0].rpartition("$")[0])  # the algorithm and its costs, without salt and hash
        return verify(self, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for email in (user["email"], f"nobody-{uuid7()}@example.com"):
        auth.refuses(auth.call.login, email, "not the password", somewhere())

    known, unknown = costs
    assert known == unknown


@pytest.mark.parametrize("bad", [None, 7, {"$ne": ""}, "", "x" * 100_000, "\x00", "\ud800"])
def test_nonsense_signs_nobody_in(auth: Running, user: dict[str, Any], bad: object) -> None:
    assert auth.refuses(auth.call.login, bad, PASSWORD, somewhere()).code == "bad_credentials"
    assert auth.refuses(auth.call.login, user["email"], bad).code == "bad_credentials"


def test_a_hash_of_old_costs_is_renewed_at_sign_in(auth: Running, user: dict[str, Any]) -> None:
    old = Passwords(lambda function, *args: function(*args))
    old._hasher = type(old._hasher)(time_cost=1, memory_cost=1024, parallelism=1)
    auth.sql("UPDATE auth.users SET password_hash = %s WHERE id = %s", old.hash(PASSWORD), user["user_id"])

    auth.call.login(user["email"], PASSWORD)

    [(stored,)] = auth.sql("SELECT password_hash FROM auth.users WHERE id = %s", user["user_id"])
    assert "m=19456,t=2,p=1" in stored
    assert auth.call.login(user["email"], PASSWORD)


def test_the_hub_runs_while_passwords_are_hashed(auth: Running) -> None:
    [hashing] = [part for part in auth.container.dependencies if isinstance(part, Hashing)]
    known = hashing.passwords.hash(PASSWORD)
    flood = eventlet.spawn(
        lambda: list(eventlet.GreenPool().imap(lambda _: hashing.passwords.matches(known, "wrong"), range(16)))
    )
    eventlet.sleep(0)

    longest, started = 0.0, time.perf_counter()
    while not flood.dead:
        before = time.perf_counter()
        eventlet.sleep(0.001)
        longest = max(longest, time.perf_counter() - before)

    assert flood.wait() == [False] * 16
    assert time.perf_counter() - started > 0.1, "the flood was over too soon to tell"
    assert longest < 0.1


def test_me_returns_the_account(auth: Running, user: dict[str, Any]) -> None:
    assert auth.call.me(user["user_id"]) == user
    assert auth.call.me(user["user_id"].upper()) == user


@pytest.mark.parametrize("nobody", [str(uuid7()), "", "1", "not-a-uuid", "' OR 1=1 --", "\x00", None, 1, ["x"]])
def test_an_id_that_nobody_has_is_not_found(auth: Running, nobody: object) -> None:
    problem = auth.refuses(auth.call.me, nobody)

    assert isinstance(problem, NotFound)
    assert problem.code == "user_not_found"


def test_a_registered_user_is_announced_and_the_announcement_is_forgotten(auth: Running, user: dict[str, Any]) -> None:
    statement = "SELECT 1 FROM auth.announcements WHERE payload ->> 'user_id' = %s"

    assert eventually(lambda: not auth.sql(statement, user["user_id"]), 20)
