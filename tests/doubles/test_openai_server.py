"""The double's protocols as the real client sees them, its records, its load and its control over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pydantic
import pytest
from openai import AuthenticationError, InternalServerError, NotFoundError, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent

from tests.doubles.asking import VERDICT, connect, looking_at, strict
from tests.doubles.openai_server import OpenAIServer, ScriptError, has_image

ROOT = Path(__file__).parents[2]

Raw = dict[str, Any]


def fits(published: Any, given: Raw) -> None:
    """Check raw JSON against a response type of the package, with nothing extra and nothing converted."""
    pydantic.TypeAdapter(published).validate_json(json.dumps(given), strict=True, extra="forbid")


def events_of(server: OpenAIServer, path: str, body: Raw) -> list[tuple[str | None, Raw | str]]:
    """The raw server-sent events of a stream: names and data."""
    key = {"Authorization": f"Bearer {server.api_key}"}
    text = httpx.post(f"{server.base_url}{path}", json={**body, "stream": True}, headers=key).text
    found: list[tuple[str | None, Raw | str]] = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = fields["data"]
        found.append((fields.get("event"), data if data == "[DONE]" else json.loads(data)))
    return found


def test_a_response_echoes_plain_text(client: OpenAI) -> None:
    assert client.responses.create(model="gpt-4o-mini", input="a mug?").output_text == "Echo: a mug?"


def test_a_reasoning_model_thinks_before_its_message(client: OpenAI) -> None:
    response = client.responses.create(model="gpt-5-mini", input="x", reasoning={"effort": "low"})
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.usage
    assert response.usage.output_tokens_details.reasoning_tokens == 64
    assert response.usage.output_tokens > 64


def test_a_strict_schema_gets_the_same_valid_instance_each_time(client: OpenAI) -> None:
    once, again = (client.responses.create(model="gpt-5-mini", input="x", text=strict(VERDICT)) for _ in range(2))  # type: ignore[call-overload]
    assert json.loads(once.output_text) == {"item": "mug", "confidence": 0.5, "marks": ["text"]}
    assert again.output_text == once.output_text


def test_the_client_parses_a_pydantic_model_out_of_both_endpoints(client: OpenAI) -> None:
    class Verdict(pydantic.BaseModel):
        item: str
        sure: bool
        parts: list["Verdict"]

    parsed = client.responses.parse(model="gpt-5-mini", input="x", text_format=Verdict).output_parsed
    assert parsed
    assert parsed.item == "text"
    asked: Any = [{"role": "user", "content": "x"}]
    completion = client.chat.completions.parse(model="gpt-4o-mini", messages=asked, response_format=Verdict)
    assert completion.choices[0].message.parsed == parsed


def test_responses_and_all_their_events_fit_the_published_types(server: OpenAIServer, photo_url: str) -> None:
    body = {"model": "gpt-5-mini", "input": looking_at(photo_url), "text": strict(VERDICT), "instructions": "look"}
    key = {"Authorization": f"Bearer {server.api_key}"}
    fits(Response, httpx.post(f"{server.base_url}/responses", json=body, headers=key).json())
    for name, data in events_of(server, "/responses", body):
        assert isinstance(data, dict)
        assert data["type"] == name
        fits(ResponseStreamEvent, data)


def test_a_response_streams_its_events_in_order(server: OpenAIServer) -> None:
    events = events_of(server, "/responses", {"model": "gpt-4o-mini", "input": "x" * 20})
    names = [name for name, _ in events]
    first = ["created", "in_progress", "output_item.added", "content_part.added"]
    last = ["output_text.done", "content_part.done", "output_item.done", "completed"]
    deltas = len(names) - len(first) - len(last)
    assert names == [f"response.{name}" for name in [*first, *["output_text.delta"] * deltas, *last]]
    assert deltas == 3
    assert [data["sequence_number"] for _, data in events if isinstance(data, dict)] == list(range(len(events)))


def test_the_client_puts_a_streamed_response_together(client: OpenAI) -> None:
    with client.responses.stream(model="gpt-5-mini", input="some words to say back") as stream:
        said = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert said == final.output_text == "Echo: some words to say back"
    assert final.usage


def test_chat_completions_fit_the_published_types(server: OpenAIServer) -> None:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
    key = {"Authorization": f"Bearer {server.api_key}"}
    fits(ChatCompletion, httpx.post(f"{server.base_url}/chat/completions", json=body, headers=key).json())
    *chunks, done = events_of(server, "/chat/completions", {**body, "stream_options": {"include_usage": True}})
    assert done == (None, "[DONE]")
    for _, chunk in chunks:
        assert isinstance(chunk, dict)
        fits(ChatCompletionChunk, chunk)


def test_a_streamed_chat_tells_its_usage_only_when_asked(client: OpenAI) -> None:
    asked: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    plain = list(client.chat.completions.create(**asked))
    assert all(chunk.usage is None for chunk in plain)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in plain) == "Echo: hello"
    assert plain[-1].choices[0].finish_reason == "stop"
    *_, last = client.chat.completions.create(**asked, stream_options={"include_usage": True})
    assert last.choices == []
    assert last.usage
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens


def test_the_models_are_listed(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["gpt-5-mini", "gpt-4o-mini"]
    assert client.models.retrieve("gpt-5-mini").owned_by == "system"
    with pytest.raises(NotFoundError):
        client.models.retrieve("gpt-2")


def test_a_wrong_key_is_unauthorized_and_stays_out_of_the_record(server: OpenAIServer) -> None:
    with connect(server, api_key="sk-somebody-elses-key") as client, pytest.raises(AuthenticationError) as caught:
        client.responses.create(model="gpt-5-mini", input="x")
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id
    assert "somebody" not in str(caught.value)
    assert "authorization" not in server.requests[0].headers
    assert server.requests[0].outcome == "refused"


def test_a_reply_is_chosen_by_its_predicate_and_used_up(server: OpenAIServer, client: OpenAI, photo_url: str) -> None:
    server.reply("a mug", when=has_image, times=1)
    server.reply(lambda request: {"asked": request.text}, when=has_image)
    seen: Any = looking_at(photo_url)
    says = [client.responses.create(model="gpt-5-mini", input=given).output_text for given in ("x", seen, seen)]
    assert says == ["Echo: x", "a mug", '{"asked": "what is this?"}']


def test_a_reply_that_breaks_a_strict_schema_fails_the_test_that_programmed_it() -> None:
    def asks_for_a_verdict() -> None:
        with OpenAIServer() as server, connect(server) as client:
            server.reply({"item": "a thing that is no item"})
            with pytest.raises(InternalServerError, match="does not keep the request's strict schema"):
                client.responses.create(model="gpt-5-mini", input="x", text=strict(VERDICT))  # type: ignore[call-overload]

    with pytest.raises(ScriptError, match="strict schema"):
        asks_for_a_verdict()


def test_requests_are_recorded_without_their_image_data(server: OpenAIServer, photo_url: str) -> None:
    with connect(server, organization="org-1", project="proj-1") as client:
        client.responses.create(model="gpt-5-mini", input=looking_at(photo_url, "high"))  # type: ignore[arg-type]
    (record,) = server.requests
    (image,) = record.images
    assert (image.width, image.height, image.format, image.detail) == (600, 400, "JPEG", "high")
    assert len(json.dumps(record.body)) < 500
    assert record.body["input"][0]["content"][0]["text"] == "what is this?"
    assert (record.kind, record.status, record.outcome) == ("vision", 200, "answered")
    assert (record.headers["openai-organization"], record.headers["openai-project"]) == ("org-1", "proj-1")
    assert record.ended_s
    assert record.ended_s >= record.began_s


@pytest.mark.parametrize(("detail", "tokens"), [("low", 70), ("high", 70 + 2 * 140), ("auto", 70 + 2 * 140)])
def test_an_image_costs_tokens_by_its_detail(client: OpenAI, photo_url: str, detail: str, tokens: int) -> None:
    seen = client.responses.create(model="gpt-4o-mini", input=looking_at(photo_url, detail))  # type: ignore[arg-type]
    text = client.responses.create(model="gpt-4o-mini", input="what is this?")
    assert seen.usage
    assert text.usage
    assert seen.usage.input_tokens - text.usage.input_tokens == tokens


def test_a_long_prompt_is_cached_from_its_second_time_on(client: OpenAI) -> None:
    rules = "Rules: " + "glass goes into the glass bin. " * 200
    first, second = (client.responses.create(model="gpt-5-mini", instructions=rules, input=say) for say in ("a", "b"))
    assert first.usage
    assert second.usage
    assert first.usage.input_tokens_details.cached_tokens == 0
    assert second.usage.input_tokens_details.cached_tokens == 1536


def test_an_answer_longer_than_its_limit_is_incomplete(server: OpenAIServer, client: OpenAI) -> None:
    server.reply("word " * 100)
    response = client.responses.create(model="gpt-4o-mini", input="x", max_output_tokens=16)
    assert response.incomplete_details
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert len(response.output_text) == 64
    thinking = client.responses.create(model="gpt-5-mini", input="x", max_output_tokens=16)
    assert [item.type for item in thinking.output] == ["reasoning"]


def test_a_connection_is_kept_for_the_next_request(server: OpenAIServer, client: OpenAI) -> None:
    for _ in range(3):
        client.responses.create(model="gpt-4o-mini", input="x")
    with httpx.Client(base_url=server.base_url, headers={"Authorization": f"Bearer {server.api_key}"}) as raw:
        local = {raw.get("/models").extensions["network_stream"].get_extra_info("client_addr") for _ in range(3)}
    assert len(local) == 1


def test_64_slow_requests_at_once_take_about_one_latency(server: OpenAIServer, client: OpenAI, photo_url: str) -> None:
    client.responses.create(model="gpt-5-mini", input=looking_at(photo_url))  # type: ignore[arg-type]
    server.latency(vision_s=2.0)
    began_s = time.monotonic()
    with ThreadPoolExecutor(64) as pool:
        seen: Any = looking_at(photo_url)
        asked = [pool.submit(client.responses.create, model="gpt-5-mini", input=seen) for _ in range(64)]
        assert {job.result().status for job in asked} == {"completed"}
    took_s = time.monotonic() - began_s
    assert server.in_flight_max == 64
    assert server.in_flight == 0
    assert 2.0 <= took_s < 6.0


def test_latency_is_set_for_each_kind_of_request(server: OpenAIServer, client: OpenAI, photo_url: str) -> None:
    server.latency(vision_s=0.4)
    client.responses.create(model="gpt-5-mini", input="x")
    client.responses.create(model="gpt-5-mini", input=looking_at(photo_url))  # type: ignore[arg-type]
    answer_s, vision_s = (record.ended_s - record.began_s for record in server.requests if record.ended_s)
    assert answer_s < 0.4 <= vision_s


IN_A_PATCHED_PROCESS = """
import eventlet
eventlet.monkey_patch()
import sys, time
from tests.doubles import native
from tests.doubles.asking import connect
from tests.doubles.openai_server import OpenAIServer

