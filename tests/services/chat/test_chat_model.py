"""A model in the talk: what it is told, what it looks up, what becomes of its words, and what when it lets one down."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from uuid6 import uuid7

from tests.doubles.openai_server import Call, Calls, Fault, ModelRequest, OpenAIServer
from tests.services.chat.conftest import asked
from tests.services.running import Running

Talks = Callable[..., Running]

BATTERY = "건전지는 어디에 버려요?"
GOOD = "건전지는 전지 수거함에 넣어요. 접점에 테이프를 붙여 서로 닿지 않게 해요."
PIZZA = "기름 묻은 피자 박스는 어떻게 버려요?"


def looked_up(request: ModelRequest) -> bool:
    return bool(request.results)


def results(request: ModelRequest) -> list[Any]:
    """What the tools gave, without the marks around it."""
    return [json.loads(text.split("\n")[1]) for text in request.results]


def entries(store: Any, answer_id: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of an answer's stream."""
    return [(fields["event"], json.loads(fields["data"])) for _, fields in store.xrange(f"chat:{answer_id}")]


def test_the_models_words_are_the_answer(talking: Running, server: OpenAIServer, store: Any) -> None:
    server.reply(GOOD)

    answer = asked(talking, BATTERY)

    assert answer["content"] == GOOD
    assert (answer["provider"], answer["model"], answer["degraded"]) == ("openai", "gpt-4o-mini", None)
    assert [item["item_id"] for item in answer["items"]] == ["dry_cell"]
    assert {source["id"] for source in answer["sources"]} >= {"sorting_guideline"}
    told = entries(store, answer["message_id"])
    assert "".join(data["text"] for event, data in told if event == "token") == GOOD
    assert told[-1][0] == "completed"
    assert talking.sql("SELECT cost_won > 0 FROM chat.messages WHERE id = %s", answer["message_id"]) == [(True,)]


def test_what_the_model_is_told_is_the_rules_between_marks(talking: Running, server: OpenAIServer) -> None:
    server.reply(GOOD)
    asked(talking, BATTERY)

    body = server.requests[0].body

    assert "data" in body["instructions"]
    (question,) = body["input"]
    text = question["content"][0]["text"]
    mark = text.split(">>")[0].removeprefix("<<")
    assert text.count(f"<<{mark}>>") == text.count(f"<<end {mark}>>") == 2
    assert "전지 수거함" in text
    assert [tool["name"] for tool in body["tools"]] == ["look_up_item", "rules_for", "nearest_points", "my_last_scans"]
    assert all(tool["strict"] for tool in body["tools"])
    assert body["store"] is False


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_the_model_looks_up_what_it_needs(talks: Talks, server: OpenAIServer, store: Any, api: str) -> None:
    server.reply(Calls.of("look_up_item", {"name": "우유팩"}), when=lambda request: not request.results)
    server.reply(
        Calls((Call("rules_for", {"item_id": "milk_carton", "situations": []}),)),
        when=lambda request: len(request.results) == 1,
    )
    server.reply("우유팩은 종이팩으로 따로 모아요.")
    answer = asked(talks({"api": api}), "그건 어떻게 버려요? 어제 말한 것 말이에요")

    assert answer["content"] == "우유팩은 종이팩으로 따로 모아요."
    assert answer["tools"] == ["look_up_item", "rules_for"]
    assert [item["item_id"] for item in answer["items"]] == ["milk_carton"]
    assert ("tool", {"name": "rules_for"}) in entries(store, answer["message_id"])


def test_what_was_said_before_is_told_to_the_model_in_order(talking: Running, server: OpenAIServer) -> None:
    server.reply(GOOD)
    conversation = talking.call.start()["conversation_id"]
    asked(talking, BATTERY, conversation)
    asked(talking, "건전지 접점은요?", conversation)

    told = server.requests[-1].body["input"]

    assert [entry["role"] for entry in told] == ["user", "assistant", "user"]
    assert told[0]["content"][0]["text"] == BATTERY
    assert told[1]["content"] == GOOD


