"""An answer whose process dies is written by another, from its beginning, in bounded time; or it fails and says so."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import eventlet
import pytest
from nameko.standalone.rpc import ClusterRpcProxy

from services.chat import leases
from services.chat.domains import Domains
from services.chat.leases import Attempt, Written
from services.chat.service import ChatService
from services.chat.stream import Telling
from services.gateway import chat_stream
from services.kernel.errors import Unavailable
from services.kernel.settings import nameko_config
from tests.doubles.openai_server import Fault, OpenAIServer
from tests.services.chat.conftest import asked, ended, writers
from tests.services.running import Running, eventually, free_port

ROOT = Path(__file__).parents[3]
QUESTION = "건전지는 어디에 버려요?"
GOOD = "건전지는 전지 수거함에 넣어요. 접점에 테이프를 붙여 서로 닿지 않게 해요."
INTERRUPTED = "answer_interrupted"


@contextmanager
def doomed(stack: Any, server: OpenAIServer) -> Iterator[tuple[Any, subprocess.Popen[bytes]]]:
    """Another chat process, with a model: its RPC proxy and itself."""
    environment = {
        **os.environ,
        **stack.settings,
        "ECO2_HTTP_PORT": str(free_port()),
        "ECO2_CHAT__LEASE_S": "3",
        "ECO2_AI__OPENAI__BASE_URL": server.base_url,
        "ECO2_AI__OPENAI__READ_TIMEOUT_S": "20",
        "OPENAI_API_KEY": server.api_key,
    }
    command = [sys.executable, "-m", "services.kernel.run", "tests.services.chat.doomed:DoomedChatService"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with ClusterRpcProxy(nameko_config(stack.config), timeout=30) as cluster:
            eventually(lambda: answers(cluster), within_s=60)
            yield cluster["doomed_chat"], process
    finally:
        process.kill()
        process.wait()


def answers(cluster: Any) -> bool:
    try:
        return bool(cluster["doomed_chat"].suggestions())
    except Exception:
        return False


def texts(store: Any, answer_id: str) -> list[str]:
    found = store.xrange(f"chat:{answer_id}")
    return [json.loads(fields["data"]).get("text", "") for _, fields in found if fields["event"] == "token"]


def test_another_process_writes_the_answer_of_one_that_was_killed(
    stack: Any, talking: Running, server: OpenAIServer, store: Any
) -> None:
    server.reply(GOOD)
    server.fail(Fault.slow_drip(16, 0.03), times=1)
    with doomed(stack, server) as (other, process):
        conversation = other.start()["conversation_id"]
        answer_id = other.post(conversation, QUESTION)["answer_id"]
        lines = listen(talking, store, conversation, answer_id)
        first = next(lines)
        process.kill()
        process.wait()

        rest = list(lines)

    answer = ended(talking, conversation, answer_id)
    assert (answer["content"], answer["state"]) == (GOOD, "completed")
    assert first["event"] == "token"
    assert read(first, *rest) == GOOD
    assert {"reason": "taken_over"} in [event["data"] for event in rest]
    assert rest[-1]["data"]["content"] == GOOD
    [(attempt, lease)] = talking.sql("SELECT attempt, lease_until FROM chat.messages WHERE id = %s", answer_id)
    assert (attempt, lease) == (2, None)


def listen(chat: Running, store: Any, conversation: str, answer_id: str, last_id: str | None = None) -> Iterator[Any]:
    """What a client of the gateway hears."""
    lines = chat_stream.follow(
        store,
        answer_id,
        last_id,
        lambda: chat.call.message(conversation, answer_id),
        problem=lambda failed: failed["error"],
        keepalive_s=60,
        pause=eventlet.sleep,
    )
    for block in lines:
        fields = dict(line.split(": ", 1) for line in block.strip().splitlines())
        yield {**fields, "data": json.loads(fields["data"])}


def read(*events: Any) -> str:
    """The text of somebody who begins anew at each restart."""
    text = ""
    for event in events:
        text = "" if event["event"] == "restart" else text + event["data"].get("text", "")
    return text


def begun(chat: Running, conversation: str, attempt: int, seconds: float) -> str:
    """An answer that somebody has begun and left; its lease ends in so many seconds."""
    answer = asked(chat, QUESTION, conversation)
    chat.sql(
        "UPDATE chat.messages SET state = 'writing', content = '', provider = NULL, finished_at = NULL, attempt = %s,"
        " lease_until = now() + %s * interval '1 second' WHERE id = %s",
        attempt,
        seconds,
        answer["message_id"],
    )
    answer_id: str = answer["message_id"]
    return answer_id


def test_an_answer_whose_lease_is_over_is_taken_over(chat: Running, conversation: str) -> None:
    answer_id = begun(chat, conversation, 1, -1)

    assert ended(chat, conversation, answer_id)["state"] == "completed"


def test_an_answer_that_was_begun_too_often_fails_and_says_so(chat: Running, conversation: str, store: Any) -> None:
    chat.sql("DELETE FROM chat.messages WHERE conversation_id = %s", conversation)
    answer_id = begun(chat, conversation, 3, 3600)
    place = '{"lat": 37.5, "lon": 127.0}'
    chat.sql("UPDATE chat.messages SET options = %s WHERE role = 'user' AND conversation_id = %s", place, conversation)
    chat.sql("UPDATE chat.messages SET lease_until = now() WHERE id = %s", answer_id)

    answer = ended(chat, conversation, answer_id)

    assert (answer["state"], answer["error"]["code"]) == ("failed", INTERRUPTED)
    kept = "SELECT options FROM chat.messages WHERE role = 'user' AND conversation_id = %s"
    assert chat.sql(kept, conversation) == [({},)]
    eventually(lambda: store.xrange(f"chat:{answer_id}")[-1][1]["event"] in ("failed", "completed"))
    assert asked(chat, QUESTION, conversation)["state"] == "completed"


def test_only_the_last_attempt_may_end_an_answer(chat: Running, conversation: str) -> None:
    answer_id = begun(chat, conversation, 2, 60)
    late, last = Attempt(answer_id, 1), Attempt(answer_id, 2)

    assert leases.question(late) is None
    assert leases.renew([late, last], 60) == {answer_id}
    assert not leases.complete(late, Written("too late", "rules"))
    assert not leases.fail(late, "x", "y")
    assert leases.complete(last, Written("in time", "rules"))
    assert chat.call.message(conversation, answer_id)["content"] == "in time"


def test_who_has_lost_an_answer_cannot_add_to_its_stream(store: Any) -> None:
    answer_id = "0-nobody"
    late = Telling(store, Attempt(answer_id, 1), 60)
    late.token("one ")
    last = Telling(store, Attempt(answer_id, 2), 60)
    late.token("too late")
    late.end("completed")
    last.token("two")

    told = [(found, fields["event"]) for found, fields in store.xrange(f"chat:{answer_id}")]

    store.delete(f"chat:{answer_id}")
    assert told[:2] == [("1-1", "token"), ("2-1", "restart")]
    assert ("1-2", "token") not in told


def test_a_process_that_stops_leaves_its_answers_to_others_at_once(chat: Running, conversation: str) -> None:
    answer_id = begun(chat, conversation, 1, 600)

    assert leases.renew([Attempt(answer_id, 1)], 0) == {answer_id}
    assert ended(chat, conversation, answer_id)["state"] == "completed"


def test_when_too_many_answers_are_written_the_next_is_refused_and_not_kept(
    chat: Running, conversation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers(chat), "free", eventlet.semaphore.Semaphore(0))

    problem = chat.refuses(chat.call.post, conversation, QUESTION)

    assert isinstance(problem, Unavailable)
    assert problem.code == "chat_busy"
    assert chat.call.messages(conversation)["messages"] == []


def test_places_are_given_back(chat: Running, conversation: str) -> None:
    free = writers(chat).free.balance

    for message in (QUESTION, "", QUESTION):
        if message:
            asked(chat, message, conversation)
        else:
            chat.refuses(chat.call.post, conversation, message)

    eventually(lambda: writers(chat).free.balance == free)


class Away:
    """A recycle service that is down."""

    def __getattr__(self, name: str) -> Any:
        raise Unavailable("service_unavailable", "The recycle service is not running. Try again shortly.")


def test_without_the_rules_an_answer_fails_and_says_why(
    chat: Running, conversation: str, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away()
    monkeypatch.setattr(ChatService, "_domains", lambda _: Domains(away, away, away))

    answer = asked(chat, QUESTION, conversation)

    assert (answer["state"], answer["content"], answer["provider"]) == ("failed", "", None)
    assert answer["error"]["code"] == "service_unavailable"
    heard = list(listen(chat, store, conversation, answer["message_id"]))
    assert [event["event"] for event in heard] == ["failed"]


def test_what_nobody_foresaw_is_told_without_its_words(
    chat: Running, conversation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ChatService, "_domains", lambda _: None)

    answer = asked(chat, QUESTION, conversation)

    assert answer["error"] == {
        "code": "internal_error",
        "detail": "Something went wrong on our side; it has been noted.",
    }
