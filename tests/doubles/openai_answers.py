"""What the model says, in the objects and events of the Responses protocol and of Chat Completions."""

import itertools
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from .openai_models import reasons
from .openai_requests import ModelRequest
from .openai_tools import Call
from .openai_usage import Usage

_DELTA_CHARACTERS = 12
Event = tuple[str | None, dict[str, Any]]
"""An event of a stream: its name (None in Chat Completions) and its data."""


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(24)}"


@dataclass(frozen=True)
class Completion:
    """A model's answer to a request: text, a refusal, or nothing when thinking used up the tokens."""

    text: str | None
    usage: Usage
    refusal: str | None = None
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    failed: bool = False
    calls: tuple[Call, ...] = ()
    created_s: int = field(default_factory=lambda: int(time.time()))

    @property
    def status(self) -> str:
        return "failed" if self.failed else "incomplete" if self.incomplete else "completed"


def _deltas(text: str) -> Iterator[str]:
    for start in range(0, len(text), _DELTA_CHARACTERS):
        yield text[start : start + _DELTA_CHARACTERS]


class ResponseAnswer:
    """One answer of the Responses protocol."""

    def __init__(self, request: ModelRequest, completion: Completion) -> None:
        self._request, self._completion = request, completion
        self._id, self._message_id = new_id("resp"), new_id("msg")
        self._reasoning = [{"id": new_id("rs"), "type": "reasoning", "summary": []}] if reasons(request.model) else []
        self._calls = [] if completion.incomplete else [_call_item(call) for call in completion.calls]

    def object(self) -> dict[str, Any]:
        """The finished response."""
        done = self._completion
        error = {"code": "server_error", "message": "The model failed to generate a response."}
        return {
            **self._begun(done.status),
            "completed_at": int(time.time()) if done.status == "completed" else None,
            "error": error if done.failed else None,
            "incomplete_details": {"reason": done.incomplete} if done.incomplete else None,
            "output": [] if done.failed else [*self._reasoning, *self._messages(), *self._calls],
            "usage": None if done.failed else done.usage.as_responses(),
        }

    def _begun(self, status: str) -> dict[str, Any]:
        body = self._request.body
        reasoning = body.get("reasoning") or {}
        text = body.get("text") or {}
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._completion.created_s,
            "status": status,
            "background": False,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "max_tool_calls": None,
            "metadata": body.get("metadata") or {},
            "model": self._request.model,
            "output": [],
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "previous_response_id": None,
            "prompt_cache_key": body.get("prompt_cache_key"),
            "reasoning": {"effort": reasoning.get("effort"), "summary": None},
            "safety_identifier": body.get("safety_identifier"),
            "service_tier": "default",
            "temperature": body.get("temperature", 1.0),
            "text": {
                "format": self._request.format or {"type": "text"},
                "verbosity": text.get("verbosity") or "medium",
            },
            "tool_choice": body.get("tool_choice") or "auto",
            "tools": body.get("tools") or [],
            "top_logprobs": 0,
            "top_p": body.get("top_p", 1.0),
            "truncation": body.get("truncation") or "disabled",
            "usage": None,
            "user": body.get("user"),
        }

    def _messages(self) -> list[dict[str, Any]]:
        part = self._part()
        if part is None:
            return []
        status = "incomplete" if self._completion.incomplete else "completed"
        return [{"id": self._message_id, "type": "message", "status": status, "role": "assistant", "content": [part]}]

    def _part(self) -> dict[str, Any] | None:
        if self._completion.refusal is not None:
            return {"type": "refusal", "refusal": self._completion.refusal}
        if self._completion.text is not None:
            return {"type": "output_text", "text": self._completion.text, "annotations": [], "logprobs": []}
        return None

    def events(self) -> Iterator[Event]:
        """All events of the stream in their order, numbered from 0."""
        for number, (name, data) in enumerate(self._events()):
            yield name, {"type": name, "sequence_number": number, **data}

    def _events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "response.created", {"response": self._begun("in_progress")}
        yield "response.in_progress", {"response": self._begun("in_progress")}
        if not self._completion.failed:
            for index, item in enumerate(self._reasoning):
                yield "response.output_item.added", {"output_index": index, "item": item}
                yield "response.output_item.done", {"output_index": index, "item": item}
            for message in self._messages():
                yield from self._message_events(message, len(self._reasoning))
            for index, call in enumerate(self._calls, len(self._reasoning) + len(self._messages())):
                yield from _call_events(call, index)
        yield f"response.{self._completion.status}", {"response": self.object()}

    def _message_events(self, message: dict[str, Any], index: int) -> Iterator[tuple[str, dict[str, Any]]]:
        part = message["content"][0]
        kind, text_key = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
        logprobs: dict[str, Any] = {"logprobs": []} if kind == "output_text" else {}
        at_item = {"output_index": index}
        at_part = {"item_id": message["id"], "output_index": index, "content_index": 0}
        begun = {**message, "status": "in_progress", "content": []}
        yield "response.output_item.added", {**at_item, "item": begun}
        yield "response.content_part.added", {**at_part, "part": {**part, text_key: ""}}
        for delta in _deltas(part[text_key]):
            yield f"response.{kind}.delta", {**at_part, "delta": delta, **logprobs}
        yield f"response.{kind}.done", {**at_part, text_key: part[text_key], **logprobs}
        yield "response.content_part.done", {**at_part, "part": part}
        yield "response.output_item.done", {**at_item, "item": message}


