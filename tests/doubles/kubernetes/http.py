"""HTTPS in threads of the test's process: client certificates, JSON, streams, and a record of every request."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.doubles.kubernetes import exec
from tests.doubles.kubernetes.errors import Refusal
from tests.doubles.kubernetes.faults import Cut, Faults, refusal
from tests.doubles.kubernetes.messages import Answer, Request

_PUBLIC = ("/healthz", "/readyz", "/livez", "/version")


@dataclass(frozen=True)
class Recorded:
    """One request as it came. ``changed``: it wrote something that differs from what was there."""

    method: str
    path: str
    query: str
    user_agent: str
    user: str
    bytes: int
    code: int
    changed: bool
    seconds: float


@dataclass
class Serving:
    """What the handler needs of the server it belongs to."""

    answer: Callable[[Request], Answer]
    version: Callable[[], int]
    record: Callable[[Recorded], None]
    faults: Faults
    execute: Callable[[exec.Call], exec.Ended]
    pod: Callable[[str, str], Any]


class Listener(ThreadingHTTPServer):
    """Listens on one address with TLS. The handshake is made in the connection's thread."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: str, port: int, context: ssl.SSLContext, serving: Serving) -> None:
        self.context = context
        self.serving = serving
        self.ending = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((address, port), Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="kubernetes", daemon=True)
        self._thread.start()

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients come and go."""

    def stop(self) -> None:
        """No connection is left, and the port is free."""
        self.ending.set()
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in list(self._open):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def setup(self) -> None:
        raw = self.request
        raw.settimeout(30)
        self.server.opened(raw)
        self.raw = raw
        self.request = self.server.context.wrap_socket(raw, server_side=True)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.opened(self.request)
        self.request.settimeout(None)
        super().setup()

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        self.server.closed(self.request)
        self.server.closed(self.raw)

    def handle(self) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, Cut):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are recorded, not printed."""

    def _do(self) -> None:
        began = time.monotonic()
        serving = self.server.serving
        body = self._read_body()
        parts = urlsplit(self.path)
        before = serving.version()
        user, groups = self._user()
        code = 0
        try:
            fault = serving.faults.met(self.command, self.path)
            if fault:
                self.server.ending.wait(fault.delay_s)
                if fault.code is not None:
                    raise refusal(fault)
            self._authorise(user, groups, parts.path)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if call := exec.wanted(self.path):
                exec.checked(call, serving.pod(call.namespace, call.pod))
                self.close_connection = True
                opened = exec.handshake(headers)
                serving.record(Recorded(self.command, parts.path, "", "", user, 0, 101, False, 0.0))
                self._exec(opened, call, "stdin" in query)
                return
            answer = serving.answer(Request(self.command, parts.path, query, headers, body))
            code = answer.code
            changed = self.command != "GET" and serving.version() != before
        except Refusal as refused:
            answer = Answer(refused.code, refused.status, headers=_retry_after(refused))
            code, changed = refused.code, False
        finally:
            if not code:
                self.close_connection = True
        serving.record(
            Recorded(
                self.command,
                parts.path,
                parts.query,
                self.headers.get("User-Agent", ""),
                user,
                len(body),
                code,
                changed,
                time.monotonic() - began,
            )
        )
        self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _do

    def _exec(self, opened: bytes, call: exec.Call, stdin: bool) -> None:
        self.wfile.write(opened)
        self.wfile.flush()
        with contextlib.suppress(EOFError):
            exec.spoken(call, self.server.serving.execute, stdin, self.rfile, self.wfile.write)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _user(self) -> tuple[str, list[str]]:
        """(common name, organisations) of the client's certificate."""
        certificate: Any = self.request.getpeercert() or {}
        parts = [part for relative in certificate.get("subject", ()) for part in relative]
        name = next((value for key, value in parts if key == "commonName"), "")
        return name, [value for key, value in parts if key == "organizationName"]

    def _authorise(self, user: str, groups: list[str], path: str) -> None:
        if not user and path.rstrip("/") not in _PUBLIC:
            raise Refusal(401, "Unauthorized", "Unauthorized")
        allowed = {"system:masters", "kubeadm:cluster-admins"} & set(groups)
        if user and not allowed and (self.command != "GET" or "system:nodes" not in groups):
            raise Refusal(403, "Forbidden", f'forbidden: User "{user}" cannot {self.command.lower()} path "{path}"')

    def _send(self, answer: Answer) -> None:
        if answer.stream is not None:
            self._send_stream(answer.stream)
            return
        if answer.content is not None:
            content, kind = answer.content, "application/octet-stream"
        elif answer.text is not None:
            content, kind = answer.text.encode(), "text/plain; charset=utf-8"
        else:
            content, kind = json.dumps(answer.value).encode() + b"\n", "application/json"
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.headers.get("Content-Type", kind))
        for name, value in answer.headers.items():
            if name != "Content-Type":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_stream(self, events: Iterator[Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for event in events:
            if event is None:
                if self._gone():
                    return
                continue
            content = json.dumps(event).encode() + b"\n"
            self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _gone(self) -> bool:
        """Whether the client has hung up, so that no thread waits for who is not there."""
        self.request.settimeout(0.0)
        try:
            return bool(self.request.recv(1) == b"")
        except (ssl.SSLWantReadError, BlockingIOError):
            return False
        except OSError:
            return True
        finally:
            self.request.settimeout(None)


def _retry_after(refused: Refusal) -> dict[str, str]:
    return {} if refused.retry_after_s is None else {"Retry-After": str(refused.retry_after_s)}
