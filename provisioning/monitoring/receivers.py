"""Who hears of alerts: Slack and e-mail, as the operator gives them by three variables of the environment.

Only what is secret is kept from the configuration: the webhook's address and the mail server's password. They stand in
one Secret, which Alertmanager reads as files; what else is needed to write the configuration again stands beside them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from provisioning.run import ExitCode, RunError

SLACK = "ECO2_SLACK_WEBHOOK_URL"
SMTP = "ECO2_ALERT_SMTP_URL"
EMAIL_TO = "ECO2_ALERT_EMAIL_TO"
VARIABLES = (SLACK, SMTP, EMAIL_TO)

# The Secret, and its keys. The first two are files that Alertmanager reads.
SECRET = "alert-receivers"  # noqa: S105 - a Secret's name
SLACK_KEY, PASSWORD_KEY = "slack-url", "smtp-password"
_SMARTHOST, _USERNAME, _SENDER, _TO = "smtp-smarthost", "smtp-username", "email-from", "email-to"

_EXAMPLE = "smtp://user:password@host:587"
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


class ReceiversRefused(RunError):
    """A variable that says who hears of alerts cannot be used. The message names it and never its content."""

    code = "E-ALERT-RECEIVERS"
    exit_code = ExitCode.CONFIGURATION
    cause = "An address was pasted in part, or a character of the password is not percent-encoded."
    remedy = (
        "Export ECO2_SLACK_WEBHOOK_URL=https://hooks.slack.com/services/…; for e-mail "
        "ECO2_ALERT_SMTP_URL=smtp://user:password@host:587 and ECO2_ALERT_EMAIL_TO=somebody@example.com"
    )


@dataclass(frozen=True)
class Email:
    """Mail over SMTP with STARTTLS, or with TLS from the start at port 465. ``to`` are addresses with commas between;
    without a username the server is asked without a login."""

    smarthost: str
    sender: str
    to: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Receivers:
    """Who hears of alerts. Nobody, where neither is given: then alerts show in Alertmanager and Grafana alone."""

    slack_url: str = field(default="", repr=False)
    email: Email | None = None

    def __bool__(self) -> bool:
        return bool(self.slack_url or self.email)

    @property
    def secrets(self) -> list[str]:
        """What no log may show."""
        return [each for each in (self.slack_url, self.email.password if self.email else "") if each]

    @classmethod
    def given(cls, environment: Mapping[str, str]) -> Receivers:
        """Those of the environment. Raises `ReceiversRefused`."""
        slack = environment.get(SLACK, "").strip()
        server, to = environment.get(SMTP, "").strip(), environment.get(EMAIL_TO, "").strip()
        if slack:
            _check_slack(slack)
        if to and not server:
            raise ReceiversRefused(f"{EMAIL_TO} is given, and {SMTP} is not: nobody would send the mail")
        return cls(slack, _email(server, to) if server else None)

    @classmethod
    def kept(cls, content: Mapping[str, str]) -> Receivers:
        """Those of the Secret that an earlier run has made: `content` read back."""
        if not content.get(_SMARTHOST):
            return cls(content.get(SLACK_KEY, ""))
        words = (content[_SMARTHOST], content.get(_SENDER, ""), content.get(_TO, ""))
        return cls(content.get(SLACK_KEY, ""), Email(*words, content.get(_USERNAME, ""), content.get(PASSWORD_KEY, "")))

    def content(self) -> dict[str, str]:
        """Of the Secret; a key for what there is."""
        found = {SLACK_KEY: self.slack_url}
        if self.email:
            found |= {_SMARTHOST: self.email.smarthost, _SENDER: self.email.sender, _TO: self.email.to}
            found |= {_USERNAME: self.email.username, PASSWORD_KEY: self.email.password}
        return {key: value for key, value in found.items() if value}


NOBODY = Receivers()


def _check_slack(url: str) -> None:
    parts = _split(SLACK, url)
    if parts.scheme != "https" or not parts.hostname or parts.path in ("", "/") or re.search(r"\s", url):
        raise ReceiversRefused(f"{SLACK} is no address of a webhook: it begins with https:// and has a path")


def _email(server: str, to: str) -> Email:
    parts = _split(SMTP, server)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/"):
        raise ReceiversRefused(f"{SMTP} is no address of a mail server: it looks like {_EXAMPLE}")
    port = _port(parts) or (465 if parts.scheme == "smtps" else 587)
    if parts.scheme == "smtps" and port != 465:
        raise ReceiversRefused(f"{SMTP}: TLS from the start is spoken at port 465 alone; for port {port} write smtp://")
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(username) != bool(password):
        raise ReceiversRefused(f"{SMTP} has only one of user and password: it looks like {_EXAMPLE}")
    recipients = [each.strip() for each in to.split(",") if each.strip()]
    if not recipients:
        raise ReceiversRefused(f"{EMAIL_TO} is not given: {SMTP} alone does not say who gets the mail")
    for each in recipients:
        _check_address(EMAIL_TO, each)
    # Many servers want a name for a user that is no address, and then an address that they know as the sender.
    [sender] = parse_qs(parts.query).get("from", [username])[:1]
    if not _ADDRESS.fullmatch(parseaddr(sender)[1]):
        raise ReceiversRefused(f"{SMTP}: its user is no address, so say who sends: {_EXAMPLE}?from=alerts@example.com")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Email(f"{host}:{port}", sender, ", ".join(recipients), username, password)


def _check_address(variable: str, address: str) -> None:
    if not _ADDRESS.fullmatch(address):
        raise ReceiversRefused(f"{variable}: {address!r} is no address of a mailbox")


def _split(variable: str, url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise ReceiversRefused(f"{variable} is no address") from None


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ReceiversRefused(f"{SMTP}: its port is no number from 1 to 65535") from None
