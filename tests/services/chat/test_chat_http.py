"""Chat over HTTP, through a real gateway: what comes in, what goes out, and the stream that can be resumed."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from nameko.rpc import rpc
from nameko.testing.services import entrypoint_hook

from services.gateway.api import chat as api
from services.gateway.service import GatewayService
from services.gateway.shapes import Answer
from services.kernel.errors import Problem, Unauthenticated
from services.kernel.service import EcoService
from tests.doubles.openai_server import Fault, OpenAIServer
from tests.services.chat.conftest import asked
from tests.services.running import Running, running

ANN, BEN = "01920000-0000-7000-8000-00000000000a", "01920000-0000-7000-8000-00000000000b"
QUESTION = "건전지는 어디에 버려요?"
GOOD = "건전지는 전지 수거함에 넣어요. 접점에 테이프를 붙여 서로 닿지 않게 해요."
AT = "/api/chat/conversations"
EVENTS = {"Accept": "text/event-stream"}


class Auth(EcoService):
    """Stands in for auth where only its answer to `verify` matters: "ann" and "ben" are tokens."""

    name = "auth"

    @rpc(expected_exceptions=Problem)
    def verify(self, access_token: str) -> dict[str, str]:
        users = {"ann": ANN, "ben": BEN}
        if access_token not in users:
            raise Unauthenticated("token_invalid", "The access token is not valid.")
        return {"user_id": users[access_token]}


class ChatGateway(GatewayService):
    """The gateway, beside any other."""

    name = "chat_gateway"


@pytest.fixture(scope="module")
def gateway(stack: Any, service: Running) -> Iterator[Running]:
    edge = stack.config.gateway
    unhurried = edge.model_copy(update={"limits": edge.limits.model_copy(update={"scale": 100.0})})
    settings = stack.config.model_copy(update={"gateway": unhurried})
    with running(Auth, settings), running(ChatGateway, settings) as started:
        yield started


def client_of(gateway: Running, token: str | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=f"http://127.0.0.1:{gateway.config.http_port}", timeout=30, headers=headers)


@pytest.fixture
def http(gateway: Running, chat: Running) -> Iterator[httpx.Client]:
    """A client that has not signed in; chat has no model."""
    with client_of(gateway) as client:
        yield client


@pytest.fixture
def ann(gateway: Running, chat: Running) -> Iterator[httpx.Client]:
    with client_of(gateway, "ann") as client:
        yield client


def started(client: httpx.Client, **body: Any) -> str:
    response = client.post(AT, json=body)
    assert response.status_code == 201, response.text
    conversation_id: str = response.json()["conversation_id"]
    return conversation_id


def events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    fields: dict[str, Any] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield {**fields, "data": json.loads(fields["data"])} if "data" in fields else fields
            fields = {}


def stream(client: httpx.Client, path: str, **more: Any) -> list[dict[str, Any]]:
    with client.stream("GET", path, **more) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        return list(events(response))


def text_of(heard: list[dict[str, Any]]) -> str:
    """What somebody reads who begins anew at each restart."""
    text = ""
    for event in heard[:-1]:
        text = "" if event["event"] == "restart" else text + event["data"].get("text", "")
    return text


def test_a_question_is_answered_as_a_stream_where_that_is_accepted(http: httpx.Client) -> None:
    at = f"{AT}/{started(http)}/messages"
    with http.stream("POST", at, json={"message": QUESTION}, headers=EVENTS) as response:
        assert response.status_code == 200
        heard = list(events(response))

    assert heard[-1]["event"] == "completed"
    assert text_of(heard) == heard[-1]["data"]["content"]
    assert set(heard[-1]["data"]) == set(api.Message.model_fields)


def test_without_a_stream_there_is_an_address_to_listen_at_and_one_to_ask(http: httpx.Client) -> None:
    posted = http.post(f"{AT}/{started(http)}/messages", json={"message": QUESTION})

    assert posted.status_code == 202
    heard = stream(http, posted.json()["events_url"])
    message = http.get(posted.headers["Location"]).json()
    assert heard[-1]["data"] == message
    assert message["message_id"] == posted.json()["answer_id"]


def test_a_client_that_was_cut_off_resumes_at_any_gateway(http: httpx.Client) -> None:
    posted = http.post(f"{AT}/{started(http)}/messages", json={"message": QUESTION}).json()
    whole = stream(http, posted["events_url"])

    for number, event in enumerate(whole[:-1]):
        rest = stream(http, posted["events_url"], headers={"Last-Event-ID": event["id"]})
        assert [one["id"] for one in rest] == [one["id"] for one in whole[number + 1 :]]
    ended = http.get(posted["events_url"], headers={"Last-Event-ID": whole[-1]["id"]})
    assert (ended.status_code, ended.content) == (204, b"")


def test_a_client_that_goes_away_in_the_middle_hears_the_rest_later(
    gateway: Running, talking: Running, server: OpenAIServer
) -> None:
    server.reply(GOOD)
    server.fail(Fault.slow_drip(64, 0.01), times=1)
    with client_of(gateway) as client:
        conversation = started(client)
        with client.stream(
            "POST", f"{AT}/{conversation}/messages", json={"message": QUESTION}, headers=EVENTS
        ) as response:
            first = next(events(response))
        listed = client.get(f"{AT}/{conversation}/messages").json()["messages"]
        at = f"{AT}/{conversation}/messages/{listed[-1]['message_id']}/events"

        rest = stream(client, at, headers={"Last-Event-ID": first["id"]})

    assert text_of([first, *rest]) == GOOD == rest[-1]["data"]["content"]


def test_a_failed_answer_ends_in_a_problem(http: httpx.Client, chat: Running) -> None:
    conversation = started(http)
    posted = http.post(f"{AT}/{conversation}/messages", json={"message": QUESTION}).json()
    stream(http, posted["events_url"])
    chat.sql(
        "UPDATE chat.messages SET state = 'failed', content = '', provider = NULL, error_code = 'answer_timeout',"
        " error_detail = 'The answer took too long.' WHERE id = %s",
        posted["answer_id"],
    )

    (problem,) = [event["data"] for event in stream(http, posted["events_url"]) if event["event"] == "failed"]

    assert (problem["status"], problem["code"]) == (503, "answer_timeout")
    assert set(problem) == {"type", "title", "status", "detail", "instance", "code", "trace_id"}


def test_own_conversations_are_listed_renamed_and_deleted(ann: httpx.Client) -> None:
    conversation = started(ann, title="건전지")

    assert ann.get(AT, params={"limit": 1}).json()["conversations"][0]["conversation_id"] == conversation
    renamed = ann.patch(f"{AT}/{conversation}", json={"title": "전지"})
    assert renamed.json()["title"] == ann.get(f"{AT}/{conversation}").json()["title"] == "전지"
    assert ann.delete(f"{AT}/{conversation}").status_code == 204
    assert ann.get(f"{AT}/{conversation}").status_code == 404


def test_another_user_finds_nothing(gateway: Running, ann: httpx.Client) -> None:
    conversation = started(ann)
    posted = ann.post(f"{AT}/{conversation}/messages", json={"message": QUESTION}).json()
    answer = f"{AT}/{conversation}/messages/{posted['answer_id']}"
    with client_of(gateway, "ben") as ben, client_of(gateway) as nobody:
        for stranger in (ben, nobody):
            for method, path, body in [
                ("GET", f"{AT}/{conversation}", None),
                ("PATCH", f"{AT}/{conversation}", {"title": "x"}),
                ("DELETE", f"{AT}/{conversation}", None),
                ("GET", f"{AT}/{conversation}/messages", None),
                ("POST", f"{AT}/{conversation}/messages", {"message": QUESTION}),
                ("GET", answer, None),
                ("GET", f"{answer}/events", None),
                ("POST", f"{answer}/feedback", {"verdict": "right"}),
                ("GET", f"/api/chat/suggestions?conversation_id={conversation}", None),
            ]:
                response = stranger.request(method, path, json=body)
                assert (response.status_code, response.json()["code"]) == (404, "conversation_not_found"), path
    assert stream(ann, f"{answer}/events")[-1]["event"] == "completed"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"message": ""}, 422),
        ({"message": "x" * 2001}, 422),
        ({"message": QUESTION, "owner": ANN}, 422),
        ({"message": QUESTION, "lat": 37.5}, 422),
        ({"message": QUESTION, "lat": "37", "lon": "127"}, 422),
        ({"message": QUESTION, "lang": "fr"}, 422),
        ({"message": QUESTION, "region": "아틀란티스"}, 422),
        ({"message": QUESTION, "scan_id": "x"}, 404),
        ({"message": QUESTION, "scan_id": ANN}, 404),
    ],
)
@pytest.mark.parametrize("headers", [{}, EVENTS])
def test_a_bad_question_is_refused_and_nothing_is_kept(
    http: httpx.Client, body: dict[str, Any], status: int, headers: dict[str, str]
) -> None:
    conversation = started(http)

    response = http.post(f"{AT}/{conversation}/messages", json=body, headers=headers)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert http.get(f"{AT}/{conversation}/messages").json()["messages"] == []


def test_only_who_signed_in_has_a_list(http: httpx.Client) -> None:
    assert http.get(AT).status_code == 401


def test_a_question_with_a_key_is_asked_once(http: httpx.Client) -> None:
    conversation = started(http)
    key = {"Idempotency-Key": conversation}

    first, second = (
        http.post(f"{AT}/{conversation}/messages", json={"message": QUESTION}, headers=key) for _ in range(2)
    )

    assert first.json() == second.json()
    stream(http, first.json()["events_url"])
    assert len(http.get(f"{AT}/{conversation}/messages").json()["messages"]) == 2


def test_a_streamed_question_that_is_repeated_is_told_where_its_answer_is(http: httpx.Client) -> None:
    conversation = started(http)
    headers = {"Idempotency-Key": conversation, "Accept": "text/event-stream"}
    at, question = f"{AT}/{conversation}/messages", {"message": QUESTION}

    streamed = http.post(at, json=question, headers=headers)
    repeated = http.post(at, json=question, headers=headers)

    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert (repeated.status_code, repeated.headers["idempotent-replayed"]) == (202, "true")
    assert repeated.json()["answer_id"] in streamed.text
    assert len(http.get(at).json()["messages"]) == 2


def test_listeners_give_their_places_back(gateway: Running, http: httpx.Client) -> None:
    posted = http.post(f"{AT}/{started(http)}/messages", json={"message": QUESTION}).json()

    for _ in range(gateway.config.scans.sse_max_clients + 5):
        stream(http, posted["events_url"])


def test_every_answer_of_the_service_is_what_the_gateway_declares(chat: Running) -> None:
    """Each RPC by itself: nothing is missing, and nothing is left out on the way."""
    conversation = chat.call.start(ANN, "건전지")["conversation_id"]
    answer = asked(chat, QUESTION, conversation, ANN, region="seoul_gangnam", lat=37.5, lon=127.0)["message_id"]
    calls: list[tuple[type[Answer], str, tuple[Any, ...]]] = [
        (api.Conversation, "start", (ANN, "우유팩")),
        (api.Conversation, "start", ()),
        (api.Conversations, "conversations", (ANN, 1)),
        (api.Conversation, "conversation", (conversation, ANN)),
        (api.Conversation, "rename", (conversation, "전지", ANN)),
        (api.Feedback, "feedback", (conversation, answer, ANN, "wrong", "왜요?")),
        (api.Messages, "messages", (conversation, ANN, 2)),
        (api.Message, "message", (conversation, answer, ANN)),
        (api.Suggestions, "suggestions", ()),
        (api.Suggestions, "suggestions", (conversation, ANN)),
    ]
    for shape, method, arguments in calls:
        with entrypoint_hook(chat.container, method) as call:
            result = call(*arguments)
        assert shape.model_validate(result).model_dump(mode="json") == result, method
    with entrypoint_hook(chat.container, "post") as call:
        posted = call(conversation, QUESTION, ANN)
    assert set(posted) == set(api.Posted.model_fields) - {"events_url"}
    with entrypoint_hook(chat.container, "delete") as call:
        assert call(conversation, ANN) is None
