"""Letters on their way: kept with what caused them, sent by a timer, tried again with growing pauses, then given up.

    due --claimed--> due a minute later --sent--> sent
                                        --failed--> due after the pause, or given up after `max_attempts`

A process that dies while it sends leaves the letter due: it may be sent twice, and is not lost.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from uuid6 import uuid7

from services.auth.mailers import MailError
from services.auth.metrics import MAILS
from services.auth.tables import Letter
from services.kernel.config import Mail

log = logging.getLogger(__name__)

AT_ONCE = 20
LEASE = timedelta(seconds=60)
KEPT = timedelta(days=7)
ASKED_FOR = ("verify", "taken", "waiting", "reset")
"""What a stranger can cause: bounded for each recipient, so that nobody can flood a mailbox through us."""

Compose = Callable[[str, str], EmailMessage | None]
Send = Callable[[EmailMessage], None]


def add(kind: str, recipient: str, per_hour: int) -> None:
    """Have a letter sent when the running transaction is committed.

    Of each kind that strangers can cause, a recipient gets `per_hour` at most; what is above is dropped.
    """
    now = datetime.now(UTC)
    if kind in ASKED_FOR:
        same = (Letter.recipient == recipient) & (Letter.kind == kind)
        recent = same & (Letter.created_at > now - timedelta(hours=1))
        if Letter.select().where(recent).count() >= per_hour:
            log.warning("a recipient gets no more letters of the kind %s this hour", kind)
            return
    Letter.create(id=uuid7(), kind=kind, recipient=recipient, created_at=now, attempts=0, due_at=now)


def deliver(compose: Compose, send: Send, settings: Mail) -> int:
    """Send what is due, one by one; returns how many were sent."""
    sent = 0
    for _ in range(AT_ONCE):
        letter = _claim()
        if letter is None:
            break
        sent += _deliver(letter, compose, send, settings)
    return sent


def forget_old() -> int:
    """Delete what was sent or given up a while ago; returns how many."""
    old = Letter.due_at.is_null() & (Letter.created_at < datetime.now(UTC) - KEPT)
    deleted: int = Letter.delete().where(old).execute()
    return deleted


def _claim() -> Letter | None:
    now = datetime.now(UTC)
    due = Letter.select(Letter.id).where(Letter.due_at <= now).order_by(Letter.due_at).limit(1)
    claiming = Letter.update(attempts=Letter.attempts + 1, due_at=now + LEASE)
    # Compared by =, not IN: so that PostgreSQL looks for it once.
    claiming = claiming.where(Letter.id == due.for_update(skip_locked=True))
    return next(iter(claiming.returning(Letter).execute()), None)


def _deliver(letter: Letter, compose: Compose, send: Send, settings: Mail) -> bool:
    message = compose(letter.kind, letter.recipient)
    if message is None:
        Letter.delete().where(Letter.id == letter.id).execute()
        return False
    try:
        send(message)
    except MailError as error:
        _postpone(letter, error, settings)
        return False
    Letter.update(sent_at=datetime.now(UTC), due_at=None, error=None).where(Letter.id == letter.id).execute()
    MAILS.labels(letter.kind, "sent").inc()
    return True


def _postpone(letter: Letter, error: MailError, settings: Mail) -> None:
    final = error.final or letter.attempts >= settings.max_attempts
    pause_s = min(settings.retry_base_s * 2 ** (letter.attempts - 1), settings.retry_max_s)
    due_at = None if final else datetime.now(UTC) + timedelta(seconds=pause_s)
    level = logging.ERROR if final else logging.WARNING
    log.log(level, "letter %s (%s), attempt %d: %s", letter.id, letter.kind, letter.attempts, error)
    Letter.update(due_at=due_at, error=str(error)[:500]).where(Letter.id == letter.id).execute()
    MAILS.labels(letter.kind, "given_up" if final else "retried").inc()
