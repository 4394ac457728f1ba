"""What Prometheus hears of sign-ins and letters: how each ended, in words of ours, whatever a stranger sends."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
import redis
from prometheus_client import REGISTRY
from pydantic import RedisDsn
from uuid6 import uuid7

from services.auth import outbox
from services.auth.dependencies import Post
from services.auth.mailers import MailError
from services.auth.revocations import KEY, LEASE, Revocations
from services.auth.tables import Letter, User
from services.kernel import cache
from services.kernel.config import Mail
from tests.services.auth.conftest import PASSWORD, message
from tests.services.auth.elsewhere import PEOPLE, Browser
from tests.services.running import Running, eventually


def grown(name: str, **labels: str) -> Callable[[], float]:
    """By how much it has grown since."""

    def value() -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = value()
    return lambda: value() - before


def series(name: str) -> set[tuple[str, ...]]:
    """The values of the labels."""
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples if sample.name == name]
    return {tuple(sample.labels.values()) for sample in samples}


# Sign-ins


def test_a_sign_in_by_password_counts_with_what_came_of_it(
    auth: Running, user: dict[str, Any], place: dict[str, str]
) -> None:
    signed_in, wrong, early = (
        grown("eco2_sign_ins_total", method="password", outcome=outcome)
        for outcome in ("ok", "bad_credentials", "too_many_attempts")
    )

    auth.call.login(user["email"], PASSWORD, place)
    for _ in range(auth.config.auth.sign_in.free_failures + 3):
        auth.refuses(auth.call.login, user["email"], "a wrong one", place)

    assert signed_in() == 1
    assert wrong() >= 1
    assert early() >= 1


def test_a_sign_in_elsewhere_counts_under_its_provider(browser: Browser, email: str) -> None:
    browser.providers.control(person=PEOPLE["kakao"](email))
    signed_in, replayed = (
        grown("eco2_sign_ins_total", method="kakao", outcome=outcome) for outcome in ("ok", "oauth_state_invalid")
    )
    back = browser.consent("kakao")

    browser.finish(back)
    browser.auth.refuses(browser.finish, back)

    assert (signed_in(), replayed()) == (1, 1)


def test_strange_providers_and_passwords_add_no_series(auth: Running, place: dict[str, str]) -> None:
    auth.refuses(auth.call.oauth_finish, "strange-0", "c", "s", "b")
    auth.refuses(auth.call.login, "strange-0@example.com", "x", place)
    before = series("eco2_sign_ins_total")

    for number in range(1, 5):
        auth.refuses(auth.call.oauth_finish, f"strange-{number}", "c", "s", "b")
        auth.refuses(auth.call.login, f"strange-{number}@example.com", f"{number}", place)
    for odd in (None, 7, ["google"], {"google": 1}, "Google", "x" * 10_000):
        auth.refuses(auth.call.oauth_finish, odd, "c", "s", "b")

    assert series("eco2_sign_ins_total") == before
    assert ("unknown", "provider_not_configured") in before


def test_proving_a_password_once_more_is_no_sign_in(auth: Running, user: dict[str, Any], place: dict[str, str]) -> None:
    before = grown("eco2_sign_ins_total", method="password", outcome="ok")

    auth.call.change_password(user["user_id"], PASSWORD, "another horse battery", None, place)

    assert before() == 0


# Letters


@pytest.fixture
def quiet(auth: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service itself sends no letters, and a connection for the test's own."""
    [post] = [part for part in auth.container.dependencies if isinstance(part, Post)]
    monkeypatch.setattr(post, "get_dependency", lambda worker_ctx: lambda: 0)
    with User._meta.database.connection_context():
        Letter.update(due_at=None).execute()
        yield


def due() -> None:
    now = datetime.now(UTC)
    recipient = f"user-{uuid7()}@example.com"
    Letter.create(id=uuid7(), kind="deleted", recipient=recipient, created_at=now, attempts=0, due_at=now)


def again() -> None:
    Letter.update(due_at=datetime.now(UTC)).where(Letter.due_at.is_null(False)).execute()


def compose(kind: str, recipient: str) -> EmailMessage | None:
    return message(recipient)


@pytest.mark.usefixtures("quiet")
def test_a_letter_counts_at_each_try_and_once_when_it_has_left(settings: Callable[..., Mail]) -> None:
    counts = [grown("eco2_mails_total", kind="deleted", outcome=outcome) for outcome in ("retried", "sent")]
    broken = [MailError("not now")]

    def send(_: EmailMessage) -> None:
        if broken:
            raise broken.pop()

    due()
    for _ in range(3):
        outbox.deliver(compose, send, settings(max_attempts=5))
        again()

    assert [count() for count in counts] == [1, 1]


@pytest.mark.usefixtures("quiet")
def test_a_letter_that_nobody_takes_counts_as_given_up(settings: Callable[..., Mail]) -> None:
    given_up = grown("eco2_mails_total", kind="deleted", outcome="given_up")

    def send(_: EmailMessage) -> None:
        raise MailError("never", final=True)

    due()
    outbox.deliver(compose, send, settings())
    outbox.deliver(compose, send, settings())

    assert given_up() == 1


@pytest.mark.usefixtures("quiet")
def test_a_letter_that_was_never_tried_does_not_count(settings: Callable[..., Mail]) -> None:
    """Nothing is left to say to this recipient, or there were too many of its kind: no failure of the mail server."""
    due()

    def all_of() -> float:
        return sum(
            sample.value
            for metric in REGISTRY.collect()
            for sample in metric.samples
            if sample.name == "eco2_mails_total"
        )

    before = all_of()
    outbox.deliver(lambda *_: None, lambda _: None, settings())
    address = f"user-{uuid7()}@example.com"
    for _ in range(3):
        outbox.add("reset", address, per_hour=2)

    assert all_of() == before


# The revocations that Redis keeps


def test_redis_answers_are_hits_and_what_postgresql_is_asked_are_misses(auth: Running, tokens: dict[str, Any]) -> None:
    client = cache.client(auth.config)

    def vouches() -> bool:
        lease: Any = client.zscore(KEY, LEASE)
        return lease is not None and lease > time.time() + 0.5

    eventually(vouches)
    hits, misses = (
        grown("eco2_cache_requests_total", cache="revocations", outcome=outcome) for outcome in ("hit", "miss")
    )

    auth.call.verify(tokens["access_token"])

    assert (hits(), misses()) == (1, 0)
    nowhere = auth.config.model_copy(update={"redis_url": RedisDsn("redis://127.0.0.1:1/0"), "redis_timeout_s": 0.3})
    without: redis.Redis = cache.client(nowhere)
    with User._meta.database.connection_context():
        assert Revocations(without, 60, 3).hold([str(uuid7())]) is False
    assert (hits(), misses()) == (1, 1)
