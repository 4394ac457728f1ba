"""Questions about a photo, and about what somebody photographed before: their own, and nobody else's."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import eventlet
import pytest
from nameko.standalone.events import event_dispatcher
from uuid6 import uuid7

from services.kernel.settings import nameko_config
from tests.doubles.openai_server import Calls, ModelRequest, OpenAIServer
from tests.services.chat.conftest import asked, ended
from tests.services.running import Running, eventually

WHAT = "이 사진 속 물건은 어떻게 버려요?"
Scan = Callable[..., str]


@pytest.fixture
def owner() -> str:
    return str(uuid7())


@pytest.fixture
def opened(others: Running) -> Scan:
    """Opens a scan, as the gateway does: ``opened(owner)``."""

    def make(whose: str | None) -> str:
        size = {"image_bytes": 1000, "image_width": 100, "image_height": 100}
        new = {"owner": whose, "scope": whose or "address:test", "language": "ko", **size}
        digest = hashlib.sha256(str(uuid7()).encode()).hexdigest()
        scan_id: str = others.call.open_scan({**new, "request_sha256": digest})["scan_id"]
        return scan_id

    return make


@pytest.fixture
def recognised(others: Running) -> Callable[..., None]:
    """Tells the scan's result, as the workers do: ``recognised(scan_id, "pizza_box", "dirty")``."""
    tell = event_dispatcher(nameko_config(others.config))

    def end(scan_id: str, item_id: str | None, *situations: str) -> None:
        def state() -> Any:
            return others.sql("SELECT state FROM waste.scans WHERE id = %s", scan_id)[0][0]

        tell("storage", "image.store.completed", {"task_id": f"{scan_id}.store", "result": {"key": f"{scan_id}.jpg"}})
        eventually(lambda: state() == "stored", within_s=20)
        result = {
            "item_id": item_id,
            "situations": list(situations),
            "disposal": {"name": "피자 상자", "region": None} if item_id else None,
            "answer": "무엇인지 확실히 알 수 없어요." if item_id is None else "피자 상자는 …",
            "major": "general" if item_id else None,
            "kind": None,
            "confidence": 0.9,
            "insufficiencies": [],
        }
        tell("ai", "scan.classify.completed", {"task_id": f"{scan_id}.classify", "result": result})
        eventually(lambda: state() == "completed", within_s=20)

    return end


def test_a_question_about_a_photo_is_answered_from_its_result(
    chat: Running, owner: str, opened: Scan, recognised: Callable[..., None]
) -> None:
    scan_id = opened(owner)
    recognised(scan_id, "pizza_box", "dirty")

    answer = asked(chat, WHAT, None, owner, scan_id=scan_id)

    assert [(item["item_id"], item["situations"]) for item in answer["items"]] == [("pizza_box", ["dirty"])]
    assert "종량제봉투" in answer["content"]
    question = chat.call.message(conversation_of(chat, answer), answer["question_id"], owner)
    assert question["scan_id"] == scan_id


def conversation_of(chat: Running, answer: dict[str, Any]) -> str:
    [(found,)] = chat.sql("SELECT conversation_id::text FROM chat.messages WHERE id = %s", answer["message_id"])
    return str(found)


def test_an_answer_waits_for_a_photo_that_is_still_looked_at(
    chat: Running, owner: str, opened: Scan, recognised: Callable[..., None], store: Any
) -> None:
    scan_id = opened(owner)
    conversation = chat.call.start(owner)["conversation_id"]
    answer_id = chat.call.post(conversation, WHAT, owner, {"scan_id": scan_id})["answer_id"]
    eventually(lambda: store.xlen(f"chat:{answer_id}"))
    eventlet.sleep(1.5)  # longer than between two looks

    assert chat.call.message(conversation, answer_id, owner)["state"] == "writing"
    recognised(scan_id, "pizza_box")

    assert ended(chat, conversation, answer_id, owner)["items"][0]["item_id"] == "pizza_box"
    told = [(fields["event"], json.loads(fields["data"])) for _, fields in store.xrange(f"chat:{answer_id}")]
    assert told[0] == ("tool", {"name": "scan"})


def test_a_photo_that_nobody_could_tell_is_said_to_be_so(
    chat: Running, owner: str, opened: Scan, recognised: Callable[..., None]
) -> None:
    scan_id = opened(owner)
    recognised(scan_id, None)

    answer = asked(chat, WHAT, None, owner, scan_id=scan_id)

    assert (answer["content"], answer["items"]) == ("무엇인지 확실히 알 수 없어요.", [])


def test_a_photo_that_does_not_come_fails_the_answer_in_time(talks: Any, owner: str, opened: Scan) -> None:
    chat = talks(scan_wait_s=1.0)

    answer = asked(chat, WHAT, None, owner, scan_id=opened(owner))

    assert (answer["state"], answer["error"]["code"]) == ("failed", "scan_unfinished")


def test_anothers_photo_is_as_if_it_were_not_there(chat: Running, owner: str, opened: Scan) -> None:
    scan_id = opened(owner)
    for stranger in (None, str(uuid7())):
        conversation = chat.call.start(stranger)["conversation_id"]

        problem = chat.refuses(chat.call.post, conversation, WHAT, stranger, {"scan_id": scan_id})

        assert problem.code == "scan_not_found"
        assert chat.call.messages(conversation, stranger)["messages"] == []


def test_the_model_sees_the_last_scans_of_who_asks_alone(
    talking: Running, server: OpenAIServer, owner: str, opened: Scan, recognised: Callable[..., None]
) -> None:
    mine, theirs = opened(owner), opened(str(uuid7()))
    for scan_id in (mine, theirs):
        recognised(scan_id, "pizza_box")
    seen: list[Any] = []

    def says(request: ModelRequest) -> str:
        seen.append(json.loads(request.results[-1].split("\n")[1]))
        return "피자 상자를 마지막으로 찍었어요."

    server.reply(Calls.of("my_last_scans"), when=lambda request: not request.results)
    server.reply(says)

    answer = asked(talking, "내가 마지막으로 찍은 게 뭐예요?", None, owner)

    assert len(seen[0]["scans"]) == 1
    assert "scan_id" not in seen[0]["scans"][0]
    assert answer["content"] == "피자 상자를 마지막으로 찍었어요."
