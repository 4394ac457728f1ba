"""Guessing is slow, and nobody is locked out by others' guessing."""

import time
from typing import Any

import eventlet
import pytest
from uuid6 import uuid7

from services.auth import throttle
from services.auth.client import Client
from services.auth.tables import User
from services.kernel.config import SignIn
from services.kernel.errors import Problem, TooManyRequests
from tests.services.auth.conftest import PASSWORD, letter_of, registered, somewhere, token_in
from tests.services.running import Running

QUICK = SignIn(
    free_failures=2, longest_delay_s=60, free_failures_anywhere=4, longest_delay_anywhere_s=30, forget_s=3600
)


def guess(auth: Running, email: str, place: dict[str, str], times: int) -> list[str]:
    """The codes of so many wrong sign-ins."""
    return [auth.refuses(auth.call.login, email, "not the password", place).code for _ in range(times)]


def fail(email: str, user: Any, client: Client) -> int:
    """One more failure with `QUICK`; the seconds to wait when it was not let through, else 0."""
    try:
        throttle.reserve(email, user, client, QUICK)
    except TooManyRequests as refused:
        return int(refused.errors[0]["message"])
    return 0


@pytest.fixture
def account(auth: Running, user: dict[str, Any]) -> Any:
    with User._meta.database.connection_context():
        yield User.get_by_id(user["user_id"])


def client_in(place: dict[str, str]) -> Client:
    return Client.read(place)


def test_after_some_failures_at_a_place_the_next_must_wait(
    auth: Running, user: dict[str, Any], place: dict[str, str]
) -> None:
    codes = guess(auth, user["email"], place, 7)

    assert codes == ["bad_credentials"] * 5 + ["too_many_attempts"] * 2
    problem = auth.refuses(auth.call.login, user["email"], PASSWORD, place)
    assert isinstance(problem, TooManyRequests), "even the right password tells nothing now"
    [fault] = problem.errors
    assert fault["field"] == "retry_after_s"
    assert 1 <= int(fault["message"]) <= 2
    assert f"{fault['message']} seconds" in problem.detail


def test_after_the_wait_the_right_password_opens_and_all_is_forgotten(
    auth: Running, user: dict[str, Any], place: dict[str, str]
) -> None:
    guess(auth, user["email"], place, 6)
    auth.sql("UPDATE auth.attempts SET last_at = last_at - interval '3 s'")

    assert auth.call.login(user["email"], PASSWORD, place)
    assert guess(auth, user["email"], place, 5) == ["bad_credentials"] * 5


def test_an_unknown_address_is_slowed_down_alike(auth: Running, place: dict[str, str]) -> None:
    codes = guess(auth, f"nobody-{uuid7()}@example.com", place, 7)

    assert codes == ["bad_credentials"] * 5 + ["too_many_attempts"] * 2


def test_failures_at_one_place_slow_down_no_other(auth: Running, user: dict[str, Any], place: dict[str, str]) -> None:
    guess(auth, user["email"], place, 7)

    assert auth.call.login(user["email"], PASSWORD, somewhere())


def test_failures_at_one_account_slow_down_no_other(auth: Running, user: dict[str, Any], place: dict[str, str]) -> None:
    guess(auth, user["email"], place, 7)
    neighbour = registered(auth, f"other-{uuid7()}@example.com")

    assert auth.call.login(neighbour["email"], PASSWORD, place)


def test_of_many_guesses_at_once_no_more_are_looked_at(
    auth: Running, user: dict[str, Any], place: dict[str, str]
) -> None:
    outcomes = auth.at_once(12, "login", user["email"], "not the password", place)

    codes = [one.code for one in outcomes if isinstance(one, Problem)]
    assert codes.count("bad_credentials") == 5
    assert codes.count("too_many_attempts") == 7


def test_a_network_of_ipv6_is_one_place(auth: Running, user: dict[str, Any]) -> None:
    site = f"2001:db8:{uuid7().int % 65536:x}:7"
    for host in range(1, 6):
        guess(auth, user["email"], {"address": f"{site}::{host}"}, 1)

    assert guess(auth, user["email"], {"address": f"{site}:ffff::1"}, 1) == ["too_many_attempts"]
    assert guess(auth, user["email"], {"address": f"{site[:-1]}8::1"}, 1) == ["bad_credentials"]


