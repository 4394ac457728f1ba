"""A request to a model, read from either protocol, and the rules that the published types cannot say."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from .openai_errors import ApiError, missing, not_played
from .openai_images import ImageInput, read_image
from .openai_strict import check_format_name, check_strict_schema
from .openai_tools import check_pairs, read_tools

Endpoint = Literal["responses", "chat"]

_COMMON = (
    "metadata model parallel_tool_calls prompt_cache_key prompt_cache_options prompt_cache_retention "
    "safety_identifier service_tier store stream stream_options temperature tool_choice tools top_p user "
)
_PLAYED = {
    "responses": frozenset((_COMMON + "input instructions max_output_tokens reasoning text truncation").split()),
    "chat": frozenset(
        (
            _COMMON + "frequency_penalty max_completion_tokens max_tokens messages n presence_penalty "
            "reasoning_effort response_format seed verbosity"
        ).split()
    ),
}


@dataclass(frozen=True)
class ModelRequest:
    """What a valid request asks for. `body` is as it came, but for the images' data.

    `text` is all of its input text, `schema` that of the output, if any.
    """

    endpoint: Endpoint
    model: str
    body: dict[str, Any]
    text: str
    images: tuple[ImageInput, ...]
    stream: bool
    include_usage: bool
    max_output_tokens: int | None
    effort: str | None
    verbosity: str | None
    format: dict[str, Any] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    """What the tools that were called have given, in order."""

    @property
    def kind(self) -> Literal["vision", "answer"]:
        """Whether a picture is to be looked at, or text alone answered."""
        return "vision" if self.images else "answer"

    @property
    def schema(self) -> dict[str, Any] | None:
        return self.format.get("schema")

    @property
    def strict(self) -> bool:
        return self.schema is not None and self.format.get("strict") is True


def read_request(endpoint: Endpoint, body: dict[str, Any]) -> ModelRequest:
    """The request in a body whose types are checked. Raises ApiError for what the service, or this double, refuses."""
    for name, value in body.items():
        if name not in _PLAYED[endpoint] and value not in (None, [], "auto", False):
            raise not_played(name)
    _check_bounds(body)
    if body.get("stream_options") is not None and not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise ApiError(message, "stream_options")
    return _read_responses(body) if endpoint == "responses" else _read_chat(body)


def _read_responses(body: dict[str, Any]) -> ModelRequest:
    texts: list[str] = [body["instructions"]] if body.get("instructions") else []
    images: list[ImageInput] = []
    called: list[tuple[str, str]] = []
    answered: list[tuple[str, str]] = []
    results: list[str] = []
    given = body["input"]
    for position, item in enumerate([] if isinstance(given, str) else given):
        if item.get("type") == "function_call":
            called.append((item["call_id"], f"input[{position}]"))
            texts.append(item["arguments"])
            continue
        if item.get("type") == "function_call_output" and isinstance(item["output"], str):
            answered.append((item["call_id"], f"input[{position}]"))
            results.append(item["output"])
            texts.append(item["output"])
            continue
        if "role" not in item:
            raise not_played(f"input[{position}].type")
        for text, image in _parts(item["content"], f"input[{position}].content"):
            texts.extend([text] if text is not None else [])
            images.extend([image] if image else [])
    if isinstance(given, str):
        texts.append(given)
    check_pairs(called, answered)
    config = body.get("text") or {}
    output_format = config.get("format") or {}
    _check_format(output_format, "text.format", "text.format.schema", "invalid_json_schema", texts)
    return ModelRequest(
        endpoint="responses",
        model=body["model"],
        body=body,
        text="\n".join(texts),
        images=tuple(images),
        stream=body.get("stream") is True,
        include_usage=True,
        max_output_tokens=body.get("max_output_tokens"),
        effort=(body.get("reasoning") or {}).get("effort"),
        verbosity=config.get("verbosity"),
        format=output_format,
        tools=read_tools(body.get("tools") or []),
        results=tuple(results),
    )


def _read_chat(body: dict[str, Any]) -> ModelRequest:
    if body.get("n") not in (None, 1):
        raise not_played("n")
    texts: list[str] = []
    images: list[ImageInput] = []
    called: list[tuple[str, str]] = []
    answered: list[tuple[str, str]] = []
    results: list[str] = []
    for position, message in enumerate(body["messages"]):
        if message["role"] == "function":
            raise not_played(f"messages[{position}].role")
        if message["role"] == "tool" and isinstance(message["content"], str):
            answered.append((message["tool_call_id"], f"messages[{position}]"))
            results.append(message["content"])
        calls = message.get("tool_calls") or []
        called += [(call["id"], f"messages[{position}].tool_calls") for call in calls]
        texts += [call["function"]["arguments"] for call in calls]
        if calls and message.get("content") is None:
            continue
        if message.get("content") is None:
            raise missing(f"messages[{position}].content")
        for text, image in _parts(message["content"], f"messages[{position}].content"):
            texts.extend([text] if text is not None else [])
            images.extend([image] if image else [])
    check_pairs(called, answered)
    asked = body.get("response_format") or {}
    output_format = {"type": asked.get("type", "text"), **asked.get("json_schema", {})} if asked else {}
    _check_format(output_format, "response_format.json_schema", "response_format", None, texts)
    return ModelRequest(
        endpoint="chat",
        model=body["model"],
        body=body,
        text="\n".join(texts),
        images=tuple(images),
        stream=body.get("stream") is True,
        include_usage=(body.get("stream_options") or {}).get("include_usage") is True,
        max_output_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        effort=body.get("reasoning_effort"),
        verbosity=body.get("verbosity"),
        format=output_format,
        tools=read_tools(body.get("tools") or []),
        results=tuple(results),
    )


def _parts(content: str | list[dict[str, Any]], param: str) -> Iterator[tuple[str | None, ImageInput | None]]:
    """Each part of a message's content: its text, or its image."""
    if isinstance(content, str):
        yield content, None
        return
    for position, part in enumerate(content):
        here = f"{param}[{position}]"
        match part["type"]:
            case "input_text" | "output_text" | "text":
                yield part["text"], None
            case "refusal":
                yield part["refusal"], None
            case "input_image":
                if part.get("file_id"):
                    raise not_played(f"{here}.file_id")
                if not part.get("image_url"):
                    raise missing(f"{here}.image_url")
                yield None, read_image(part["image_url"], part["detail"], f"{here}.image_url")
            case "image_url":
                image = part["image_url"]
                yield None, read_image(image["url"], image.get("detail", "auto"), f"{here}.image_url.url")
            case _:
                raise not_played(f"{here}.type")


