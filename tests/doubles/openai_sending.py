"""Puts answers on the wire: whole, as server-sent events, or broken off where a fault says so."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from .openai_answers import Answer, Event, new_id
from .openai_errors import ApiError
from .openai_faults import Fault
from .openai_http import Exchange
from .openai_requests import ModelRequest
from .openai_state import RecordedRequest

_PROXY_HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center></body>\r\n</html>\r\n"
_PROXY_ERRORS = {502: "502 Bad Gateway", 504: "504 Gateway Time-out"}
_STREAM_ERROR = {"type": "server_error", "code": "server_error", "message": "The server had an error.", "param": None}
_NO_RESPONSE = {"message": "hello"}


class Sender:
    """Answers one exchange and notes the status in its record."""

    def __init__(self, exchange: Exchange, record: RecordedRequest) -> None:
        self._exchange, self._record = exchange, record

    async def json(self, body: Mapping[str, Any], fault: Fault | None = None) -> None:
        text = json.dumps(body, ensure_ascii=False)
        if fault and fault.kind == "malformed_json":
            text = text[: len(text) * 2 // 3]
        if fault and fault.kind == "not_a_response":
            text = json.dumps(_NO_RESPONSE)
        await self._whole(200, "application/json", text, fault)

    async def error(self, error: ApiError) -> None:
        if error.status in _PROXY_ERRORS:
            return await self._whole(error.status, "text/html", _PROXY_HTML.format(_PROXY_ERRORS[error.status]))
        await self._whole(error.status, "application/json", json.dumps(error.body()), more=error.headers)

    async def stream(self, said: Answer, request: ModelRequest, fault: Fault | None, wait_s: float) -> None:
        """Send the answer's events; `wait_s` seconds pass before the model's first word."""
        # The service acknowledges a response at once; a chat's first chunk is its first word.
        at_once = 2 if request.endpoint == "responses" else 0
        frames, cut = _frames(said, request, fault, at_once)
        self._record.status = 200
        await self._exchange.begin(200, self._headers("text/event-stream; charset=utf-8"), None)
        for number, frame in enumerate(frames):
            if number == at_once:
                await asyncio.sleep(wait_s)
            if number == cut:
                await self._exchange.write(frame[: len(frame) // 2])
                return self._exchange.abort()
            await self._drip(frame, fault)
        await self._exchange.end()

    async def _whole(
        self,
        status: int,
        content_type: str,
        text: str,
        fault: Fault | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self._record.status = status
        data = text.encode()
        await self._exchange.begin(status, {**self._headers(content_type), **(more or {})}, len(data))
        if fault and fault.kind in ("body_cut", "stream_cut"):
            await self._exchange.write(data[: int(len(data) * fault.fraction)])
            return self._exchange.abort()
        await self._drip(data, fault)
        await self._exchange.end()

    async def _drip(self, data: bytes, fault: Fault | None) -> None:
        if fault is None or fault.kind != "slow_drip":
            return await self._exchange.write(data)
        for start in range(0, len(data), fault.chunk_bytes):
            await self._exchange.write(data[start : start + fault.chunk_bytes])
            await asyncio.sleep(fault.pause_s)

    def _headers(self, content_type: str) -> dict[str, str]:
        headers = {
            "Content-Type": content_type,
            "x-request-id": new_id("req"),
            "openai-version": "2020-10-01",
            "openai-processing-ms": f"{(time.monotonic() - self._record.began_s) * 1000:.0f}",
        }
        if organization := self._record.headers.get("openai-organization"):
            headers["openai-organization"] = organization
        return headers


def _frame(event: Event) -> bytes:
    name, data = event
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def _frames(said: Answer, request: ModelRequest, fault: Fault | None, at_once: int) -> tuple[list[bytes], int | None]:
    """The bytes of each event, and the number of the one in whose middle the connection is to break."""
    frames = [_frame(event) for event in said.events()]
    last = len(frames) - 1
    chat = request.endpoint == "chat"
    done = [b"data: [DONE]\n\n"] if chat else []
    match fault.kind if fault else None, fault:
        case "malformed_json", _:
            return [*frames[:at_once], b'data: {"type": "respo\n\n', *done], None
        case "not_a_response", _:
            return [*frames[:at_once], _frame((None, _NO_RESPONSE)), *done], None
        case "stream_error", Fault(events=events):
            number = min(events, last)
            error = {**_STREAM_ERROR, "type": "error", "sequence_number": number}
            broken = _frame((None, {"error": _STREAM_ERROR}) if chat else ("error", error))
            return [*frames[:number], broken], None
        case "stream_cut", Fault(events=events):
            return frames, min(events, last)
        case "body_cut", Fault(fraction=fraction):
            return frames, min(int(len(frames) * fraction), last)
    return [*frames, *done], None