def _call_item(call: Call) -> dict[str, Any]:
    named = {"call_id": call.call_id, "name": call.name, "arguments": call.text}
    return {"id": new_id("fc"), "type": "function_call", "status": "completed", **named}


def _call_events(item: dict[str, Any], index: int) -> Iterator[tuple[str, dict[str, Any]]]:
    at_item = {"item_id": item["id"], "output_index": index}
    begun = {**item, "status": "in_progress", "arguments": ""}
    yield "response.output_item.added", {"output_index": index, "item": begun}
    for delta in _deltas(item["arguments"]):
        yield "response.function_call_arguments.delta", {**at_item, "delta": delta}
    done = {**at_item, "name": item["name"], "arguments": item["arguments"]}
    yield "response.function_call_arguments.done", done
    yield "response.output_item.done", {"output_index": index, "item": item}


class ChatAnswer:
    """One answer of Chat Completions."""

    def __init__(self, request: ModelRequest, completion: Completion) -> None:
        self._request, self._completion = request, completion
        self._id = f"chatcmpl-{secrets.token_hex(14)}"

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._completion.created_s,
            "model": self._request.model,
            "service_tier": "default",
            "system_fingerprint": None,
        }

    @property
    def _finish_reason(self) -> str:
        if self._completion.calls and not self._completion.incomplete:
            return "tool_calls"
        names = {"max_output_tokens": "length", "content_filter": "content_filter", None: "stop"}
        return names[self._completion.incomplete]

    @property
    def _calls(self) -> list[dict[str, Any]]:
        return [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.text}}
            for call in self._completion.calls
        ]

    def object(self) -> dict[str, Any]:
        done = self._completion
        content = None if done.refusal is not None or (done.calls and not done.text) else done.text or ""
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": done.refusal, "annotations": []}
        if self._calls:
            message["tool_calls"] = self._calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish_reason}
        return {**self._envelope("chat.completion"), "choices": [choice], "usage": done.usage.as_chat()}

    def events(self) -> Iterator[Event]:
        """The chunks of the stream; the closing ``[DONE]`` is not one of them."""
        usage: dict[str, Any] = {"usage": None} if self._request.include_usage else {}
        done = self._completion
        key, text = ("refusal", done.refusal) if done.refusal is not None else ("content", done.text or "")
        begin = {"role": "assistant", "content": None if key == "refusal" else "", "refusal": None}
        said = ({key: delta} for delta in _deltas(text))
        deltas = itertools.chain([begin], said, *(_call_deltas(*call) for call in enumerate(self._calls)))
        for delta in deltas:
            yield None, self._chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}], usage)
        last = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": self._finish_reason}
        yield None, self._chunk([last], usage)
        if usage:
            yield None, self._chunk([], {"usage": done.usage.as_chat()})

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any]) -> dict[str, Any]:
        return {**self._envelope("chat.completion.chunk"), "choices": choices, **usage}


def _call_deltas(index: int, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The name comes first, then the arguments in pieces, which bear the index alone."""
    begun = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
    yield {"tool_calls": [begun]}
    for delta in _deltas(call["function"]["arguments"]):
        yield {"tool_calls": [{"index": index, "function": {"arguments": delta}}]}


Answer = ResponseAnswer | ChatAnswer


def answer(request: ModelRequest, completion: Completion) -> Answer:
    return ResponseAnswer(request, completion) if request.endpoint == "responses" else ChatAnswer(request, completion)
