"""Each fault as the real client sees it, on both endpoints, with and without a stream."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from openai import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    InternalServerError,
    OpenAI,
    RateLimitError,
)
from openai.types.responses import Response

from tests.doubles.asking import VERDICT, connect, strict
from tests.doubles.openai_server import Fault, OpenAIServer, ScriptError

HELLO: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


def ask(client: OpenAI, **more: Any) -> Response:
    response: Response = client.responses.create(model="gpt-4o-mini", input="hello", **more)
    return response


def test_a_rate_limit_tells_when_to_come_again(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.too_many_requests(retry_after_s=1.5))
    with pytest.raises(RateLimitError) as caught:
        ask(client)
    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "requests")
    assert caught.value.response.headers["retry-after"] == "1.5"
    assert caught.value.response.headers["retry-after-ms"] == "1500"


def test_the_client_waits_as_long_as_it_was_told_and_succeeds(server: OpenAIServer) -> None:
    server.fail(Fault.too_many_requests(retry_after_s=0.3), times=2)
    with connect(server, max_retries=2) as patient:
        assert ask(patient).status == "completed"
    first, second, third = server.requests
    assert second.began_s - first.began_s >= 0.3
    assert [first.fault, second.fault, third.fault] == ["http_error_429", "http_error_429", None]
    assert third.headers["x-stainless-retry-count"] == "2"


def test_a_spent_quota_is_a_rate_limit_that_names_it(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.insufficient_quota())
    with pytest.raises(RateLimitError) as caught:
        ask(client)
    assert caught.value.code == "insufficient_quota"
    assert "retry-after" not in caught.value.response.headers


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_raised_with_its_status(server: OpenAIServer, client: OpenAI, status: int) -> None:
    server.fail(Fault.server_error(status))
    with pytest.raises(InternalServerError) as caught:
        client.chat.completions.create(**HELLO)
    assert caught.value.status_code == status
    assert caught.value.response.headers["content-type"] == (
        "text/html" if status in (502, 504) else "application/json"
    )
    assert ask(client).status == "completed"


def test_a_hang_ends_with_the_clients_patience_and_is_noticed(server: OpenAIServer) -> None:
    server.fail(Fault.hang())
    with connect(server, timeout=0.3) as hasty, pytest.raises(APITimeoutError):
        ask(hasty)
    deadline = time.monotonic() + 5
    while server.in_flight and time.monotonic() < deadline:
        time.sleep(0.01)
    (record,) = server.requests
    assert (record.outcome, record.status) == ("client_gone", None)
    assert record.ended_s
    assert record.ended_s - record.began_s < 2


def test_latency_is_added_to_one_request(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.latency(0.4))
    for _ in range(2):
        ask(client)
    slow, fast = (record.ended_s - record.began_s for record in server.requests if record.ended_s)
    assert fast < 0.4 <= slow


def test_malformed_json_is_no_response(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.malformed_json())
    with pytest.raises((APIResponseValidationError, json.JSONDecodeError)):
        ask(client)


def test_json_that_is_no_response_comes_through_without_its_parts(server: OpenAIServer, client: OpenAI) -> None:
    # The client does not check what it gets: code that uses it must.
    server.fail(Fault.not_a_response())
    assert ask(client).output is None


@pytest.mark.parametrize(
    "closing", [Fault.connection_closed(), Fault.body_cut(), Fault.body_cut(0), Fault.stream_cut()]
)
def test_a_connection_that_ends_early_is_a_connection_error(
    server: OpenAIServer, client: OpenAI, closing: Fault
) -> None:
    server.fail(closing)
    with pytest.raises(APIConnectionError):
        ask(client)
    assert ask(client).status == "completed"


def test_a_refusal_is_content_of_its_own_type(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.refusal("no"), times=2)
    (message,) = ask(client).output
    assert message.type == "message"
    assert [(part.type, getattr(part, "refusal", "")) for part in message.content] == [("refusal", "no")]
    choice = client.chat.completions.create(**HELLO).choices[0]
    assert (choice.message.refusal, choice.message.content) == ("no", None)


@pytest.mark.parametrize(("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")])
def test_an_incomplete_answer_says_why(server: OpenAIServer, client: OpenAI, reason: Any, finish: str) -> None:
    server.fail(Fault.incomplete(reason), times=2)
    response = ask(client)
    assert response.incomplete_details
    assert (response.status, response.incomplete_details.reason) == ("incomplete", reason)
    assert response.output_text == "Echo:"
    assert client.chat.completions.create(**HELLO).choices[0].finish_reason == finish


def test_outputs_that_do_not_keep_the_schema(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.output_malformed())
    server.fail(Fault.output_wrong_types())
    server.fail(Fault.output_unknown_enum())
    server.fail(Fault.output_text("A mug!"))
    says = [ask(client, text=strict(VERDICT)).output_text for _ in range(4)]
    with pytest.raises(json.JSONDecodeError):
        json.loads(says[0])
    assert json.loads(says[1]) == {"item": ["mug"], "confidence": [0.5], "marks": "text"}
    assert json.loads(says[2])["item"] not in VERDICT["properties"]["item"]["enum"]
    assert says[3] == "A mug!"


def test_a_fault_that_the_request_has_no_place_for_fails_the_test() -> None:
    def asks() -> None:
        with OpenAIServer() as server, connect(server) as client:
            server.fail(Fault.output_unknown_enum())
            with pytest.raises(InternalServerError):
                ask(client)

    with pytest.raises(ScriptError, match="needs a request with a JSON schema"):
        asks()


def test_a_failed_response_says_so_in_its_status(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.response_failed(), times=3)
    response = ask(client)
    assert response.error
    assert (response.status, response.error.code, response.output) == ("failed", "server_error", [])
    assert [event.type for event in ask(client, stream=True)][-1] == "response.failed"  # type: ignore[attr-defined]
    with pytest.raises(InternalServerError):
        client.chat.completions.create(**HELLO)


def test_a_stream_that_is_cut_raises_after_what_came(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.stream_cut(events=6), times=2)
    came: list[str] = []
    with pytest.raises(APIConnectionError):
        came.extend(event.type for event in ask(client, stream=True))  # type: ignore[attr-defined]
    assert len(came) == 6
    with pytest.raises(APIConnectionError):
        list(client.chat.completions.create(**HELLO, stream=True))


def test_an_error_event_ends_a_stream(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.stream_error(events=5), times=2)
    events: Any = list(ask(client, stream=True))
    assert [event.type for event in events][5:] == ["error"]
    assert events[-1].code == "server_error"
    with pytest.raises(APIError):
        list(client.chat.completions.create(**HELLO, stream=True))


def test_malformed_events_of_a_stream_are_no_json(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.malformed_json())
    with pytest.raises((APIError, json.JSONDecodeError)):
        list(ask(client, stream=True))


def test_a_slow_drip_arrives_whole_and_late(server: OpenAIServer, client: OpenAI) -> None:
    server.fail(Fault.slow_drip(chunk_bytes=64, pause_s=0.02), times=2)
    began_s = time.monotonic()
    assert ask(client).output_text == "Echo: hello"
    assert time.monotonic() - began_s > 0.2
    assert [event.type for event in ask(client, stream=True)][-1] == "response.completed"  # type: ignore[attr-defined]


def test_a_drip_outlives_the_clients_timeout_which_is_for_each_read(server: OpenAIServer) -> None:
    server.fail(Fault.slow_drip(chunk_bytes=64, pause_s=0.05))
    with connect(server, timeout=0.3) as hasty:
        assert ask(hasty).status == "completed"
    (record,) = server.requests
    assert record.ended_s
    assert record.ended_s - record.began_s > 0.6


def test_faults_by_probability_are_the_same_for_the_same_seed(server: OpenAIServer, client: OpenAI) -> None:
    def outcomes(seed: int) -> list[str]:
        server.reset()
        server.fail(Fault.server_error(), probability=0.4, seed=seed)
        for _ in range(20):
            try:
                ask(client)
            except InternalServerError:
                continue
        return [record.outcome for record in server.requests]

    first = outcomes(7)
    assert 3 <= first.count("fault") <= 13
    assert outcomes(7) == first
    assert outcomes(8) != first


def test_faults_strike_in_the_order_they_were_planned_and_where_they_are_meant(
    server: OpenAIServer, client: OpenAI
) -> None:
    server.fail(Fault.server_error(503), when=lambda request: request.endpoint == "chat")
    server.fail(Fault.too_many_requests())
    server.fail(Fault.server_error(500))
    with pytest.raises(RateLimitError):
        ask(client)
    with pytest.raises(InternalServerError, match="overloaded"):
        client.chat.completions.create(**HELLO)
    with pytest.raises(InternalServerError, match="had an error"):
        ask(client)


def test_a_body_is_cut_short_of_the_length_it_promised(server: OpenAIServer) -> None:
    server.fail(Fault.body_cut(0.5))
    headers = {"Authorization": f"Bearer {server.api_key}"}
    asked = {"model": "gpt-4o-mini", "input": "x"}
    with httpx.stream("POST", f"{server.base_url}/responses", json=asked, headers=headers) as reply:
        body = reply.iter_raw()
        assert 0 < len(next(body)) < int(reply.headers["content-length"])
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            next(body)


def test_faults_can_be_programmed_while_requests_run(server: OpenAIServer, client: OpenAI) -> None:
    server.latency(answer_s=0.3)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ask, client)
        while not server.in_flight:
            time.sleep(0.01)
        server.fail(Fault.server_error())
        assert running.result().status == "completed"
    with pytest.raises(InternalServerError):
        ask(client)
