"""Proving an address, and new passwords: by letter, by the old password, and by those who have neither."""

import re
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from uuid6 import uuid7

from services.kernel.errors import Forbidden, Problem, Unauthenticated, Unprocessable
from tests.services.auth.conftest import PASSWORD, letters_of, registered, somewhere, token_in, verified
from tests.services.running import Running, eventually

Letter = Callable[..., EmailMessage]
NEW = "another long password"


def test_the_link_in_the_letter_proves_the_address_once(auth: Running, user: dict[str, Any], letter: Letter) -> None:
    token = token_in(letter(user["email"], "Confirm"))

    assert auth.call.verify_email(token) is None

    assert auth.call.me(user["user_id"]) == {**user, "verified": True}
    assert auth.refuses(auth.call.verify_email, token).code == "link_invalid"


def test_a_letter_is_korean_with_english_below_and_names_nobody(
    auth: Running, user: dict[str, Any], letter: Letter
) -> None:
    text = letter(user["email"], "Confirm").get_content()

    korean, english = text.split("\n--\n")
    assert re.search("[가-힣]", korean)
    assert not re.search("[가-힣]", english)
    assert user["name"] not in text, "whoever registers a stranger's address must not get to write to them"


def test_another_letter_leaves_the_first_link_good(auth: Running, user: dict[str, Any], letter: Letter) -> None:
    first = token_in(letter(user["email"], "Confirm"))
    assert auth.call.resend_verification(user["email"]) == {"status": "verification_sent"}

    assert auth.call.verify_email(first) is None


@pytest.mark.parametrize("bad", [None, 7, {}, "", "nonsense", "\x00", "\ud800", "가", "x" * 100_000])
def test_what_is_no_link_is_invalid(auth: Running, bad: object) -> None:
    problem = auth.refuses(auth.call.verify_email, bad)

    assert isinstance(problem, Unprocessable)
    assert problem.code == "link_invalid"


@pytest.mark.parametrize("bad", ["", "nonsense", "가", "x" * 100_000])
def test_what_is_no_link_sets_no_password(auth: Running, bad: object) -> None:
    assert auth.refuses(auth.call.reset_password, bad, NEW).code == "link_invalid"


def test_a_link_for_one_purpose_is_none_for_the_other(auth: Running, user: dict[str, Any], letter: Letter) -> None:
    verification = token_in(letter(user["email"], "Confirm"))
    auth.call.forgot_password(user["email"])
    reset = token_in(letter(user["email"], "Set a new password"))

    assert auth.refuses(auth.call.reset_password, verification, NEW).code == "link_invalid"
    assert auth.refuses(auth.call.verify_email, reset).code == "link_invalid"


def test_an_old_link_is_invalid(auth: Running, user: dict[str, Any], letter: Letter) -> None:
    auth.call.forgot_password(user["email"])
    token = token_in(letter(user["email"], "Set a new password"))
    auth.sql(
        "UPDATE auth.letter_tokens SET expires_at = now() - interval '1 s' WHERE token_hash = sha256(%s)",
        token.encode(),
    )

    assert auth.refuses(auth.call.reset_password, token, NEW).code == "link_invalid"
    assert auth.call.login(user["email"], PASSWORD)


def test_a_link_that_sets_a_password_is_good_for_30_minutes_and_kept_as_a_hash(
    auth: Running, user: dict[str, Any], letter: Letter
) -> None:
    auth.call.forgot_password(user["email"])
    token = token_in(letter(user["email"], "Set a new password")).encode()

    left = "SELECT extract(epoch FROM expires_at - now()) FROM auth.letter_tokens WHERE token_hash = sha256(%s)"
    [(left_s,)] = auth.sql(left, token)
    assert 1500 < left_s <= 1800
    assert not auth.sql("SELECT 1 FROM auth.letter_tokens WHERE position(%s in token_hash) > 0", token)
    assert not auth.sql("SELECT 1 FROM auth.letters l WHERE position(%s in l::text) > 0", token.decode())


