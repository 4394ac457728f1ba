"""Tokens: what opens, what has expired, and what a forger might bring."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import eventlet
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid6 import uuid7

from services.auth import keys, sessions, tables
from services.auth.access import AUDIENCE
from services.kernel.errors import Problem, Unauthenticated
from tests.services.auth.conftest import PASSWORD
from tests.services.running import Running


@pytest.fixture
def forge(auth: Running, user: dict[str, Any]) -> Any:
    """Tokens with chosen claims and headers; signed with the real key unless told otherwise."""
    auth.call.jwks()
    statement = "SELECT kid, private_key FROM auth.signing_keys WHERE retired_at IS NULL"
    [(kid, raw)] = auth.sql(statement)
    real = Ed25519PrivateKey.from_private_bytes(bytes(raw))

    def forged(key: Any = real, algorithm: str = "EdDSA", header: Any = None, without: str = "", **claims: Any) -> str:
        now = datetime.now(UTC)
        good = {
            "iss": auth.config.auth.issuer,
            "aud": AUDIENCE,
            "sub": user["user_id"],
            "sid": str(uuid7()),
            "iat": now,
            "exp": now + timedelta(minutes=5),
            "jti": str(uuid7()),
        }
        payload = {name: value for name, value in {**good, **claims}.items() if name != without}
        return jwt.encode(payload, key, algorithm, headers={"typ": "at+jwt", "kid": kid, **(header or {})})

    return forged


def code_of(auth: Running, token: object) -> str:
    problem = auth.refuses(auth.call.verify, token)
    assert isinstance(problem, Unauthenticated)
    return problem.code


def test_an_access_token_says_whose_it_is(auth: Running, user: dict[str, Any], tokens: dict[str, Any]) -> None:
    verified = auth.call.verify(tokens["access_token"])

    assert set(verified) == {"user_id", "session_id", "jti", "expires_at"}
    assert verified["user_id"] == user["user_id"]
    left = datetime.fromisoformat(verified["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=880) < left <= timedelta(seconds=900)


def test_an_access_token_verifies_by_the_published_keys_alone(auth: Running, tokens: dict[str, Any]) -> None:
    header = jwt.get_unverified_header(tokens["access_token"])
    published = jwt.PyJWKSet.from_dict(auth.call.jwks())

    claims = jwt.decode(tokens["access_token"], published[header["kid"]].key, ["EdDSA"], audience=AUDIENCE)

    assert (header["typ"], header["alg"]) == ("at+jwt", "EdDSA")
    assert set(claims) == {"iss", "aud", "sub", "sid", "iat", "exp", "jti"}


def test_the_published_keys_hold_nothing_private(auth: Running) -> None:
    for key in auth.call.jwks()["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_what_the_forger_starts_from_is_accepted(auth: Running, forge: Any) -> None:
    assert auth.call.verify(forge())["jti"]


def test_an_expired_token_says_so(auth: Running, forge: Any) -> None:
    past = datetime.now(UTC) - timedelta(seconds=30)

    assert code_of(auth, forge(exp=past, iat=past - timedelta(minutes=5))) == "token_expired"


@pytest.mark.parametrize(
    "claims",
    [
        *[{"iss": "https://evil.example"}, {"aud": "another-api"}, {"aud": []}, {"sub": 7}],
        *[{"sub": "root"}, {"sid": 7}, {"sid": "none"}, {"jti": "x" * 300}],
        *[{"exp": "soon"}, {"exp": None}, {"iat": datetime(2100, 1, 1, tzinfo=UTC)}],
    ],
)
def test_a_wrong_claim_is_invalid_even_when_signed(auth: Running, forge: Any, claims: dict[str, Any]) -> None:
    assert code_of(auth, forge(**claims)) == "token_invalid"


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "iat", "exp", "jti"])
def test_a_missing_claim_is_invalid_even_when_signed(auth: Running, forge: Any, claim: str) -> None:
    assert code_of(auth, forge(without=claim)) == "token_invalid"


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "rt+jwt"}, {"kid": "unknown"}, {"kid": ""}])
def test_a_wrong_header_is_invalid_even_when_signed(auth: Running, forge: Any, header: dict[str, Any]) -> None:
    assert code_of(auth, forge(header=header)) == "token_invalid"


def test_a_token_of_another_key_under_our_key_id_is_invalid(auth: Running, forge: Any) -> None:
    assert code_of(auth, forge(key=Ed25519PrivateKey.generate())) == "token_invalid"


def test_a_token_signed_with_our_public_key_as_an_hmac_secret_is_invalid(auth: Running, forge: Any) -> None:
    public = base64.urlsafe_b64decode(auth.call.jwks()["keys"][0]["x"] + "=")

    assert code_of(auth, forge(key=public, algorithm="HS256")) == "token_invalid"


def test_a_token_without_signature_is_invalid(auth: Running, forge: Any) -> None:
    assert code_of(auth, forge(key="", algorithm="none")) == "token_invalid"
    header, claims, _ = forge().split(".")
    assert code_of(auth, f"{header}.{claims}.") == "token_invalid"


def test_a_token_with_changed_claims_is_invalid(auth: Running, tokens: dict[str, Any]) -> None:
    header, _, signature = tokens["access_token"].split(".")
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    other = base64.urlsafe_b64encode(json.dumps({**claims, "sub": str(uuid7())}).encode()).rstrip(b"=").decode()

    assert code_of(auth, f"{header}.{other}.{signature}") == "token_invalid"


@pytest.mark.parametrize("bad", [None, 7, {}, "", ".", "..", "a.b.c", "\x00", "\ud800", "é.é.é", "x" * 100_000])
def test_what_is_no_token_is_invalid(auth: Running, bad: object) -> None:
    assert code_of(auth, bad) == "token_invalid"


def test_a_refresh_token_is_no_access_token(auth: Running, tokens: dict[str, Any]) -> None:
    assert code_of(auth, tokens["refresh_token"]) == "token_invalid"


def test_processes_that_start_together_agree_on_one_key(auth: Running) -> None:
    auth.sql("UPDATE auth.signing_keys SET retired_at = now() WHERE retired_at IS NULL")

    def start(_: int) -> str:
        with tables.SigningKey._meta.database.connection_context():
            return keys.Keyring().current().kid

    kids = set(eventlet.GreenPool().imap(start, range(8)))

    assert len(kids) == 1


def test_a_retired_key_still_verifies_what_it_signed(auth: Running, tokens: dict[str, Any]) -> None:
    auth.sql("UPDATE auth.signing_keys SET retired_at = now() WHERE retired_at IS NULL")
    fresh = keys.Keyring()
    kid = jwt.get_unverified_header(tokens["access_token"])["kid"]

    assert fresh.current().kid != kid
    assert fresh.find(kid) is not None


def test_the_database_keeps_the_raw_key_that_the_jwks_publishes(auth: Running) -> None:
    published = {key["kid"]: key["x"] for key in auth.call.jwks()["keys"]}
    kid, x = next(iter(published.items()))
    [(raw,)] = auth.sql("SELECT private_key FROM auth.signing_keys WHERE kid = %s", kid)

    public = Ed25519PrivateKey.from_private_bytes(bytes(raw)).public_key()
    encoded = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    assert base64.urlsafe_b64encode(encoded).rstrip(b"=").decode() == x


def test_refreshing_gives_a_new_pair_for_the_same_user(auth: Running, user: Any, tokens: dict[str, Any]) -> None:
    renewed = auth.call.refresh(tokens["refresh_token"])

    assert renewed["refresh_token"] != tokens["refresh_token"]
    assert auth.call.verify(renewed["access_token"])["user_id"] == user["user_id"]


def test_a_refresh_token_used_twice_ends_the_whole_family(auth: Running, tokens: dict[str, Any]) -> None:
    successor = auth.call.refresh(tokens["refresh_token"])["refresh_token"]

    assert auth.refuses(auth.call.refresh, tokens["refresh_token"]).code == "refresh_token_reused"
    assert auth.refuses(auth.call.refresh, successor).code == "refresh_token_invalid"


def test_a_stolen_token_ends_no_other_session_of_the_user(auth: Running, user: Any, tokens: dict[str, Any]) -> None:
    other = auth.call.login(user["email"], PASSWORD)["refresh_token"]
    auth.call.refresh(tokens["refresh_token"])
    auth.refuses(auth.call.refresh, tokens["refresh_token"])

    assert auth.call.refresh(other)["refresh_token"]


def test_of_ten_uses_at_once_at_most_one_gets_a_successor(auth: Running, tokens: dict[str, Any]) -> None:
    outcomes = auth.at_once(10, "refresh", tokens["refresh_token"])

    won = [outcome["refresh_token"] for outcome in outcomes if not isinstance(outcome, Problem)]
    assert len(won) == 1
    assert auth.refuses(auth.call.refresh, won[0]).code == "refresh_token_invalid"


def test_logging_out_ends_the_session(auth: Running, tokens: dict[str, Any]) -> None:
    auth.call.logout(tokens["refresh_token"])

    assert auth.refuses(auth.call.refresh, tokens["refresh_token"]).code == "refresh_token_invalid"


def test_logging_out_twice_or_with_nonsense_changes_nothing(auth: Running, tokens: dict[str, Any]) -> None:
    for token in (tokens["refresh_token"], tokens["refresh_token"], "nonsense", "", None, 7, "\x00", "\ud800"):
        assert auth.call.logout(token) is None


@pytest.mark.parametrize("bad", [None, 7, {}, "", "nonsense", "\x00", "\ud800", "x" * 100_000])
def test_an_unknown_refresh_token_is_invalid(auth: Running, bad: object) -> None:
    assert auth.refuses(auth.call.refresh, bad).code == "refresh_token_invalid"


def test_an_expired_session_says_so(auth: Running, user: dict[str, Any], tokens: dict[str, Any]) -> None:
    expire(auth, user, "1 second")

    assert auth.refuses(auth.call.refresh, tokens["refresh_token"]).code == "refresh_token_expired"


def test_sessions_long_expired_are_forgotten(auth: Running, user: dict[str, Any], tokens: dict[str, Any]) -> None:
    expire(auth, user, "8 days")

    assert sessions.forget_expired() >= 1
    assert auth.refuses(auth.call.refresh, tokens["refresh_token"]).code == "refresh_token_invalid"


def test_only_a_hash_of_the_refresh_token_is_stored(auth: Running, tokens: dict[str, Any]) -> None:
    token = tokens["refresh_token"].encode()

    assert auth.sql("SELECT 1 FROM auth.refresh_tokens WHERE token_hash = sha256(%s)", token)
    assert not auth.sql("SELECT 1 FROM auth.refresh_tokens WHERE position(%s in token_hash) > 0", token)


def expire(auth: Running, user: dict[str, Any], ago: str) -> None:
    statement = "UPDATE auth.sessions SET created_at = now() - interval '1 year', expires_at = now() - %s::interval"
    auth.sql(f"{statement} WHERE user_id = %s", ago, user["user_id"])
