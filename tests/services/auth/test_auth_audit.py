"""What happened to an account is written down, without secrets, for its owner."""

from typing import Any

import pytest

from services.auth import audit
from services.auth.tables import AuditEntry
from services.kernel.errors import NotFound, Unprocessable
from tests.services.auth.conftest import PASSWORD, somewhere, verified
from tests.services.running import Running

NEW = "another long password"


def events(auth: Running, user: dict[str, Any]) -> list[str]:
    return [one["event"] for one in auth.call.audit(user["user_id"], 200)["events"]]


def test_the_owner_reads_what_happened_the_latest_first(auth: Running, user: dict[str, Any]) -> None:
    place = somewhere()
    verified(auth, user)
    pair = auth.call.login(user["email"], PASSWORD, place)
    auth.refuses(auth.call.login, user["email"], "not the password", place)
    auth.call.register(user["email"], "a stranger's password", "남")
    auth.call.refresh(pair["refresh_token"], place)
    auth.refuses(auth.call.refresh, pair["refresh_token"], place)
    auth.call.change_password(user["user_id"], PASSWORD, NEW, None, place)
    auth.call.logout(auth.call.login(user["email"], NEW, place)["refresh_token"], place)
    auth.call.logout_everywhere(user["user_id"], place)

    assert events(auth, user) == [
        *["signed_out_everywhere", "signed_out", "signed_in", "password_changed", "refresh_token_reused"],
        *["registered_again", "sign_in_failed", "signed_in", "email_verified", "registered"],
    ]


def test_an_entry_says_when_and_where(auth: Running, user: dict[str, Any]) -> None:
    place = somewhere()
    auth.call.login(user["email"], PASSWORD, place)

    latest = auth.call.audit(user["user_id"], 1)["events"]

    assert [set(one) for one in latest] == [{"event", "at", "address", "user_agent"}]
    assert {key: latest[0][key] for key in place} == place


def test_no_entry_holds_a_secret(auth: Running, user: dict[str, Any]) -> None:
    pair = auth.call.login(user["email"], PASSWORD)
    auth.call.change_password(user["user_id"], PASSWORD, NEW)

    rows = str(auth.sql("SELECT * FROM auth.audit WHERE user_id = %s", user["user_id"]))
    for secret in (PASSWORD, NEW, pair["access_token"], pair["refresh_token"], "argon2"):
        assert secret not in rows


@pytest.mark.parametrize("limit", [0, -1, 201, "5", None, 1.5])
def test_a_limit_out_of_bounds_is_refused(auth: Running, user: dict[str, Any], limit: object) -> None:
    problem = auth.refuses(auth.call.audit, user["user_id"], limit)

    assert isinstance(problem, Unprocessable)
    assert problem.errors[0]["field"] == "limit"


@pytest.mark.parametrize("nobody", ["", "x", None, 7])
def test_nobody_has_no_log(auth: Running, nobody: object) -> None:
    assert isinstance(auth.refuses(auth.call.audit, nobody), NotFound)


def test_entries_are_kept_for_180_days(auth: Running, user: dict[str, Any]) -> None:
    assert auth.config.auth.audit_s == 180 * 86_400
    auth.call.login(user["email"], PASSWORD)
    auth.sql(
        "UPDATE auth.audit SET at = now() - interval '181 days' WHERE user_id = %s AND event = 'registered'",
        user["user_id"],
    )

    with AuditEntry._meta.database.connection_context():
        assert audit.forget_old(auth.config.auth.audit_s) >= 1
    assert events(auth, user) == ["signed_in"]
