"""Sessions: seen, ended one by one and all together, and with them their access tokens."""

from typing import Any

import pytest
from uuid6 import uuid7

from services.kernel.errors import NotFound
from tests.services.auth.conftest import PASSWORD, registered
from tests.services.running import Running

PHONE = {"address": "203.0.113.7", "user_agent": "Eco2/1.0 (Phone)"}


def session_of(auth: Running, pair: dict[str, Any]) -> str:
    session_id: str = auth.call.verify(pair["access_token"])["session_id"]
    return session_id


def test_sessions_are_listed_with_where_they_began_the_latest_first(auth: Running, user: dict[str, Any]) -> None:
    first = session_of(auth, auth.call.login(user["email"], PASSWORD))
    second = session_of(auth, auth.call.login(user["email"], PASSWORD, PHONE))

    listed = auth.call.sessions(user["user_id"], second)["sessions"]

    assert [one["session_id"] for one in listed] == [second, first]
    assert [one["current"] for one in listed] == [True, False]
    assert {key: listed[0][key] for key in PHONE} == PHONE
    assert (listed[0]["method"], listed[1]["address"]) == ("password", None)


def test_a_renewed_session_keeps_its_id_and_says_when(auth: Running, user: dict[str, Any]) -> None:
    pair = auth.call.login(user["email"], PASSWORD)
    renewed = auth.call.refresh(pair["refresh_token"], PHONE)

    [one] = auth.call.sessions(user["user_id"])["sessions"]
    assert session_of(auth, renewed) == session_of(auth, pair) == one["session_id"]
    assert one["renewed_at"] > one["created_at"]


def test_signing_out_ends_the_access_token_at_once(auth: Running, tokens: dict[str, Any]) -> None:
    auth.call.logout(tokens["refresh_token"])

    assert auth.refuses(auth.call.verify, tokens["access_token"]).code == "token_revoked"


def test_a_refresh_token_used_twice_ends_the_access_tokens_too(auth: Running, tokens: dict[str, Any]) -> None:
    renewed = auth.call.refresh(tokens["refresh_token"])
    auth.refuses(auth.call.refresh, tokens["refresh_token"])

    for pair in (tokens, renewed):
        assert auth.refuses(auth.call.verify, pair["access_token"]).code == "token_revoked"


def test_one_session_is_ended_and_the_others_go_on(auth: Running, user: dict[str, Any]) -> None:
    keep, end = (auth.call.login(user["email"], PASSWORD) for _ in range(2))

    auth.call.end_session(user["user_id"], session_of(auth, end))

    assert auth.refuses(auth.call.verify, end["access_token"]).code == "token_revoked"
    assert auth.refuses(auth.call.refresh, end["refresh_token"]).code == "refresh_token_invalid"
    assert auth.call.verify(keep["access_token"])
    assert len(auth.call.sessions(user["user_id"])["sessions"]) == 1


@pytest.mark.parametrize("nonsense", ["", "x", None, 7, str(uuid7())])
def test_a_session_that_is_not_there_is_not_found(auth: Running, user: dict[str, Any], nonsense: object) -> None:
    problem = auth.refuses(auth.call.end_session, user["user_id"], nonsense)

    assert isinstance(problem, NotFound)
    assert problem.code == "session_not_found"


def test_nobody_sees_or_ends_the_sessions_of_others(auth: Running, user: dict[str, Any]) -> None:
    stranger = registered(auth, f"other-{uuid7()}@example.com")
    pair = auth.call.login(stranger["email"], PASSWORD)

    assert auth.refuses(auth.call.end_session, user["user_id"], session_of(auth, pair)).code == "session_not_found"
    assert auth.call.sessions(user["user_id"])["sessions"] == []
    assert auth.call.verify(pair["access_token"])


def test_signing_out_everywhere_ends_all_of_ones_own(auth: Running, user: dict[str, Any]) -> None:
    pairs = [auth.call.login(user["email"], PASSWORD) for _ in range(3)]
    stranger = registered(auth, f"other-{uuid7()}@example.com")
    theirs = auth.call.login(stranger["email"], PASSWORD)

    auth.call.logout_everywhere(user["user_id"])

    for pair in pairs:
        assert auth.refuses(auth.call.verify, pair["access_token"]).code == "token_revoked"
    assert auth.call.verify(theirs["access_token"])
    assert auth.call.sessions(user["user_id"])["sessions"] == []


def test_a_single_access_token_is_revoked_and_its_session_goes_on(auth: Running, tokens: dict[str, Any]) -> None:
    auth.call.revoke(tokens["access_token"])

    assert auth.refuses(auth.call.verify, tokens["access_token"]).code == "token_revoked"
    assert auth.call.verify(auth.call.refresh(tokens["refresh_token"])["access_token"])


def test_revoking_nonsense_changes_nothing(auth: Running) -> None:
    for nonsense in ("", "a.b.c", None, 7):
        assert auth.call.revoke(nonsense) is None


def test_an_expired_session_is_not_listed(auth: Running, user: dict[str, Any], tokens: dict[str, Any]) -> None:
    auth.sql(
        "UPDATE auth.sessions SET created_at = now() - interval '2 day', expires_at = now() WHERE user_id = %s",
        user["user_id"],
    )

    assert auth.call.sessions(user["user_id"])["sessions"] == []


def test_a_strange_client_is_noted_as_far_as_it_is_understood(auth: Running, user: dict[str, Any]) -> None:
    auth.call.login(user["email"], PASSWORD, {"address": "no address", "user_agent": "a\x00b\n" + "x" * 1000})
    auth.call.login(user["email"], PASSWORD, {"address": "::ffff:192.0.2.1", "user_agent": 7, "more": True})
    auth.call.login(user["email"], PASSWORD, "nonsense")

    [nothing, mapped, cut] = auth.call.sessions(user["user_id"])["sessions"]
    assert (nothing["address"], nothing["user_agent"]) == (None, None)
    assert (mapped["address"], mapped["user_agent"]) == ("192.0.2.1", None)
    assert cut["address"] is None
    assert cut["user_agent"].startswith("abxxx")
    assert len(cut["user_agent"]) <= 300
