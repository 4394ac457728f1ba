"""Conversations: ``/api/chat``."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import eventlet
from pydantic import Field
from werkzeug.wrappers import Response

from services.gateway import chat_stream, problems
from services.gateway.call import Call, Reply, Streamed
from services.gateway.listening import Listener
from services.gateway.route import EVENTS, Route
from services.gateway.shapes import Answer, Body, Lang, Latitude, Longitude, Query, Time, Uuid
from services.kernel.arguments import Id, Line, Lines
from services.kernel.errors import Conflict, NotFound

JSON = "application/json"
Title = Annotated[str, Line(1, 100)]
Cursor = Annotated[str, Field(max_length=100, description="`next` of the page before")]
Verdict = Literal["right", "wrong", "helpful"]

STATUSES = {
    "scan_failed": 409,
    "scan_not_found": 404,
    "message_not_found": 404,
    "conversation_not_found": 404,
    "internal_error": 500,
}
"""What a failed answer would have been, had it been asked for at once; all others are 503."""


class NewConversation(Body):
    title: Title | None = None


class Rename(Body):
    title: Title


class Page(Query):
    limit: int = Field(20, ge=1, le=100)
    cursor: Cursor | None = None


class MessagePage(Query):
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


class NewMessage(Body):
    """`region`: an id, a name or an address. `lat` and `lon` come together; they are forgotten with the answer."""

    message: Annotated[str, Lines(1, 2000)]
    lang: Lang | None = Field(None, description="of the answer; by default that of the message")
    region: Annotated[str, Line(1, 50)] | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    scan_id: Annotated[str, Id("scan")] | None = Field(None, description="a scan that the question is about")


class NewFeedback(Body):
    verdict: Verdict
    comment: Annotated[str, Lines(1, 500)] | None = None


class About(Query):
    conversation_id: Annotated[str, Id("conversation")] | None = None


class Conversation(Answer):
    """`writing` is the answer that is being written."""

    conversation_id: Uuid
    title: str | None
    writing: Uuid | None
    created_at: Time
    updated_at: Time


class Conversations(Answer):
    conversations: list[Conversation]
    next: str | None


class Item(Answer):
    item_id: str
    name: str
    major: str
    kind: str | None
    situations: list[str]


class Source(Answer):
    id: str
    citation: str


class Failure(Answer):
    code: str
    detail: str


class Said(Answer):
    verdict: Verdict
    comment: str | None


class Message(Answer):
    """A question (role ``user``) or an answer. `degraded` is why the model did not word it, where there is one."""

    message_id: Uuid
    question_id: Uuid | None
    role: Literal["user", "assistant"]
    state: Literal["writing", "completed", "failed"]
    content: str
    provider: str | None
    model: str | None
    degraded: str | None
    items: list[Item]
    tools: list[str]
    sources: list[Source]
    suggestions: list[str]
    scan_id: Uuid | None
    region: str | None
    error: Failure | None
    feedback: Said | None
    created_at: Time
    finished_at: Time | None


class Messages(Answer):
    messages: list[Message]
    next: str | None


class Posted(Answer):
    message_id: Uuid
    answer_id: Uuid
    events_url: str


class Feedback(Answer):
    message_id: Uuid
    verdict: Verdict
    comment: str | None
    created_at: Time
    updated_at: Time


class Suggestions(Answer):
    suggestions: list[str]
    suggestions_en: list[str]


def start(call: Call, body: NewConversation) -> Any:
    return call.services.chat.start(call.viewer, body.title)


def conversations(call: Call, query: Page) -> Any:
    return call.services.chat.conversations(call.user, query.limit, query.cursor)


def conversation(call: Call, conversation_id: str) -> Any:
    return call.services.chat.conversation(conversation_id, call.viewer)


def rename(call: Call, conversation_id: str, body: Rename) -> Any:
    return call.services.chat.rename(conversation_id, body.title, call.viewer)


def delete(call: Call, conversation_id: str) -> None:
    call.services.chat.delete(conversation_id, call.viewer)


def messages(call: Call, conversation_id: str, query: MessagePage) -> Any:
    return call.services.chat.messages(conversation_id, call.viewer, query.limit, query.cursor)


def post(call: Call, conversation_id: str, body: NewMessage) -> Any:
    """202 with where to listen; or, for who accepts an event stream, the stream itself."""
    listens = call.request.accept_mimetypes.best_match([JSON, EVENTS.type]) == EVENTS.type
    listener = Listener(call, "chat") if listens else None
    options = body.model_dump(exclude={"message"}, exclude_none=True)
    try:
        posted = call.services.chat.post(conversation_id, body.message, call.viewer, options)
    except BaseException:
        if listener is not None:
            listener.close()
        raise
    at = f"/api/chat/conversations/{conversation_id}/messages/{posted['answer_id']}"
    accepted = Reply({**posted, "events_url": f"{at}/events"}, headers={"Location": at, "Retry-After": "1"})
    if listener is None:
        return accepted
    return Streamed(listener.stream(_lines(call, conversation_id, posted["answer_id"], None)), accepted)


def message(call: Call, conversation_id: str, message_id: str) -> Any:
    return call.services.chat.message(conversation_id, message_id, call.viewer)


def events(call: Call, conversation_id: str, message_id: str) -> Response:
    """The answer as it is written; 204 for who has heard its end."""
    found = call.services.chat.message(conversation_id, message_id, call.viewer)
    if found["role"] != "assistant":
        raise NotFound("message_not_found", "There is no such answer.")
    last_id = call.request.headers.get("Last-Event-ID")
    if last_id == chat_stream.END:
        return Response(status=204)
    return Listener(call, "chat").stream(_lines(call, conversation_id, found["message_id"], last_id))


def feedback(call: Call, conversation_id: str, message_id: str, body: NewFeedback) -> Any:
    return call.services.chat.feedback(conversation_id, message_id, call.viewer, body.verdict, body.comment)


def suggestions(call: Call, query: About) -> Any:
    return call.services.chat.suggestions(query.conversation_id, call.viewer)


def _lines(call: Call, conversation_id: str, answer_id: str, last_id: str | None) -> Iterator[str]:
    def ask() -> dict[str, Any]:
        found = call.services.chat.message(conversation_id, answer_id, call.viewer)
        return Message.model_validate(found).model_dump(mode="json")

    def problem(failed: dict[str, Any]) -> dict[str, Any]:
        code, detail = failed["error"]["code"], failed["error"]["detail"]
        told = {"type": f"{problems.TYPES}{code}", "title": "The answer failed", "status": STATUSES.get(code, 503)}
        return {**told, "detail": detail, "instance": call.request.path, "code": code, "trace_id": call.trace_id}

    return chat_stream.follow(
        call.services.cache,
        answer_id,
        last_id,
        ask,
        problem=problem,
        keepalive_s=call.settings.scans.sse_keepalive_s,
        pause=eventlet.sleep,
    )


AT = "/api/chat/conversations"
ROUTES = (
    Route(
        "POST",
        AT,
        start,
        "A new conversation",
        body=NewConversation,
        answer=Conversation,
        status=201,
        auth="optional",
        idempotent=True,
    ),
    Route(
        "GET", AT, conversations, "Own conversations, the latest first", query=Page, answer=Conversations, auth="user"
    ),
    Route("GET", f"{AT}/<conversation_id>", conversation, "One conversation", answer=Conversation, auth="optional"),
    Route("PATCH", f"{AT}/<conversation_id>", rename, "A new title", body=Rename, answer=Conversation, auth="optional"),
    Route("DELETE", f"{AT}/<conversation_id>", delete, "Delete it with all that was said", status=204, auth="optional"),
    Route(
        "GET",
        f"{AT}/<conversation_id>/messages",
        messages,
        "The last messages, the oldest of them first",
        query=MessagePage,
        answer=Messages,
        auth="optional",
    ),
    Route(
        "POST",
        f"{AT}/<conversation_id>/messages",
        post,
        "Ask; the answer is written behind, or streamed to who accepts events",
        body=NewMessage,
        answer=Posted,
        status=202,
        streams=True,
        auth="optional",
        limit="chat",
        idempotent=True,
        problems=(Conflict,),
    ),
    Route(
        "GET",
        f"{AT}/<conversation_id>/messages/<message_id>",
        message,
        "One question or answer",
        answer=Message,
        auth="optional",
    ),
    Route(
        "GET",
        f"{AT}/<conversation_id>/messages/<message_id>/events",
        events,
        "An answer as it is written; goes on after Last-Event-ID",
        answer=EVENTS,
        also=(204,),
        auth="optional",
    ),
    Route(
        "POST",
        f"{AT}/<conversation_id>/messages/<message_id>/feedback",
        feedback,
        "Whether an answer was right, wrong or helpful; the last word counts",
        body=NewFeedback,
        answer=Feedback,
        auth="optional",
        problems=(Conflict,),
    ),
    Route(
        "GET",
        "/api/chat/suggestions",
        suggestions,
        "Questions to begin with; in a conversation by its last topic",
        query=About,
        answer=Suggestions,
        auth="optional",
        problems=(NotFound,),
    ),
)
