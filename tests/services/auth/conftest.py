"""The auth service with its letters in a folder; every user, place and address of a test is its own."""

import email as parsing
import re
import secrets
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from uuid6 import uuid7

from services.auth import letters
from services.auth.service import AuthService
from services.kernel.config import Config, Mail, OAuth
from tests.doubles.oidc import Providers, providers
from tests.doubles.oidc_server import CLIENTS
from tests.services.auth.elsewhere import Browser
from tests.services.running import Running, eventually, running

PASSWORD = "correct horse battery"
GENEROUS_S = 20
STATIONERY = letters.Stationery("이코에코 <no-reply@growbin.app>", "https://growbin.app/", 60, 60)
PAGES = ["https://growbin.app/", "https://growbin.app/welcome"]


@pytest.fixture(scope="package")
def elsewhere() -> Iterator[Providers]:
    with providers() as running_providers:
        yield running_providers


@pytest.fixture(scope="package")
def auth(stack: Any, elsewhere: Providers) -> Iterator[Running]:
    config = stack.config.model_copy(update={"oauth": oauth_settings(stack.config.oauth, elsewhere.url)})
    with running(AuthService, config) as service:
        yield service


def oauth_settings(defaults: OAuth, url: str) -> OAuth:
    """With the providers' stand-ins at `url`."""
    changed = defaults.model_dump(mode="json")
    for name, (client_id, secret) in CLIENTS.items():
        changed[name] |= {"client_id": client_id, "client_secret": secret}
    changed["google"]["issuer"] = f"{url}/google"
    for name in ("kakao", "naver"):
        changed[name] |= {f"{part}_url": f"{url}/{name}/{part}" for part in ("authorize", "token", "profile")}
    changed["return_to"] = PAGES
    return OAuth.model_validate(changed)


@pytest.fixture
def browser(auth: Running, elsewhere: Providers) -> Iterator[Browser]:
    """A user of the providers' stand-ins, who then behave again."""
    yield Browser(auth, elsewhere)
    elsewhere.control()


@pytest.fixture
def email() -> str:
    return f"user-{uuid7()}@example.com"


@pytest.fixture
def user(auth: Running, email: str) -> dict[str, Any]:
    """A registered account with `PASSWORD`."""
    return registered(auth, email)


@pytest.fixture
def tokens(auth: Running, user: dict[str, Any]) -> dict[str, Any]:
    """What `user` got by signing in."""
    pair: dict[str, Any] = auth.call.login(user["email"], PASSWORD)
    return pair


@pytest.fixture
def place() -> dict[str, str]:
    """A client whose address no other test has."""
    return somewhere()


@pytest.fixture
def settings(auth: Running) -> Callable[..., Mail]:
    """The configured ones, with changes: ``settings(port=25)``."""

    def settings(**changes: Any) -> Mail:
        defaults = {"transport": "smtp", "host": "127.0.0.1", "timeout_s": 3, "security": "none"}
        return auth.config.mail.model_copy(update={**defaults, **changes})

    return settings


@pytest.fixture
def letter(auth: Running) -> Callable[..., EmailMessage]:
    """The latest letter to an address, of those whose subject holds a text: ``letter(email, "Confirm")``."""
    return lambda to, about="": letter_of(auth.config, to, about)


def registered(auth: Running, email: str, password: str = PASSWORD) -> dict[str, Any]:
    """A new account as `me` returns it."""
    assert auth.call.register(email, password, "하늘") == {"status": "verification_sent"}
    [(user_id,)] = auth.sql("SELECT id::text FROM auth.users WHERE email = %s", email)
    account: dict[str, Any] = auth.call.me(user_id)
    return account


def somewhere() -> dict[str, str]:
    """A client in a network that nobody else is in."""
    return {"address": f"2001:db8:{':'.join(f'{secrets.randbits(16):x}' for _ in range(2))}::1", "user_agent": "tests"}


def letters_of(config: Config, to: str, about: str = "") -> list[EmailMessage]:
    """The letters in the folder, the oldest first."""
    found = []
    for file in sorted(Path(config.state_dir, "mail").glob("*.eml")):
        message = parsing.message_from_bytes(file.read_bytes(), policy=default)
        if message["To"] == to and about in message["Subject"]:
            found.append(message)
    return found  # type: ignore[return-value]


def letter_of(config: Config, to: str, about: str = "") -> EmailMessage:
    found: list[EmailMessage] = eventually(lambda: letters_of(config, to, about), GENEROUS_S)
    return found[-1]


def token_in(message: EmailMessage) -> str:
    """The token of the letter's link."""
    found = re.search(r"https://growbin\.app/#(?:verify|reset)=([A-Za-z0-9_-]{43})\n", message.get_content())
    assert found, message.get_content()
    return found[1]


def verified(auth: Running, account: dict[str, Any]) -> dict[str, Any]:
    """The account after its owner has opened the link."""
    auth.call.verify_email(token_in(letter_of(auth.config, account["email"], "Confirm")))
    proven: dict[str, Any] = auth.call.me(account["user_id"])
    return proven


def plan(auth: Running, statement: str, values: Any = None) -> str:
    """How PostgreSQL would run it if reading whole tables were dear, as it is when they are large."""
    connection = psycopg2.connect(auth.database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET enable_seqscan = off")
            cursor.execute("SET enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {statement}", values)
            return "\n".join(line for (line,) in cursor.fetchall())
    finally:
        connection.close()


def message(to: str = "a@example.com") -> EmailMessage:
    """A letter that needs no account."""
    made = letters.compose("deleted", to, STATIONERY)
    assert made is not None
    return made
