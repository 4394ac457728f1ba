"""One turn of a talk with a model: what was said and looked up so far, tools it may call, its words as they come.

https://platform.openai.com/docs/guides/function-calling and …/streaming-responses, over both APIs.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from openai import OpenAI

from services.kernel.openai.protocol import (
    CHARACTERS_PER_TOKEN,
    Api,
    Reply,
    ToolCall,
    chat_reply,
    reply_of,
    told,
    unbroken,
)
from services.kernel.openai.usage import ModelUnavailable, Tokens


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may ask for; ``parameters`` is a strict JSON schema."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What a person or the model has said."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call gave."""

    call_id: str
    text: str


Entry = Said | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Turn:
    """``begin`` is called before each try, ``hear`` with each piece of text. Without ``may_call`` no tool is called."""

    model: str
    system: str
    entries: tuple[Entry, ...]
    tools: tuple[Tool, ...]
    max_output_tokens: int
    begin: Callable[[], None]
    hear: Callable[[str], None]
    may_call: bool = True
    effort: str | None = None

    def at_most(self) -> Tokens:
        """What it can cost, counted on the safe side."""
        text = len(self.system) + len(str(self.entries)) + len(str(self.tools))
        return Tokens(int(text / CHARACTERS_PER_TOKEN), 0, self.max_output_tokens)


def take(client: OpenAI, turn: Turn, api: Api) -> Reply:
    """The whole reply, when its text has been heard. Raises what `services.kernel.openai.protocol.told` raises."""
    turn.begin()
    with told():
        return (_responses if api == "responses" else _chat)(client, turn)


def _responses(client: OpenAI, turn: Turn) -> Reply:
    request: dict[str, Any] = {
        "model": turn.model,
        "instructions": turn.system,
        "input": [_item(entry) for entry in turn.entries],
        "tools": [{"type": "function", **_described(tool), "strict": True} for tool in turn.tools],
        "tool_choice": "auto" if turn.may_call else "none",
        "max_output_tokens": turn.max_output_tokens,
        "store": False,
    }
    if turn.effort:
        request["reasoning"] = {"effort": turn.effort}
    with closing(client.responses.create(**request, stream=True)) as stream:
        for event in unbroken(stream):
            if event.type == "response.output_text.delta":
                turn.hear(event.delta)
            elif event.type in ("response.completed", "response.incomplete", "response.failed"):
                return reply_of(event.response)
            elif event.type == "error":
                raise ModelUnavailable("server_error", str(event.message))
    raise ModelUnavailable("cut", "the stream ended before the reply was complete")


def _item(entry: Entry) -> dict[str, Any]:
    match entry:
        case Said("user", text):
            return {"role": "user", "content": [{"type": "input_text", "text": text}]}
        case Said(_, text):
            return {"role": "assistant", "content": text}
        case ToolCall(call_id, name, arguments):
            return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
        case ToolResult(call_id, text):
            return {"type": "function_call_output", "call_id": call_id, "output": text}


def _described(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def _chat(client: OpenAI, turn: Turn) -> Reply:
    request: dict[str, Any] = {
        "model": turn.model,
        "messages": [{"role": "system", "content": turn.system}, *_messages(turn.entries)],
        "tools": [{"type": "function", "function": {**_described(tool), "strict": True}} for tool in turn.tools],
        "tool_choice": "auto" if turn.may_call else "none",
        "max_completion_tokens": turn.max_output_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if turn.effort:
        request["reasoning_effort"] = turn.effort
    with closing(client.chat.completions.create(**request)) as stream:
        return _chat_of(unbroken(stream), turn.hear)


def _messages(entries: tuple[Entry, ...]) -> Iterator[dict[str, Any]]:
    for calls, group in groupby(entries, lambda entry: isinstance(entry, ToolCall)):
        if calls:  # those of one reply stand in one message
            asked = [
                {"type": "function", "id": call.call_id, "function": {"name": call.name, "arguments": call.arguments}}
                for call in group
                if isinstance(call, ToolCall)
            ]
            yield {"role": "assistant", "content": None, "tool_calls": asked}
            continue
        for entry in group:
            if isinstance(entry, Said):
                yield {"role": entry.role, "content": entry.text}
            elif isinstance(entry, ToolResult):
                yield {"role": "tool", "tool_call_id": entry.call_id, "content": entry.text}


def _chat_of(chunks: Iterator[Any], hear: Callable[[str], None]) -> Reply:
    text: list[str] = []
    calls: dict[int, list[str]] = {}
    finish, refused, usage = None, False, None
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            if choice.delta.content:
                text.append(choice.delta.content)
                hear(choice.delta.content)
            for part in choice.delta.tool_calls or ():
                call = calls.setdefault(part.index, ["", "", ""])
                call[0] = part.id or call[0]
                call[1] += (part.function.name or "") if part.function else ""
                call[2] += (part.function.arguments or "") if part.function else ""
            refused = refused or bool(choice.delta.refusal)
            finish = choice.finish_reason or finish
    if finish is None:
        raise ModelUnavailable("cut", "the stream ended before the reply was complete")
    return chat_reply("".join(text), usage, finish, refused, tuple(ToolCall(*parts) for parts in calls.values()))
