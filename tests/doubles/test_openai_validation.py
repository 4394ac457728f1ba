"""Every bad request is refused as the service would, seen through the real client."""

import base64
import io
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from PIL import Image

from tests.doubles.asking import VERDICT, looking_at, strict
from tests.doubles.openai_server import OpenAIServer

Schema = dict[str, Any]


def refusal(client: OpenAI, model: str = "gpt-5-mini", **parameters: Any) -> BadRequestError:
    """What the Responses endpoint answers; parameters go into the body as they are."""
    with pytest.raises(BadRequestError) as caught:
        client.responses.create(model=model, extra_body={"input": "x", **parameters})
    return caught.value


def chat_refusal(client: OpenAI, model: str = "gpt-5-mini", **parameters: Any) -> BadRequestError:
    messages: Any = [{"role": "user", "content": "x"}]
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model=model, messages=messages, extra_body=parameters)
    return caught.value


def content(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def tool(**changes: Any) -> dict[str, Any]:
    return {"type": "function", "name": "look", "strict": False, "parameters": {}, **changes}


CALL = {"type": "function_call", "name": "look", "arguments": "{}"}
RESULT = {"type": "function_call_output", "output": "nothing"}
PARAMETERS = "tools[0].parameters"


@pytest.mark.parametrize(
    ("parameters", "param", "code"),
    [
        ({"answer": 42}, "answer", "unknown_parameter"),
        ({"input": None}, "input", "missing_required_parameter"),
        ({"max_output_tokens": "many"}, "max_output_tokens", "invalid_type"),
        ({"max_output_tokens": 5}, "max_output_tokens", "integer_below_min_value"),
        ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata", "object_above_max_length"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type", "invalid_value"),
        ({"text": {"verbosity": "chatty"}}, "text.verbosity", "invalid_value"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name", "missing_required_parameter"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort", "invalid_value"),
        ({"input": content({"type": "input_text"})}, "input[0].content[0].text", "missing_required_parameter"),
        ({"input": content({"type": "text", "text": "x"})}, "input[0].content[0].type", "invalid_value"),
        ({"input": content({"type": "input_text", "text": 1})}, "input[0].content[0].text", "invalid_type"),
        (
            {"input": content({"type": "input_image", "image_url": "https://example.org/a.jpg"})},
            "input[0].content[0].detail",
            "missing_required_parameter",
        ),
        (
            {"input": looking_at("https://example.org/a.jpg", "sharp")},
            "input[0].content[1].detail",
            "invalid_value",
        ),
        ({"input": [{"role": "user", "content": "x", "mood": "bad"}]}, "input[0].mood", "unknown_parameter"),
        ({"stream_options": {"include_obfuscation": False}}, "stream_options", None),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "not_supported_by_double"),
        ({"background": True}, "background", "not_supported_by_double"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "not_supported_by_double"),
        ({"tools": [tool(strict=True, parameters={"type": "object"})]}, PARAMETERS, "invalid_function_parameters"),
        ({"tools": [tool(name="no spaces")]}, "tools[0].name", "invalid_value"),
        ({"input": [{**RESULT, "call_id": "call_1"}]}, "input[0]", None),
        ({"input": [{**CALL, "call_id": "call_1"}]}, "input[0]", None),
        ({"tools": [{"type": "no_such_tool"}]}, "tools[0].type", "invalid_value"),
    ],
)
def test_a_response_is_refused_for(client: OpenAI, parameters: dict[str, Any], param: str, code: str | None) -> None:
    refused = refusal(client, **parameters)
    assert (refused.param, refused.code, refused.type) == (param, code, "invalid_request_error")