asks = (
    "import sys, urllib.request as http; "
    "http.urlopen(http.Request(sys.argv[1], headers={'Authorization': 'Bearer ' + sys.argv[2]}), timeout=10)"
)
with OpenAIServer() as server, connect(server) as client:
    # The hub stands still until another process has been answered.
    run = native.original("subprocess").run
    run([sys.executable, "-c", asks, f"{server.base_url}/models", server.api_key], check=True, timeout=20)
    client.responses.create(model="gpt-5-mini", input="warm")
    server.latency(answer_s=0.5)
    began_s = time.monotonic()
    ask = lambda number: client.responses.create(model="gpt-5-mini", input=str(number)).output_text
    assert list(eventlet.GreenPool(16).imap(ask, range(16))) == [f"Echo: {number}" for number in range(16)]
    assert server.in_flight_max == 16, server.in_flight_max
    assert time.monotonic() - began_s < 4
    assert {record.outcome for record in server.requests} == {"answered"}
"""


def test_in_a_process_that_eventlet_patched_it_answers_while_the_hub_is_blocked() -> None:
    program = [sys.executable, "-W", "ignore", "-c", IN_A_PATCHED_PROCESS]
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_as_a_process_it_is_programmed_over_http() -> None:
    command = [sys.executable, "-m", "tests.doubles.openai_server", "--latency-answer", "0.2", "--model", "gpt-5-nano"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            control = httpx.Client(base_url=f"{url}/_control")
            client = OpenAI(base_url=f"{url}/v1", api_key="sk-double-0123456789abcdef", max_retries=0)
            order = {"fault": "server_error", "arguments": {"status": 503}, "times": 1, "when": "answer"}
            assert control.post("/faults", json=order).status_code == 200
            assert control.post("/faults", json={"fault": "no_such_fault"}).status_code == 400
            control.post("/replies", json={"output": {"item": "mug"}}).raise_for_status()
            with pytest.raises(InternalServerError):
                client.responses.create(model="gpt-5-nano", input="x")
            assert client.responses.create(model="gpt-5-nano", input="x").output_text == '{"item": "mug"}'
            told = control.get("/requests").json()
            assert [record["outcome"] for record in told["requests"]] == ["fault", "answered"]
            assert told["requests"][1]["ended_s"] - told["requests"][1]["began_s"] >= 0.2
            control.post("/reset").raise_for_status()
            assert control.get("/requests").json() == {"in_flight": 0, "in_flight_max": 0, "requests": []}
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
