"""The world outside of AWS, as far as the checks ask it: a proxy that answers for its hosts itself, over TLS.

What is checked goes out by HTTPS to names that a test may not reach. ``HTTPS_PROXY`` leads here, and ``SSL_CERT_FILE``
makes its certificate believed; the program notices nothing. A host that nobody answers for is unreachable.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

CHECKIP, RESOLVER, REGISTRY = "checkip.amazonaws.com", "dns.google", "ghcr.io"
Answer = tuple[int, dict[str, str], str]
Handler = Callable[[str, str, dict[str, str]], Answer]


class Outside:
    """Answers for hosts while inside; `environment` leads a process here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.hosts: dict[str, Handler] = {}
        self.asked: list[str] = []
        self._certificate()

    def __enter__(self) -> Outside:
        outside = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "outside.pem")

        class Proxy(_Proxy):
            pass

        Proxy.outside, Proxy.context = outside, context
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self._server.server_port}",
            "NO_PROXY": "127.0.0.0/8,127.0.0.1,localhost",
            "SSL_CERT_FILE": str(self._folder / "outside.pem"),
        }

    def operator_is(self, address: str) -> None:
        self.hosts[CHECKIP] = lambda method, path, headers: (200, {}, f"{address}\n")

    def resolves(self, records: dict[tuple[str, str], list[str]]) -> None:
        """(name, kind) -> what the world is told; a name that is not there does not exist."""
        numbers = {"NS": 2, "CAA": 257}

        def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
            query = parse_qs(urlsplit(path).query)
            name, kind = query["name"][0], query["type"][0]
            found = [
                {"name": f"{name}.", "type": numbers[kind], "data": data} for data in records.get((name, kind), [])
            ]
            status = 0 if any(known == name for known, _ in records) else 3
            return 200, {"content-type": "application/json"}, json.dumps({"Status": status, "Answer": found})

        self.hosts[RESOLVER] = answer

    def registry_has(self, *images: str, token: str | None = None) -> None:
        """``owner/name:tag`` for everybody, or for who shows the token; asked in the registry protocol's two steps."""

        def answer(method: str, path: str, headers: dict[str, str]) -> Answer:
            if path.startswith("/token"):
                is_known = token is None or headers.get("authorization", "").startswith("Basic ")
                return (200, {}, json.dumps({"token": "pass"})) if is_known else (403, {}, "{}")
            if headers.get("authorization") != "Bearer pass":
                realm = f'Bearer realm="https://{REGISTRY}/token",service="{REGISTRY}",scope="repository:x:pull"'
                return 401, {"www-authenticate": realm}, ""
            _, _, rest = path.partition("/v2/")
            repository, _, tag = rest.partition("/manifests/")
            return (200 if f"{repository}:{tag}" in images else 404), {}, ""

        self.hosts[REGISTRY] = answer

    def _certificate(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "outside")])
        hosts = x509.SubjectAlternativeName([x509.DNSName(host) for host in (CHECKIP, RESOLVER, REGISTRY)])
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(hosts, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self._folder / "outside.pem").write_bytes(built.public_bytes(Encoding.PEM) + private)


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    outside: Outside
    context: ssl.SSLContext

    def do_CONNECT(self) -> None:
        self._host = self.path.partition(":")[0]
        if self._host not in self.outside.hosts:
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")  # type: ignore[assignment]

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.outside.asked.append(f"{self._host}{self.path}")
        status, more, text = self.outside.hosts[self._host](self.command, self.path, headers)
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())
        self.wfile.flush()

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""