@pytest.mark.parametrize(
    ("parameters", "param", "code"),
    [
        ({"answer": 42}, "answer", "unknown_parameter"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
        ({"messages": content({"type": "input_text", "text": "x"})}, "messages[0].content[0].type", "invalid_value"),
        ({"messages": content({"type": "image_url", "image_url": {"url": "x.jpg"}})}, None, "invalid_value"),
        ({"n": 2}, "n", "not_supported_by_double"),
        ({"max_tokens": 50}, "max_tokens", "unsupported_parameter"),
        ({"temperature": 0.2}, "temperature", "unsupported_value"),
        ({"temperature": 3}, "temperature", "integer_above_max_value"),
        ({"stream_options": {"include_usage": True}}, "stream_options", None),
        ({"response_format": {"type": "json_object"}}, "response_format", None),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}},
            "response_format.json_schema.name",
            "invalid_value",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {}}}},
            "response_format",
            None,
        ),
    ],
)
def test_a_chat_is_refused_for(client: OpenAI, parameters: dict[str, Any], param: str | None, code: str | None) -> None:
    refused = chat_refusal(client, **parameters)
    assert refused.code == code
    assert refused.param == (param or "messages[0].content[0].image_url.url")


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.responses.create(model="gpt-4.999", input="x")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("param", ["temperature", "top_p"])
def test_a_reasoning_model_takes_no_sampling_parameters(client: OpenAI, param: str) -> None:
    sampling: Any = {param: 0.5}
    refused = refusal(client, **sampling)
    assert refused.param == param
    assert "Unsupported parameter" in refused.message
    assert client.responses.create(model="gpt-4o-mini", input="x", extra_body=sampling).status == "completed"


def test_a_model_that_does_not_reason_takes_no_effort(client: OpenAI) -> None:
    assert refusal(client, model="gpt-4o-mini", reasoning={"effort": "low"}).param == "reasoning.effort"
    assert refusal(client, model="gpt-5-mini", reasoning={"effort": "none"}).code == "unsupported_value"
    assert refusal(client, model="gpt-4o-mini", text={"verbosity": "low"}).code == "unsupported_value"


def altered(**changes: Any) -> Schema:
    return {**VERDICT, **changes}


def with_property(schema: Schema) -> Schema:
    return {"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": False}


def nested(levels: int) -> Schema:
    return with_property(nested(levels - 1) if levels > 1 else {"type": "string"})


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "array", "items": {"type": "string"}}, "must be a JSON Schema of 'type: \"object\"'"),
        (altered(additionalProperties=True), "'additionalProperties' is required"),
        (altered(required=["item"]), "Missing 'confidence'"),
        (altered(required=["item", "confidence", "marks", "ghost"]), "'ghost'"),
        (altered(anyOf=[{"type": "object"}]), "'anyOf' is not permitted"),
        (with_property({"type": "object", "properties": {}}), "'properties', 'a'"),
        (with_property({"type": "string", "minLength": 3}), "'minLength' is not permitted"),
        (with_property({"type": "string", "default": "x"}), "'default' is not permitted"),
        (with_property({"type": "string", "format": "postcode"}), "'postcode' is not a valid format"),
        (with_property({"oneOf": [{"type": "string"}]}), "'oneOf' is not permitted"),
        (with_property({"allOf": [{"type": "string"}], "type": "string"}), "'allOf' is not permitted"),
        (with_property({"description": "anything"}), "must have a 'type' key"),
        (with_property({"type": "array"}), "missing items"),
        (with_property({"$ref": "#/$defs/nothing"}), "cannot be resolved"),
        (with_property({"$ref": "#", "description": "again"}), "$ref cannot have keywords"),
        (with_property({"type": "text"}), "'text' is not valid"),
        (with_property({"type": "string", "enum": [str(n) for n in range(1001)]}), "at most 1000 enum values"),
        (with_property({"type": "string", "enum": [f"{n:060}" for n in range(251)]}), "15000 characters"),
        (nested(11), "levels of nesting"),
    ],
)
def test_a_strict_schema_is_refused_when(client: OpenAI, schema: Schema, message: str) -> None:
    refused = refusal(client, text=strict(schema))
    assert message in refused.message
    assert (refused.param, refused.code) == ("text.format.schema", "invalid_json_schema")