def _check_format(asked: dict[str, Any], param: str, schema_param: str, code: str | None, texts: list[str]) -> None:
    if asked.get("type") == "json_object" and not any(re.search("json", text, re.IGNORECASE) for text in texts):
        message = f"The input must contain the word 'json' in some form to use '{param}' of type 'json_object'."
        raise ApiError(message, param.partition(".json_schema")[0])
    if asked.get("type") != "json_schema":
        return
    check_format_name(asked["name"], f"{param}.name")
    if asked.get("strict") is True:
        if "schema" not in asked:
            raise missing(f"{param}.schema")
        if error := _schema_error(json.dumps(asked["schema"]), asked["name"], schema_param, code):
            raise error


@lru_cache(maxsize=32)
def _schema_error(schema: str, name: str, param: str, code: str | None) -> ApiError | None:
    try:
        check_strict_schema(json.loads(schema), name, param, code)
    except ApiError as error:
        return error
    return None


_BOUNDS = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "max_output_tokens": (16, None),
    "max_completion_tokens": (1, None),
    "max_tokens": (1, None),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}


def _check_bounds(body: dict[str, Any]) -> None:
    for name, (low, high) in _BOUNDS.items():
        value = body.get(name)
        if value is None:
            continue
        kind = "integer" if isinstance(value, int) else "decimal"
        if value < low:
            message = (
                f"Invalid '{name}': {kind} below minimum value. Expected a value >= {low}, but got {value} instead."
            )
            raise ApiError(message, name, f"{kind}_below_min_value")
        if high is not None and value > high:
            message = (
                f"Invalid '{name}': {kind} above maximum value. Expected a value <= {high}, but got {value} instead."
            )
            raise ApiError(message, name, f"{kind}_above_max_value")
    pairs = body.get("metadata") or {}
    if len(pairs) > 16:
        raise ApiError(
            f"Invalid 'metadata': at most 16 pairs, but got {len(pairs)}.", "metadata", "object_above_max_length"
        )
    for key, value in pairs.items():
        if len(key) > 64 or len(value) > 512:
            message = f"Invalid 'metadata.{key}': a key may have 64 characters, a value 512."
            raise ApiError(message, f"metadata.{key}", "string_above_max_length")