def test_a_forgotten_password_is_set_anew_and_every_session_ends(
    auth: Running, user: dict[str, Any], letter: Letter
) -> None:
    pairs = [auth.call.login(user["email"], PASSWORD) for _ in range(2)]
    assert auth.call.forgot_password(user["email"]) == {"status": "reset_sent"}
    token = token_in(letter(user["email"], "Set a new password"))

    assert auth.call.reset_password(token, NEW) is None

    for pair in pairs:
        assert auth.refuses(auth.call.verify, pair["access_token"]).code == "token_revoked"
        assert auth.refuses(auth.call.refresh, pair["refresh_token"]).code == "refresh_token_invalid"
    assert auth.refuses(auth.call.login, user["email"], PASSWORD).code == "bad_credentials"
    assert auth.call.verify(auth.call.login(user["email"], NEW)["access_token"])
    assert auth.call.me(user["user_id"])["verified"], "who read the letter has proved the address"
    assert letter(user["email"], "was changed")


def test_a_password_that_was_set_anew_makes_the_other_links_useless(
    auth: Running, user: dict[str, Any], letter: Letter
) -> None:
    tokens = []
    waiting = "SELECT 1 FROM auth.letters WHERE recipient = %s AND due_at IS NOT NULL"
    for _ in range(2):
        auth.call.forgot_password(user["email"])
        assert eventually(lambda: not auth.sql(waiting, user["email"]), 20)
        tokens.append(token_in(letter(user["email"], "Set a new password")))
    assert len(set(tokens)) == 2

    auth.call.reset_password(tokens[0], NEW)

    assert auth.refuses(auth.call.reset_password, tokens[1], PASSWORD).code == "link_invalid"
    proof = token_in(letter(user["email"], "Confirm"))
    assert auth.refuses(auth.call.verify_email, proof).code == "link_invalid", "the address is proven already"


def test_of_ten_uses_of_a_link_at_once_one_sets_the_password(
    auth: Running, user: dict[str, Any], letter: Letter
) -> None:
    auth.call.forgot_password(user["email"])
    token = token_in(letter(user["email"], "Set a new password"))

    outcomes = auth.at_once(10, "reset_password", token, NEW)

    assert outcomes.count(None) == 1
    assert {one.code for one in outcomes if isinstance(one, Problem)} == {"link_invalid"}


def test_a_bad_new_password_leaves_the_link_good(auth: Running, user: dict[str, Any], letter: Letter) -> None:
    auth.call.forgot_password(user["email"])
    token = token_in(letter(user["email"], "Set a new password"))

    assert auth.refuses(auth.call.reset_password, token, "short").errors[0]["field"] == "password"
    assert auth.call.reset_password(token, NEW) is None


@pytest.mark.parametrize("ask", ["forgot_password", "resend_verification"])
def test_an_unknown_address_gets_the_same_answer_and_no_letter(
    auth: Running, user: dict[str, Any], ask: str, letter: Letter
) -> None:
    nobody = f"nobody-{uuid7()}@example.com"

    assert getattr(auth.call, ask)(nobody) == getattr(auth.call, ask)(user["email"])

    # Letters are sent in order: the known one's is out, so the other's turn has come.
    letter(user["email"], "new password" if ask == "forgot_password" else "Confirm")
    assert eventually(lambda: not auth.sql("SELECT 1 FROM auth.letters WHERE recipient = %s", nobody), 20)
    assert letters_of(auth.config, nobody) == []


def test_a_proven_address_gets_no_other_letter_to_prove_it(auth: Running, user: dict[str, Any]) -> None:
    verified(auth, user)
    auth.call.resend_verification(user["email"])
    due = "SELECT 1 FROM auth.letters WHERE recipient = %s AND due_at IS NOT NULL"
    assert eventually(lambda: not auth.sql(due, user["email"]), 20)
    assert len(letters_of(auth.config, user["email"], "Confirm")) == 1


