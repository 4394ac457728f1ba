"""Debian's Alertmanager with our configuration, and whom it tells: a webhook of Slack's and a mail server, over TLS.

All of it on loopback. The certificate is believed because ``SSL_CERT_FILE`` names it, as any other would be.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from provisioning.monitoring.alertmanager import MESSAGES, configuration
from provisioning.monitoring.receivers import PASSWORD_KEY, SLACK_KEY, Receivers

PATH = "/services/T0/B0/the-webhooks-own-secret"
USER, PASSWORD = "alerts@eco2.example", "the mail server's pass/word"
_WITHIN_S = 20.0

Values = dict[str, Any]


def certificate(folder: Path) -> Path:
    """One file with a key and a certificate for localhost that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "localhost.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(built.public_bytes(Encoding.PEM) + private)
    return file


class Slack:
    """An incoming webhook over HTTPS. ``messages`` are the bodies that were posted to the right address."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.messages: list[Values] = []
        self.refused: list[str] = []
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                right = self.path == PATH
                if right:
                    slack.messages.append(json.loads(body))
                else:
                    slack.refused.append(self.path)
                said = b"ok" if right else b"no_service"
                self.send_response(200 if right else 404)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_address[1]}{PATH}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def titles(self) -> list[str]:
        return [message["attachments"][0]["title"] for message in list(self.messages)]


class MailServer:
    """Takes mail after STARTTLS and a login, and from nobody else."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.mails: list[Message] = []
        port = free_port()
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=port,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            # Its LOGIN asks in words that no other server uses.
            auth_exclude_mechanism=["LOGIN"],
            authenticator=self._knows,
        )
        self._controller.start()
        self.port = port

    def _knows(self, server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right)

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"

    def close(self) -> None:
        self._controller.stop()

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in list(self.mails)]


@dataclass
class Programs:
    alertmanager: Path
    amtool: Path


class Alerting:
    """A context manager: Alertmanager, Slack and the mail server. What takes minutes by the configuration takes parts
    of a second here; nothing else of it is changed."""

    def __init__(self, programs: Programs, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._stack = ExitStack()
        self.log = folder / "alertmanager.log"

    def __enter__(self) -> Alerting:
        file = certificate(self._folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        self.slack, self.mail = Slack(context), MailServer(context)
        self._stack.callback(self.slack.close)
        self._stack.callback(self.mail.close)
        port = free_port()
        self._api = f"http://127.0.0.1:{port}/api/v2"
        words = [
            str(self._programs.alertmanager),
            f"--config.file={self._configured()}",
            f"--storage.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.external-url=https://alerts.example",
            "--cluster.listen-address=",
        ]
        process = subprocess.Popen(
            words,
            stdout=subprocess.DEVNULL,
            stderr=self._stack.enter_context(self.log.open("wb")),
            env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(file)},
        )
        self._stack.callback(process.wait, 10)
        self._stack.callback(process.terminate)
        until(self._answers, "Alertmanager does not answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _configured(self) -> Path:
        login = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"
        given = {
            "ECO2_SLACK_WEBHOOK_URL": self.slack.url,
            "ECO2_ALERT_SMTP_URL": f"smtp://{login}@localhost:{self.mail.port}",
            "ECO2_ALERT_EMAIL_TO": "on-call@eco2.example, second@eco2.example",
        }
        receivers = Receivers.given(given)
        secrets = self._folder / "secrets"
        secrets.mkdir()
        for key, value in receivers.content().items():
            if key in (SLACK_KEY, PASSWORD_KEY):
                (secrets / key).write_text(value)
        (self._folder / "eco2.tmpl").write_text(MESSAGES.read_text())
        said = configuration(receivers, str(secrets), str(self._folder / "*.tmpl"))
        said["route"] |= {"group_wait": "1s", "group_interval": "1s"}
        file = self._folder / "alertmanager.yaml"
        file.write_text(yaml.safe_dump(said))
        return file

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._api}/status", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def fire(self, *alerts: Values, ended: bool = False) -> None:
        """Sends alerts as Prometheus does: their labels, and under "annotations" what they say."""
        now = datetime.now(UTC)
        ends = now - timedelta(seconds=1) if ended else now + timedelta(minutes=5)
        body = [
            {
                "labels": {name: value for name, value in alert.items() if name != "annotations"},
                "annotations": alert.get("annotations", {}),
                "startsAt": (now - timedelta(minutes=2)).isoformat(),
                "endsAt": ends.isoformat(),
            }
            for alert in alerts
        ]
        request = urllib.request.Request(
            f"{self._api}/alerts", json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200

    def shown(self) -> dict[str, str]:
        """Alert -> active or suppressed, as Alertmanager's page shows them."""
        with urllib.request.urlopen(f"{self._api}/alerts", timeout=5) as answer:
            return {each["labels"]["alertname"]: each["status"]["state"] for each in json.load(answer)}

    def told(self, title: str) -> Sequence[Values]:
        """What Slack was told under this title."""
        return [each for each in list(self.slack.messages) if each["attachments"][0]["title"] == title]


def until(happens: Callable[[], Any], otherwise: str) -> None:
    end = time.monotonic() + _WITHIN_S
    while not happens():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