def test_a_schema_of_too_many_properties_is_refused(client: OpenAI) -> None:
    names = [f"p{number}" for number in range(5001)]
    wide = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": names,
        "additionalProperties": False,
    }
    assert "at most 5000 object properties" in refusal(client, text=strict(wide)).message


@pytest.mark.parametrize(
    "schema",
    [
        with_property({"type": "string", "enum": [f"{number:05}" for number in range(1000)]}),
        with_property({"type": ["string", "null"], "pattern": "^[0-9]{3}-[0-9]{4}$"}),
        with_property({"type": "string", "format": "date-time"}),
        with_property({"type": "integer", "minimum": 7, "maximum": 20, "multipleOf": 5}),
        with_property({"type": "number", "exclusiveMinimum": 2, "exclusiveMaximum": 2.5}),
        with_property({"type": "array", "items": {"const": "x"}, "minItems": 3}),
        with_property({"anyOf": [{"$ref": "#"}, {"type": "null"}]}),
        nested(10),
        {**with_property({"$ref": "#/$defs/part"}), "$defs": {"part": with_property({"type": "boolean"})}},
    ],
)
def test_a_schema_within_the_rules_is_answered_with_a_valid_instance(client: OpenAI, schema: Schema) -> None:
    # The double checks its own output against the schema and answers 500 when it does not fit.
    assert client.responses.create(model="gpt-5-mini", input="x", extra_body={"text": strict(schema)}).output_text


def test_without_strict_any_schema_is_taken(client: OpenAI) -> None:
    loose = {"format": {"type": "json_schema", "name": "loose", "schema": {"type": "object", "minProperties": 0}}}
    assert client.responses.create(model="gpt-5-mini", input="x", extra_body={"text": loose}).output_text == "{}"


def data_url(content: bytes, declared: str = "image/png") -> str:
    return f"data:{declared};base64,{base64.b64encode(content).decode()}"


def picture(format_: str, frames: int = 1) -> bytes:
    first, *others = [Image.new("RGB", (8, 8), (40 * number, 9, 9)) for number in range(frames)]
    buffer = io.BytesIO()
    first.save(buffer, format_, **({"save_all": True, "append_images": others} if others else {}))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("photo.jpg", "invalid_value"),
        ("data:text/plain;base64,aGVsbG8=", "invalid_value"),
        ("data:image/png;base64,not base64!", "invalid_base64_image"),
        ("data:image/png;base64,", "empty_image_file"),
        (data_url(b"no picture at all"), "image_parse_error"),
        (data_url(picture("PNG")[:50]), "image_parse_error"),
        (data_url(picture("BMP"), "image/bmp"), "invalid_image_format"),
        (data_url(picture("GIF", frames=3), "image/gif"), "invalid_image_format"),
        (data_url(picture("JPEG"), "image/png"), "invalid_image_format"),
        ("https://", "invalid_value"),
    ],
)
def test_an_image_is_refused_when_it_is(client: OpenAI, url: str, code: str) -> None:
    refused = refusal(client, input=looking_at(url))
    assert (refused.param, refused.code) == ("input[0].content[1].image_url", code)


def test_a_photo_cut_short_is_refused(client: OpenAI, photo_url: str) -> None:
    content = base64.b64decode(photo_url.partition(",")[2])
    half = data_url(content[: len(content) // 2], "image/jpeg")
    assert refusal(client, input=looking_at(half)).code == "image_parse_error"


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "GIF"])
def test_images_of_the_supported_formats_are_taken(server: OpenAIServer, client: OpenAI, format_: str) -> None:
    url = data_url(picture(format_), f"image/{format_.lower()}")
    seen: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
    client.chat.completions.create(model="gpt-4o-mini", messages=seen)
    assert server.requests[0].images[0].format == format_


def test_a_refused_request_spends_no_fault_and_no_reply(server: OpenAIServer, client: OpenAI) -> None:
    server.reply("once", times=1)
    refusal(client, answer=42)
    assert client.responses.create(model="gpt-5-mini", input="x").output_text == "once"
    assert [record.outcome for record in server.requests] == ["refused", "answered"]