def test_the_region_comes_from_the_session(talking: Running, server: OpenAIServer) -> None:
    ask_rules = Calls.of("rules_for", {"item_id": "clear_pet_bottle", "situations": []})
    server.reply(ask_rules, when=lambda request: not request.results)
    server.reply("투명 페트병은 무색 페트병으로 따로 분리배출해요. 목요일에 내놓아요.")

    answer = asked(talking, "투명 페트병은요?", region="강남구")

    assert "목요일" in answer["content"]
    assert any(source["id"] == "gangnam_sorting_day" for source in answer["sources"])
    assert answer["degraded"] is None


# Tools


def tool_result(talking: Running, server: OpenAIServer, call: Calls, owner: str | None = None, **options: Any) -> Any:
    """What the model is told when it makes this call."""
    seen: list[Any] = []

    def then(request: ModelRequest) -> str:
        seen.append(results(request)[-1])
        return GOOD

    server.reply(call, when=lambda request: not request.results)
    server.reply(then, when=looked_up)
    asked(talking, BATTERY, None, owner, **options)
    return seen[0]


def test_points_are_those_near_the_person(talking: Running, server: OpenAIServer) -> None:
    talking.sql(
        "INSERT INTO location.points (id, kind, name, address, lat, lon) VALUES"
        " (gen_random_uuid(), 'battery_box', '행복주민센터', '행복로 12', 33.1, 126.1)"
    )
    call = Calls.of("nearest_points", {"kind": "battery_box"})

    found = tool_result(talking, server, call, lat=33.1001, lon=126.1)

    assert [point["name"] for point in found["points"]] == ["행복주민센터"]
    assert found["points"][0]["distance_m"] < 50


def test_without_a_place_the_model_is_told_so(talking: Running, server: OpenAIServer) -> None:
    found = tool_result(talking, server, Calls.of("nearest_points", {"kind": None}))

    assert found["error"] == "place_unknown"


def test_the_place_of_who_asked_is_forgotten_with_the_answer(talking: Running, server: OpenAIServer) -> None:
    server.reply(GOOD)

    answer = asked(talking, BATTERY, lat=37.5, lon=127.0, lang="ko")

    kept = talking.sql("SELECT options FROM chat.messages WHERE id = %s", answer["question_id"])
    assert kept == [({"lang": "ko"},)]


@pytest.mark.parametrize(
    "call",
    [
        Calls.of("no_such_tool"),
        Calls.of("look_up_item", "{broken"),
        Calls.of("look_up_item", {}),
        Calls.of("look_up_item", {"name": ""}),
        Calls.of("look_up_item", {"name": "x" * 5000}),
        Calls.of("look_up_item", {"name": "a\x00b"}),
        Calls.of("look_up_item", {"name": 7}),
        Calls.of("rules_for", {"item_id": "dry_cell", "situations": "dirty"}),
        Calls.of("rules_for", {"item_id": "dry_cell", "situations": [], "region": "seoul_gangnam"}),
        Calls.of("nearest_points", {"kind": "casino"}),
        Calls.of("nearest_points", {"kind": None, "lat": 37.5, "lon": 127.0}),
        Calls.of("my_last_scans", {"owner": str(uuid7())}),
        Calls.of("my_last_scans", "[" * 10000),
    ],
    ids=lambda call: f"{call.calls[0].name}-{call.calls[0].text[:30]}",
)
def test_a_call_that_makes_no_sense_is_answered_with_what_is_wrong(
    talking: Running, server: OpenAIServer, call: Calls
) -> None:
    assert tool_result(talking, server, call)["error"] in ("unknown_tool", "invalid_arguments")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (Calls.of("rules_for", {"item_id": "no_such_item", "situations": []}), "item_not_found"),
        (Calls.of("rules_for", {"item_id": "dry_cell", "situations": ["burning"]}), "unknown_situation"),
        (Calls.of("my_last_scans"), "not_signed_in"),
    ],
)
def test_what_a_service_refuses_is_a_result_too(talking: Running, server: OpenAIServer, call: Calls, code: str) -> None:
    assert tool_result(talking, server, call)["error"] == code


