"""The double's tools: what a reply calls comes to the real client, whole and in pieces, over both endpoints."""

from typing import Any

import pytest
from openai import InternalServerError, OpenAI

from tests.doubles.openai_server import Call, Calls, OpenAIServer, ScriptError

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
LOOK: Any = {"type": "function", "name": "look", "description": "Look it up.", "parameters": PARAMETERS, "strict": True}
CHAT_LOOK: Any = {"type": "function", "function": {key: value for key, value in LOOK.items() if key != "type"}}
ASK: Any = [{"role": "user", "content": "a mug?"}]
TWICE = Calls((Call("look", {"name": "머그컵 하나"}), Call("look", "{not JSON")), text="One moment.")


def test_a_response_calls_the_tools_of_its_reply(server: OpenAIServer, client: OpenAI) -> None:
    server.reply(TWICE)

    response = client.responses.create(model="gpt-4o-mini", input="a mug?", tools=[LOOK])

    _, first, second = response.output
    assert response.output_text == "One moment."
    assert (first.type, second.type) == ("function_call", "function_call")
    assert [first.arguments, second.arguments] == ['{"name": "머그컵 하나"}', "{not JSON"]
    assert first.call_id != second.call_id


def test_a_streamed_response_tells_the_arguments_in_pieces(server: OpenAIServer, client: OpenAI) -> None:
    server.reply(TWICE)

    events = list(client.responses.create(model="gpt-4o-mini", input="a mug?", tools=[LOOK], stream=True))

    pieces = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert "".join(pieces) == '{"name": "머그컵 하나"}{not JSON'
    last = events[-1]
    assert last.type == "response.completed"
    assert [item.type for item in last.response.output] == ["message", "function_call", "function_call"]


def test_chat_completions_call_tools_whole_and_in_pieces(server: OpenAIServer, client: OpenAI) -> None:
    server.reply(TWICE)

    whole: Any = client.chat.completions.create(model="gpt-4o-mini", messages=ASK, tools=[CHAT_LOOK])
    asked: dict[int, str] = {}
    with client.chat.completions.create(model="gpt-4o-mini", messages=ASK, tools=[CHAT_LOOK], stream=True) as chunks:
        for chunk in chunks:
            for part in chunk.choices[0].delta.tool_calls or ():
                assert part.function
                asked[part.index] = asked.get(part.index, "") + (part.function.arguments or "")

    assert whole.choices[0].finish_reason == "tool_calls"
    assert [call.function.arguments for call in whole.choices[0].message.tool_calls] == list(asked.values())


def test_what_the_tools_gave_is_there_for_the_next_reply(server: OpenAIServer, client: OpenAI) -> None:
    server.reply(Calls.of("look", {"name": "mug"}), times=1)
    server.reply(lambda request: f"It gave: {request.results[-1]}")
    first = client.responses.create(model="gpt-4o-mini", input=ASK, tools=[LOOK]).output[0]
    assert first.type == "function_call"
    call: Any = {"type": "function_call", "call_id": first.call_id, "name": "look", "arguments": first.arguments}
    result: Any = {"type": "function_call_output", "call_id": first.call_id, "output": "a china mug"}

    second = client.responses.create(model="gpt-4o-mini", input=[*ASK, call, result], tools=[LOOK])

    assert second.output_text == "It gave: a china mug"


def test_a_script_that_calls_tools_which_the_request_forbids_is_an_error() -> None:
    server = OpenAIServer().start()
    server.reply(Calls.of("look", {"name": "mug"}))
    client = OpenAI(base_url=server.base_url, api_key=server.api_key, max_retries=0)
    with pytest.raises(InternalServerError, match="tool_choice"):
        client.responses.create(model="gpt-4o-mini", input="x", tools=[LOOK], tool_choice="none")

    with pytest.raises(ScriptError, match="tool_choice is none"):
        server.__exit__(None, None, None)
