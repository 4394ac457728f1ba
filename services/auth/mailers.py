"""How letters leave: by SMTP, or as files in a folder, where no mail server is configured."""

import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol

from uuid6 import uuid7

from services.kernel.config import Mail


class MailError(Exception):
    """A letter was not taken. `final`: it would not be taken another time either."""

    def __init__(self, detail: str, final: bool = False) -> None:
        super().__init__(detail)
        self.final = final


class Mailer(Protocol):
    def send(self, message: EmailMessage) -> None:
        """Returns when the letter is in others' hands. Raises `MailError`."""


class Files:
    """Each letter becomes a file ``<time-ordered id>.eml`` that only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: EmailMessage) -> None:
        name = f"{uuid7()}.eml"
        partial = self.folder / f".{name}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(message.as_bytes(policy=SMTP))
                file.flush()
                os.fsync(file.fileno())
            partial.rename(self.folder / name)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise MailError(f"{self.folder} takes no file: {error.strerror}") from error


class Smtp:
    """A connection a letter. With "starttls" and "tls" the server's certificate must be good for its name."""

    def __init__(self, settings: Mail) -> None:
        self.settings = settings

    def send(self, message: EmailMessage) -> None:
        with _as_mail_error(), self._connected() as server:
            if self.settings.user is not None and self.settings.password is not None:
                server.login(self.settings.user, self.settings.password.get_secret_value())
            server.send_message(message)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        host, port, timeout_s = self.settings.host, self.settings.port, self.settings.timeout_s
        if self.settings.security == "tls":
            with smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=self._context()) as server:
                yield server
        else:
            with smtplib.SMTP(host, port, timeout=timeout_s) as server:
                if self.settings.security == "starttls":
                    server.starttls(context=self._context())  # raises where the server offers none
                yield server

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.settings.ca_file)


def mailer(settings: Mail, state_dir: Path) -> Mailer:
    """What the settings ask for."""
    return Smtp(settings) if settings.transport == "smtp" else Files(state_dir / "mail")


@contextmanager
def _as_mail_error() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as refused:
        codes = [code for code, _ in refused.recipients.values()]
        raise MailError(f"the recipient was refused: {codes}", final=all(code >= 500 for code in codes)) from None
    except smtplib.SMTPAuthenticationError as error:
        # Our settings are wrong, not the letter: they may be put right.
        raise MailError(f"the mail server refuses our user: {error.smtp_code}") from None
    except smtplib.SMTPResponseException as error:
        text = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise MailError(
            f"{error.smtp_code} {text}", final=isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        raise MailError(f"{type(error).__name__}: {error}") from None