def test_each_failure_doubles_the_wait_up_to_the_longest(auth: Running, account: User, place: dict[str, str]) -> None:
    client, waits = client_in(place), []
    for _ in range(9):
        wait = fail(account.email, account, client)
        waits.append(wait)
        if wait:
            auth.sql("UPDATE auth.attempts SET last_at = last_at - %s * interval '1 s'", wait)
            assert fail(account.email, account, client) == 0

    assert waits[:2] == [0, 0]
    assert waits[2:] == sorted(waits[2:])
    assert [wait in (expected, expected - 1) for wait, expected in zip(waits[2:5], (2, 4, 8), strict=True)] == [
        True
    ] * 3
    assert 55 <= waits[-1] <= 60


def test_guessing_from_everywhere_slows_down_new_places_but_not_the_owners_own(
    auth: Running, user: dict[str, Any], account: User, place: dict[str, str]
) -> None:
    auth.call.login(user["email"], PASSWORD, place)

    waits = [fail(account.email, account, client_in(somewhere())) for _ in range(8)]

    assert waits[:4] == [0] * 4
    assert all(wait >= 1 for wait in waits[4:])
    own = client_in(place)
    throttle.succeeded(throttle.reserve(account.email, account, own, QUICK))
    assert [fail(account.email, account, own) for _ in range(2)] == [0, 0]


def test_a_refused_attempt_from_everywhere_is_not_held_against_its_place(
    auth: Running, account: User, place: dict[str, str]
) -> None:
    for _ in range(4):
        fail(account.email, account, client_in(somewhere()))
    for _ in range(5):
        assert fail(account.email, account, client_in(place)) >= 1

    here = Client.read(place).place
    assert auth.sql("SELECT failures FROM auth.attempts WHERE place = %s", here) == []


def test_the_owner_in_a_new_place_gets_in_by_a_letter_while_somebody_guesses_from_everywhere(
    auth: Running, user: dict[str, Any], account: User, place: dict[str, str]
) -> None:
    guess(auth, user["email"], place, 6)
    auth.sql(
        "INSERT INTO auth.attempts SELECT account, '', 10000, now() FROM auth.attempts WHERE place = %s"
        " ON CONFLICT (account, place) DO UPDATE SET failures = 10000, last_at = now()",
        Client.read(place).place,
    )
    assert auth.refuses(auth.call.login, user["email"], PASSWORD, somewhere()).code == "too_many_attempts"

    auth.call.forgot_password(user["email"])
    token = token_in(letter_of(auth.config, user["email"], "Set a new password"))
    auth.call.reset_password(token, "another long password", place)

    assert auth.call.login(user["email"], "another long password", place)


def test_failures_of_yesterday_do_not_count(auth: Running, user: dict[str, Any], place: dict[str, str]) -> None:
    guess(auth, user["email"], place, 7)
    auth.sql("UPDATE auth.attempts SET last_at = now() - interval '25 h'")

    assert guess(auth, user["email"], place, 5) == ["bad_credentials"] * 5
    auth.sql("UPDATE auth.attempts SET last_at = now() - interval '25 h'")
    assert throttle.forget_old(auth.config.auth.sign_in.forget_s) >= 1
    assert auth.sql("SELECT 1 FROM auth.attempts WHERE place = %s", Client.read(place).place) == []


def test_only_hashes_of_addresses_and_places_are_kept(
    auth: Running, user: dict[str, Any], place: dict[str, str]
) -> None:
    guess(auth, user["email"], place, 1)

    for known in (user["email"], place["address"]):
        statement = "SELECT 1 FROM auth.attempts WHERE position(%s in account) + position(%s in place) > 0"
        assert auth.sql(statement, known.encode(), known.encode()) == []


def test_refusing_costs_no_hash(auth: Running, user: dict[str, Any], place: dict[str, str]) -> None:
    guess(auth, user["email"], place, 5)
    auth.sql("UPDATE auth.attempts SET failures = 20, last_at = now() WHERE place = %s", Client.read(place).place)
    auth.refuses(auth.call.login, user["email"], "not the password", place)

    began = time.process_time()
    guess(auth, user["email"], place, 10)
    refused = time.process_time() - began
    began = time.process_time()
    for _ in range(10):
        guess(auth, user["email"], somewhere(), 1)
    looked_at = time.process_time() - began

    assert refused < looked_at
    eventlet.sleep(0)
