"""HTTP/1.1 over asyncio, parsed and written by h11. Knows nothing of OpenAI.

An `Exchange` gives its handler what an ordinary web framework hides: it can stop in the middle of a body, and its task
is cancelled when the client goes away.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import h11

MAX_BODY_BYTES = 64 * 2**20


@dataclass(frozen=True)
class HttpRequest:
    """A request without its body. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


class Exchange:
    """One request and the answer to it: `begin`, any number of `write`, `end`; or `abort` at any point."""

    def __init__(self, connection: "Connection", request: HttpRequest, body: bytes) -> None:
        self.request = request
        self._connection, self._body = connection, body

    def take_body(self) -> bytes:
        """The request's body, once: a slow answer need not keep a megabyte."""
        body, self._body = self._body, b""
        return body

    async def begin(self, status: int, headers: Mapping[str, str], length: int | None) -> None:
        """Send status and headers. `length` is the body's length in bytes, None for chunks until `end`."""
        framing = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length))
        await self._connection.send(h11.Response(status_code=status, headers=[*headers.items(), framing]))

    async def write(self, data: bytes) -> None:
        await self._connection.send(h11.Data(data=data))

    async def end(self) -> None:
        await self._connection.send(h11.EndOfMessage())

    def abort(self) -> None:
        """Close the connection after what was written, whatever was promised."""
        self._connection.close()

    async def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        await self.begin(status, headers, len(body))
        await self.write(body)
        await self.end()


Handler = Callable[[Exchange], Awaitable[None]]


class Connection(asyncio.Protocol):
    """A client's connection, kept alive from one request to the next. Requests on it are answered in turn."""

    def __init__(self, handler: Handler, opened: set["Connection"]) -> None:
        self._handler = handler
        self._opened = opened
        self._http = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._answering: asyncio.Task[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._opened.discard(self)
        self._may_write.set()
        if self._answering:
            self._answering.cancel()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._read()

    def close(self) -> None:
        self._transport.close()

    async def send(self, event: Any) -> None:
        data = self._http.send(event)
        if data:
            self._transport.write(data)
            await self._may_write.wait()

    def _read(self) -> None:
        """Take what has arrived; start the handler when a request is whole."""
        while self._answering is None and not self._transport.is_closing():
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                return self.close()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                if self._http.they_are_waiting_for_100_continue:
                    self._transport.write(
                        self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
                    )
                return None
            if isinstance(event, h11.ConnectionClosed):
                return self.close()
            if isinstance(event, h11.Request):
                self._request, self._body = event, bytearray()
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > MAX_BODY_BYTES:
                    return self.close()
            elif isinstance(event, h11.EndOfMessage):
                self._answering = asyncio.get_running_loop().create_task(self._answer())
        return None

    async def _answer(self) -> None:
        assert self._request is not None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._request.headers}
        path = self._request.target.decode("latin-1").partition("?")[0]
        request = HttpRequest(self._request.method.decode("ascii"), path, headers)
        exchange = Exchange(self, request, bytes(self._body))
        self._body = bytearray()
        try:
            await self._handler(exchange)
        except BaseException:
            self.close()
            raise
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._answering = None
            self._read()
        else:
            self.close()


async def serve(handler: Handler, listening: Any, until: asyncio.Event) -> None:
    """Answer on the bound socket `listening` until the event is set; then drop every connection."""
    opened: set[Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler, opened), sock=listening, backlog=1024)
    await until.wait()
    server.close()
    for connection in tuple(opened):
        connection.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
