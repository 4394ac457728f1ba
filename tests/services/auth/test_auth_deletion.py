"""Deleting an account: who may, what goes, who hears of it."""

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from kombu import Connection, Queue
from nameko.events import get_event_exchange
from uuid6 import uuid7

from services.kernel.errors import NotFound, Unauthenticated
from services.kernel.settings import nameko_config
from tests.services.auth.conftest import PASSWORD, registered, somewhere
from tests.services.running import Running, eventually

Letter = Callable[..., EmailMessage]
TABLES = ("sessions", "letter_tokens", "known_places", "identities")


@pytest.fixture
def heard(auth: Running) -> Iterator[Callable[[], list[str]]]:
    """The users of whose deletion another domain has heard."""
    found: list[str] = []
    with Connection(str(auth.config.amqp_url)) as connection:
        exchange = get_event_exchange("auth", nameko_config(auth.config))
        queue = Queue(f"test-{uuid7()}", exchange, routing_key="user_deleted", exclusive=True)
        bound = queue(connection.default_channel)
        bound.declare()

        def hear() -> list[str]:
            while message := bound.get(no_ack=True):
                assert set(message.payload) == {"user_id"}
                found.append(message.payload["user_id"])
            return found

        yield hear


def test_a_deleted_account_is_gone_with_all_that_was_its_own(
    auth: Running, user: dict[str, Any], heard: Callable[[], list[str]], letter: Letter
) -> None:
    pair = auth.call.login(user["email"], PASSWORD, somewhere())
    auth.call.forgot_password(user["email"])
    letter(user["email"], "Set a new password")

    assert auth.call.delete_account(user["user_id"], password=PASSWORD) is None

    assert auth.refuses(auth.call.me, user["user_id"]).code == "user_not_found"
    assert auth.refuses(auth.call.verify, pair["access_token"]).code == "token_revoked"
    assert auth.refuses(auth.call.refresh, pair["refresh_token"]).code == "refresh_token_invalid"
    assert auth.refuses(auth.call.login, user["email"], PASSWORD).code == "bad_credentials"
    for table in TABLES:
        assert auth.sql(f"SELECT 1 FROM auth.{table} WHERE user_id = %s", user["user_id"]) == []  # noqa: S608
    assert eventually(lambda: user["user_id"] in heard(), 20)
    assert letter(user["email"], "was deleted")


def test_of_a_deleted_account_the_log_keeps_only_that_it_was_deleted(auth: Running, user: dict[str, Any]) -> None:
    auth.call.login(user["email"], PASSWORD, somewhere())

    auth.call.delete_account(user["user_id"], password=PASSWORD, client=somewhere())

    rows = auth.sql("SELECT event, address, user_agent FROM auth.audit WHERE user_id = %s", user["user_id"])
    assert rows == [("deleted", None, None)]


def test_an_address_is_free_again_and_makes_another_account(auth: Running, user: dict[str, Any]) -> None:
    auth.call.delete_account(user["user_id"], password=PASSWORD)

    assert registered(auth, user["email"])["user_id"] != user["user_id"]


@pytest.mark.parametrize("wrong", [None, "", "not the password", 7])
def test_who_has_a_password_must_give_it_however_fresh_the_session(
    auth: Running, user: dict[str, Any], wrong: object
) -> None:
    session_id = auth.call.verify(auth.call.login(user["email"], PASSWORD)["access_token"])["session_id"]

    problem = auth.refuses(auth.call.delete_account, user["user_id"], session_id, wrong)

    assert isinstance(problem, Unauthenticated)
    assert problem.code == "bad_credentials"
    assert auth.call.me(user["user_id"]) == user


def test_what_is_not_there_cannot_be_deleted(auth: Running) -> None:
    for nobody in (str(uuid7()), "", None, 7):
        assert isinstance(auth.refuses(auth.call.delete_account, nobody, None, PASSWORD), NotFound)


def test_of_five_deletions_at_once_one_is_announced(
    auth: Running, user: dict[str, Any], heard: Callable[[], list[str]]
) -> None:
    auth.at_once(5, "delete_account", user["user_id"], None, PASSWORD)

    assert eventually(lambda: user["user_id"] in heard(), 20)
    assert heard().count(user["user_id"]) == 1
    letters = auth.sql("SELECT 1 FROM auth.letters WHERE recipient = %s AND kind = 'deleted'", user["email"])
    assert len(letters) == 1
