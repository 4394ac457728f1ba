"""Letters wait, are tried again when they could not leave, and are given up in the end."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from uuid6 import uuid7

from services.auth import letters, outbox
from services.auth.dependencies import Post
from services.auth.mailers import MailError
from services.auth.tables import Letter
from services.kernel.config import Mail
from tests.services.auth.conftest import STATIONERY, letters_of, message
from tests.services.running import Running, eventually


class Mailbox:
    """Takes letters after so many failures."""

    def __init__(self, failures: int = 0, final: bool = False) -> None:
        self.failures, self.final = failures, final
        self.taken: list[EmailMessage] = []

    def send(self, message: EmailMessage) -> None:
        if self.failures:
            self.failures -= 1
            raise MailError("not now", self.final)
        self.taken.append(message)


@pytest.fixture
def waiting(auth: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Letter]]:
    """A letter that is due, while the service itself sends none."""
    [post] = [part for part in auth.container.dependencies if isinstance(part, Post)]
    monkeypatch.setattr(post, "get_dependency", lambda worker_ctx: lambda: 0)
    address = f"user-{uuid7()}@example.com"
    now = datetime.now(UTC)
    with Letter._meta.database.connection_context():
        row = Letter.create(id=uuid7(), kind="deleted", recipient=address, created_at=now, attempts=0, due_at=now)
        yield lambda: Letter.get_by_id(row.id)
        Letter.delete().where(Letter.id == row.id).execute()


def due_now(letter: Letter) -> None:
    Letter.update(due_at=datetime.now(UTC)).where(Letter.id == letter.id).execute()


def compose(kind: str, recipient: str) -> EmailMessage | None:
    return message(recipient)


def test_a_letter_that_failed_is_tried_again_after_growing_pauses_and_then_given_up(
    waiting: Callable[[], Letter], settings: Callable[..., Mail]
) -> None:
    mail = settings(max_attempts=4, retry_base_s=30, retry_max_s=60)
    broken, pauses = Mailbox(failures=99), []
    for attempt in range(1, 4):
        assert outbox.deliver(compose, broken.send, mail) == 0
        row = waiting()
        assert row.attempts == attempt
        pauses.append(round((row.due_at - datetime.now(UTC)).total_seconds() / 10) * 10)
        due_now(row)
    outbox.deliver(compose, broken.send, mail)

    assert pauses == [30, 60, 60]
    assert (waiting().due_at, waiting().sent_at, waiting().error) == (None, None, "not now")


def test_a_letter_is_sent_once(waiting: Callable[[], Letter], settings: Callable[..., Mail]) -> None:
    box = Mailbox(failures=1)
    outbox.deliver(compose, box.send, settings())
    due_now(waiting())

    outbox.deliver(compose, box.send, settings())
    outbox.deliver(compose, box.send, settings())

    assert len([one for one in box.taken if one["To"] == waiting().recipient]) == 1
    assert waiting().sent_at is not None
    assert (waiting().due_at, waiting().error) == (None, None)


def test_what_is_refused_for_good_is_not_tried_again(
    waiting: Callable[[], Letter], settings: Callable[..., Mail]
) -> None:
    outbox.deliver(compose, Mailbox(failures=99, final=True).send, settings())

    assert (waiting().attempts, waiting().due_at, waiting().sent_at) == (1, None, None)


def test_a_letter_whose_sender_died_is_due_again(waiting: Callable[[], Letter], settings: Callable[..., Mail]) -> None:
    class Death(BaseException):
        pass

    def die(message: EmailMessage) -> None:
        raise Death

    with pytest.raises(Death):
        outbox.deliver(compose, die, settings())

    assert timedelta(0) < waiting().due_at - datetime.now(UTC) <= outbox.LEASE
    assert waiting().sent_at is None


def test_old_letters_are_forgotten_and_waiting_ones_kept(waiting: Callable[[], Letter]) -> None:
    long_ago = datetime.now(UTC) - outbox.KEPT - timedelta(days=1)
    Letter.update(created_at=long_ago).where(Letter.id == waiting().id).execute()
    outbox.forget_old()
    assert waiting().sent_at is None

    Letter.update(due_at=None, sent_at=long_ago).where(Letter.id == waiting().id).execute()
    assert outbox.forget_old() >= 1
    with pytest.raises(Letter.DoesNotExist):
        waiting()


def test_a_letter_waits_for_the_mail_server_to_come_back(auth: Running, email: str, tmp_path: Path) -> None:
    folder = Path(auth.config.state_dir, "mail")
    folder.mkdir(mode=0o700, exist_ok=True)
    aside = folder.rename(folder.with_name("mail-aside"))
    folder.write_text("in the way")
    try:
        auth.call.register(email, "correct horse battery", "하늘")
        failed = "SELECT 1 FROM auth.letters WHERE recipient = %s AND attempts > 0 AND error IS NOT NULL"
        assert eventually(lambda: auth.sql(failed, email), 20)
        assert auth.call.login(email, "correct horse battery")
    finally:
        folder.unlink()
        aside.rename(folder)
    auth.sql("UPDATE auth.letters SET due_at = now() WHERE recipient = %s", email)

    assert eventually(lambda: letters_of(auth.config, email), 20)


def test_every_kind_of_letter_can_be_written(auth: Running, user: dict[str, Any]) -> None:
    allowed = auth.sql("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'letters_kind_check'")[0][0]
    with Letter._meta.database.connection_context():
        for kind in letters.TEXTS:
            written = letters.compose(kind, user["email"], STATIONERY)
            assert written is not None
            text = written.get_content()
            assert "{" not in text
            assert ("#" in text) == (kind in letters.PURPOSES)
            assert max(len(line) for line in text.splitlines()) < 200
            assert f"'{kind}'" in allowed
