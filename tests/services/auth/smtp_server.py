"""A mail server for tests: ``python -m tests.services.auth.smtp_server FOLDER SECURITY [CERT KEY]``.

Keeps each letter it takes in FOLDER. SECURITY is none, starttls or tls. Wants the user ``mailer`` with the password
``mail secret`` where there is TLS. Recipients ``gone-*`` are refused for good, ``later-*`` for now, and what is sent to
``hang-*`` gets no answer. Its first line is its port.
"""

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Letters:
    """Takes letters, or not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address.startswith("gone-"):
            return "550 5.1.1 nobody has this address"
        if address.startswith("later-"):
            return "451 4.3.0 try again later"
        if address.startswith("hang-"):
            await asyncio.sleep(60)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        number = len(list(self.folder.glob("*.eml")))
        encrypted = server.transport.get_extra_info("ssl_object") is not None
        sender = f"X-Envelope-From: {envelope.mail_from}\r\nX-TLS: {encrypted}\r\n".encode()
        (self.folder / f"{number:04}.eml").write_bytes(sender + envelope.content)
        return "250 taken"


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, told: Any) -> AuthResult:
    right = isinstance(told, LoginPassword) and (told.login, told.password) == (b"mailer", b"mail secret")
    return AuthResult(success=right)


def main(folder: str, security: str, *certificate: str) -> None:
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    loop = asyncio.new_event_loop()

    def serve() -> SMTP:
        return SMTP(
            Letters(Path(folder)),
            tls_context=context if security == "starttls" else None,
            require_starttls=security == "starttls",
            authenticator=authenticate,
            auth_required=security != "none",
            auth_require_tls=security == "starttls",
            loop=loop,
        )

    listening = loop.create_server(serve, "127.0.0.1", 0, ssl=context if security == "tls" else None)
    server = loop.run_until_complete(listening)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop.run_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
