"""One question to a model and its reply, over the Responses or the Chat Completions API.

https://platform.openai.com/docs/api-reference/responses and …/chat. Long replies are streamed, so that the time of each
piece is bounded; all are taken only when their end has come.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import openai
from openai import OpenAI

from services.kernel.openai.usage import ModelUnavailable, Tokens

Api = Literal["responses", "chat"]

CHARACTERS_PER_TOKEN = 2.0
"""On the safe side: English has about four, Korean between one and two."""
IMAGE_TOKENS = {"low": 300, "high": 2500, "auto": 2500}
"""More than the models that can be chosen count for a picture of ``image_side_px``."""


@dataclass(frozen=True, slots=True)
class Question:
    """``schema`` is the reply's strict JSON schema, ``image`` a ``data:`` URL; ``effort`` is for models that reason.

    To ``stream`` a reply costs more of our processor, for each of its pieces.
    """

    model: str
    system: str
    user: str
    name: str
    schema: dict[str, Any]
    max_output_tokens: int
    image: str | None = None
    detail: Literal["low", "high", "auto"] = "low"
    effort: str | None = None
    stream: bool = False

    def at_most(self) -> Tokens:
        """What it can cost, counted on the safe side."""
        text = len(self.system) + len(self.user) + len(str(self.schema))
        image = IMAGE_TOKENS[self.detail] if self.image else 0
        return Tokens(int(text / CHARACTERS_PER_TOKEN) + image, 0, self.max_output_tokens)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called; ``arguments`` is its own text, JSON if all is well."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """``fault`` is why the text is of no use though it was paid for: ``refused``, ``incomplete``; else None."""

    text: str
    tokens: Tokens | None
    fault: str | None = None
    calls: tuple[ToolCall, ...] = ()


def ask(client: OpenAI, question: Question, api: Api) -> Reply:
    """The reply to a question. Raises what `told` raises."""
    with told():
        return (_responses if api == "responses" else _chat)(client, question)


@contextmanager
def told() -> Iterator[None]:
    """Raises `ModelUnavailable` (``timeout``, ``connection``, ``cut``, ``rate_limited``, ``quota``, ``server_error``,
    ``rejected``, ``malformed``) for the client's errors; its ``__cause__`` is the error.
    """
    try:
        yield
    except openai.APITimeoutError as error:
        raise ModelUnavailable("timeout", str(error)) from error
    except openai.APIConnectionError as error:
        raise ModelUnavailable("connection", str(error)) from error
    except openai.RateLimitError as error:
        raise ModelUnavailable("quota" if error.code == "insufficient_quota" else "rate_limited", str(error)) from error
    except openai.InternalServerError as error:
        raise ModelUnavailable("server_error", str(error)) from error
    except openai.APIStatusError as error:
        raise ModelUnavailable("rejected", str(error)) from error
    except openai.APIError as error:
        raise ModelUnavailable("server_error", str(error)) from error
    except ModelUnavailable:
        raise
    except Exception as error:  # the client believes what it is sent: no JSON, or JSON of another kind
        raise ModelUnavailable("malformed", f"{type(error).__name__}: {error}") from error


def _responses(client: OpenAI, question: Question) -> Reply:
    content: list[dict[str, Any]] = [{"type": "input_text", "text": question.user}]
    if question.image:
        content.append({"type": "input_image", "image_url": question.image, "detail": question.detail})
    request: dict[str, Any] = {
        "model": question.model,
        "instructions": question.system,
        "input": [{"role": "user", "content": content}],
        "text": {"format": {"type": "json_schema", "name": question.name, "schema": question.schema, "strict": True}},
        "max_output_tokens": question.max_output_tokens,
        "store": False,
    }
    if question.effort:
        request["reasoning"] = {"effort": question.effort}
    if not question.stream:
        return reply_of(client.responses.create(**request))
    with closing(client.responses.create(**request, stream=True)) as stream:
        return _response_of(unbroken(stream))


def unbroken(stream: Iterable[Any]) -> Iterator[Any]:
    """The stream's pieces. Once it has begun, a connection that breaks has cut it."""
    try:
        yield from stream
    except openai.APITimeoutError:
        raise
    except openai.APIConnectionError as error:
        raise ModelUnavailable("cut", f"{error} ({error.__cause__})") from error


def _response_of(events: Iterator[Any]) -> Reply:
    for event in events:
        if event.type in ("response.completed", "response.incomplete", "response.failed"):
            return reply_of(event.response)
        if event.type == "error":
            raise ModelUnavailable("server_error", str(event.message))
    raise ModelUnavailable("cut", "the stream ended before the reply was complete")


def reply_of(response: Any) -> Reply:
    """What a finished response says."""
    if response.status == "failed":
        raise ModelUnavailable("server_error", str(response.error))
    used = response.usage
    tokens = Tokens(used.input_tokens, used.input_tokens_details.cached_tokens, used.output_tokens) if used else None
    if response.status == "incomplete":
        return Reply("", tokens, "incomplete")
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    if any(part.type == "refusal" for part in parts):
        return Reply("", tokens, "refused")
    calls = [
        ToolCall(item.call_id, item.name, item.arguments) for item in response.output if item.type == "function_call"
    ]
    return Reply("".join(part.text for part in parts), tokens, calls=tuple(calls))


def _chat(client: OpenAI, question: Question) -> Reply:
    content: list[dict[str, Any]] = [{"type": "text", "text": question.user}]
    if question.image:
        content.append({"type": "image_url", "image_url": {"url": question.image, "detail": question.detail}})
    request: dict[str, Any] = {
        "model": question.model,
        "messages": [{"role": "system", "content": question.system}, {"role": "user", "content": content}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": question.name, "schema": question.schema, "strict": True},
        },
        "max_completion_tokens": question.max_output_tokens,
    }
    if question.effort:
        request["reasoning_effort"] = question.effort
    if not question.stream:
        whole = client.chat.completions.create(**request)
        (choice,) = whole.choices
        return chat_reply(choice.message.content or "", whole.usage, choice.finish_reason, bool(choice.message.refusal))
    streamed: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    with closing(client.chat.completions.create(**request, **streamed)) as stream:
        return _chat_of(unbroken(stream))


def _chat_of(chunks: Iterator[Any]) -> Reply:
    text: list[str] = []
    finish, refused, usage = None, False, None
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text.append(choice.delta.content or "")
            refused = refused or bool(choice.delta.refusal)
            finish = choice.finish_reason or finish
    if finish is None:
        raise ModelUnavailable("cut", "the stream ended before the reply was complete")
    return chat_reply("".join(text), usage, finish, refused)


def chat_reply(text: str, usage: Any, finish: str, refused: bool, calls: tuple[ToolCall, ...] = ()) -> Reply:
    """What a finished chat completion says."""
    tokens = None
    if usage is not None:
        cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else 0
        tokens = Tokens(usage.prompt_tokens, cached or 0, usage.completion_tokens)
    fault = "refused" if refused or finish == "content_filter" else "incomplete" if finish == "length" else None
    return Reply(text, tokens, fault, calls)