@pytest.mark.parametrize("bad", ["", "no address", "a@b", 7, None, "a@example.com\nBcc: b@example.com"])
def test_a_letter_to_no_address_is_refused(auth: Running, bad: object) -> None:
    for ask in (auth.call.forgot_password, auth.call.resend_verification):
        assert auth.refuses(ask, bad).errors[0]["field"] == "email"


def test_nobody_floods_a_mailbox_through_us(auth: Running, user: dict[str, Any]) -> None:
    for _ in range(auth.config.mail.per_hour + 3):
        assert auth.call.forgot_password(user["email"]) == {"status": "reset_sent"}

    letters = auth.sql("SELECT 1 FROM auth.letters WHERE recipient = %s AND kind = 'reset'", user["email"])
    assert len(letters) == auth.config.mail.per_hour


def test_changing_the_password_keeps_the_own_session_and_ends_the_others(
    auth: Running, user: dict[str, Any], letter: Letter
) -> None:
    own, other = (auth.call.login(user["email"], PASSWORD) for _ in range(2))
    session_id = auth.call.verify(own["access_token"])["session_id"]

    assert auth.call.change_password(user["user_id"], PASSWORD, NEW, session_id) is None

    assert auth.call.verify(own["access_token"])
    assert auth.call.refresh(own["refresh_token"])
    assert auth.refuses(auth.call.verify, other["access_token"]).code == "token_revoked"
    assert auth.refuses(auth.call.refresh, other["refresh_token"]).code == "refresh_token_invalid"
    assert auth.refuses(auth.call.login, user["email"], PASSWORD).code == "bad_credentials"
    assert auth.call.login(user["email"], NEW)
    assert letter(user["email"], "was changed")


def test_changing_the_password_needs_the_old_one(auth: Running, user: dict[str, Any]) -> None:
    for wrong in ("not the password", "", None, 7):
        problem = auth.refuses(auth.call.change_password, user["user_id"], wrong, NEW)
        assert isinstance(problem, Unauthenticated | Unprocessable)

    assert auth.call.login(user["email"], PASSWORD)


def test_the_old_password_is_guessed_no_faster_here_than_at_a_sign_in(auth: Running, user: dict[str, Any]) -> None:
    place = somewhere()
    codes = {
        auth.refuses(auth.call.change_password, user["user_id"], "not the password", NEW, None, place).code
        for _ in range(8)
    }

    assert codes == {"bad_credentials", "too_many_attempts"}


def test_a_session_of_somebody_else_is_not_kept_by_naming_it(auth: Running, user: dict[str, Any]) -> None:
    pair = auth.call.login(user["email"], PASSWORD)
    stranger = registered(auth, f"other-{uuid7()}@example.com")
    theirs = auth.call.verify(auth.call.login(stranger["email"], PASSWORD)["access_token"])["session_id"]

    auth.call.change_password(user["user_id"], PASSWORD, NEW, theirs)

    assert auth.refuses(auth.call.verify, pair["access_token"]).code == "token_revoked"


def test_an_account_without_a_password_cannot_change_it_but_set_one_by_letter(
    auth: Running, user: dict[str, Any], letter: Letter
) -> None:
    auth.sql("UPDATE auth.users SET password_hash = NULL WHERE id = %s", user["user_id"])

    problem = auth.refuses(auth.call.change_password, user["user_id"], "whatever it is", NEW)
    assert isinstance(problem, Forbidden)
    assert problem.code == "no_password"
    assert auth.refuses(auth.call.login, user["email"], PASSWORD).code == "bad_credentials"

    auth.call.forgot_password(user["email"])
    auth.call.reset_password(token_in(letter(user["email"], "Set a new password")), NEW)
    assert auth.call.login(user["email"], NEW)
