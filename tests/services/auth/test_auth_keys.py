"""Keys are published before they sign, verify until what they signed has expired, and then are gone."""

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from peewee import OperationalError

from services.auth import keys, rotation
from services.auth.tables import SigningKey
from services.kernel.config import Auth
from tests.services.running import Running

COLUMNS = ("created_at", "activated_at", "retired_at")


@pytest.fixture(autouse=True)
def one_key(auth: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test begins with one new key, which signs; so does what comes after. The service sees changes at once."""
    monkeypatch.setattr(keys, "RELOAD_S", 0.0)
    with SigningKey._meta.database.connection_context():
        rotation.replace_all()
        auth.call.jwks()
        yield
        rotation.replace_all()
        auth.call.jwks()


@pytest.fixture
def settings(auth: Running) -> Auth:
    """Keys of an hour, published for ten minutes before."""
    return auth.config.auth.model_copy(update={"key_ttl_s": 3600, "key_publish_s": 600})


def states() -> dict[str, str]:
    return {one["kid"]: one["state"] for one in rotation.listed()}


def later(auth: Running, seconds: float) -> None:
    """Makes every key so much older."""
    moved = ", ".join(f"{name} = {name} - make_interval(secs => %s)" for name in COLUMNS)
    auth.sql(f"UPDATE auth.signing_keys SET {moved}", *[seconds] * 3)  # noqa: S608


def test_nothing_changes_before_a_key_is_old(auth: Running, settings: Auth) -> None:
    before = states()
    later(auth, 2900)

    rotation.rotate(settings)

    assert states() == before


def test_a_key_is_published_signs_and_verifies_until_its_tokens_have_expired(
    auth: Running, settings: Auth, tokens: dict[str, Any]
) -> None:
    [first] = states()

    later(auth, 3100)
    rotation.rotate(settings)
    [second] = [kid for kid, state in states().items() if state == "next"]
    assert {key["kid"] for key in auth.call.jwks()["keys"]} == {first, second}
    assert states()[first] == "current"
    rotation.rotate(settings)
    assert states() == {first: "current", second: "next"}, "one next key is enough, and it has to wait"

    later(auth, 601)
    rotation.rotate(settings)
    assert states() == {first: "retired", second: "current"}
    assert auth.call.verify(tokens["access_token"])

    later(auth, settings.access_ttl_s + rotation.MARGIN_S + 1)
    rotation.rotate(settings)
    assert first not in states()
    assert auth.refuses(auth.call.verify, tokens["access_token"]).code == "token_invalid"


def test_every_key_that_signs_was_published_before(auth: Running, settings: Auth, tokens: dict[str, Any]) -> None:
    for _ in range(12):
        published = {key["kid"] for key in auth.call.jwks()["keys"]}
        later(auth, 599)
        rotation.rotate(settings)
        renewed = auth.call.refresh(tokens["refresh_token"])
        tokens = renewed
        assert jwt.get_unverified_header(renewed["access_token"])["kid"] in published


def test_operators_may_ask_for_a_next_key(auth: Running, settings: Auth, tokens: dict[str, Any]) -> None:
    shown = auth.call.rotate_keys()["keys"]

    assert [one["state"] for one in shown] == ["current", "next"]
    assert set(shown[0]) == {"kid", "state", "created_at", "activated_at", "retired_at"}
    later(auth, 601)
    rotation.rotate(settings)
    assert sorted(states().values()) == ["current", "retired"]
    assert auth.call.verify(tokens["access_token"])


def test_a_leaked_key_is_forgotten_at_once_and_sessions_go_on(
    auth: Running, settings: Auth, tokens: dict[str, Any]
) -> None:
    [one] = auth.call.rotate_keys(leaked=True)["keys"]

    assert one["state"] == "current"
    assert auth.refuses(auth.call.verify, tokens["access_token"]).code == "token_invalid"
    assert auth.call.verify(auth.call.refresh(tokens["refresh_token"])["access_token"])


def test_the_database_holds_one_current_and_one_next_key_at_most(auth: Running) -> None:
    for _ in range(3):
        keys.make(active=True)
        keys.make(active=False)

    assert sorted(states().values()) == ["current", "next"]


def test_a_key_ring_goes_on_while_postgresql_does_not_answer(auth: Running) -> None:
    ring = keys.Keyring()
    known = ring.current()

    def down(*_: Any) -> Any:
        raise OperationalError("down")

    with pytest.MonkeyPatch.context() as outage:
        outage.setattr(SigningKey, "select", down)
        assert ring.find(known.kid) == known
        with pytest.raises(OperationalError):
            keys.Keyring().current()