def test_a_model_that_asks_for_tools_without_end_is_stopped(talking: Running, server: OpenAIServer) -> None:
    """The last request of the bounded rounds may call nothing; a server that lets it is not believed."""

    def again(request: ModelRequest) -> Any:
        may_call = request.body["tool_choice"] != "none"
        return Calls.of("look_up_item", {"name": "컵"}) if may_call else GOOD

    server.reply(again)

    answer = asked(talking, BATTERY)

    assert len(server.requests) == 5
    assert answer["tools"] == ["look_up_item"] * 4
    assert answer["content"] == GOOD


def test_of_many_calls_at_once_only_some_are_made(talking: Running, server: OpenAIServer) -> None:
    many = Calls(tuple(Call("look_up_item", {"name": "컵"}) for _ in range(30)))
    server.reply(many, when=lambda request: not request.results)
    server.reply(GOOD)

    answer = asked(talking, BATTERY)

    assert answer["tools"] == ["look_up_item"] * 4
    assert len(server.requests[-1].body["input"]) == 1 + 30 + 30


# When it lets one down


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.server_error(500), "server_error"),
        (Fault.too_many_requests(60), "rate_limited"),
        (Fault.insufficient_quota(), "quota"),
        (Fault.refusal(), "refused"),
        (Fault.stream_cut(12), "cut"),
        (Fault.stream_error(12), "server_error"),
        (Fault.connection_closed(), "connection"),
        (Fault.malformed_json(), "malformed"),
        (Fault.incomplete(), "incomplete"),
        (Fault.hang(), "timeout"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_without_the_model_the_rules_answer_and_say_why(
    talking: Running, server: OpenAIServer, store: Any, fault: Fault, reason: str
) -> None:
    server.reply(GOOD)
    server.fail(fault, times=20)

    answer = asked(talking, PIZZA)

    assert (answer["state"], answer["provider"], answer["degraded"]) == ("completed", "rules", reason)
    assert answer["items"][0]["major"] == "general"
    assert heard(entries(store, answer["message_id"])) == answer["content"]


def heard(told: list[tuple[str, dict[str, Any]]]) -> str:
    """What somebody reads who begins anew at each restart."""
    text = ""
    for event, data in told:
        text = "" if event == "restart" else text + data.get("text", "")
    return text


def test_a_cut_stream_is_tried_again_and_told_once(talking: Running, server: OpenAIServer, store: Any) -> None:
    server.reply(GOOD)
    server.fail(Fault.stream_cut(10), times=1)

    answer = asked(talking, BATTERY)

    told = entries(store, answer["message_id"])
    assert answer["content"] == heard(told) == GOOD
    assert answer["degraded"] is None
    assert ("restart", {"reason": "retried"}) in told


def test_over_the_budget_the_rules_answer(talks: Talks, server: OpenAIServer) -> None:
    answer = asked(talks({"daily_budget_won": 0}), BATTERY)

    assert (answer["provider"], answer["degraded"]) == ("rules", "budget_spent")
    assert server.requests == []


def test_the_budget_is_the_one_of_the_worker(talking: Running, server: OpenAIServer, store: Any) -> None:
    server.reply(GOOD)
    keys = list(store.scan_iter("ai:won:*"))
    before = sum(float(store.get(key)) for key in keys)

    asked(talking, BATTERY)

    assert sum(float(store.get(key)) for key in store.scan_iter("ai:won:*")) > before


def test_a_model_that_takes_too_long_is_not_waited_for(talks: Talks, server: OpenAIServer) -> None:
    server.reply(GOOD)
    server.fail(Fault.slow_drip(8, 0.2), times=9)
    answer = asked(talks(model_deadline_s=1.0), BATTERY)

    assert (answer["provider"], answer["degraded"]) == ("rules", "timeout")
