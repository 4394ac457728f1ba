"""Nobody reads or changes what is another's: every operation is tried with the other's token, and with none."""

from typing import Any

import httpx
import pytest

from tests.e2e.operations import Operation, operations
from tests.e2e.people import Person
from tests.stack import TestStack

PUBLIC_PARTS = {"item_id", "point_id", "domain", "provider", "code"}
"""Parts of paths that name nobody's own."""

BODIES: dict[Operation, dict[str, Any]] = {
    Operation("POST", "/api/waste/scans/{scan_id}/feedback"): {"json": {"verdict": "right"}},
    Operation("PATCH", "/api/chat/conversations/{conversation_id}"): {"json": {"title": "mine now"}},
    Operation("POST", "/api/chat/conversations/{conversation_id}/messages"): {"json": {"message": "건전지?"}},
    Operation("POST", "/api/chat/conversations/{conversation_id}/messages/{message_id}/feedback"): {
        "json": {"verdict": "right"}
    },
}
"""What the operations are sent that ask for more than a path: good enough for the owner."""


@pytest.fixture
def owned(person: Person, coffee: bytes) -> dict[str, str]:
    """The ids of things that are the first person's."""
    scan = person.scan(coffee)
    conversation, message = person.conversation()
    upload = person.client.post("/api/waste/uploads", json={"content_type": "image/jpeg", "bytes": len(coffee)}).json()
    (session,) = person.client.get("/api/auth/sessions").json()["sessions"]
    return {
        "scan_id": scan["scan_id"],
        "conversation_id": conversation,
        "message_id": message,
        "upload_id": upload["upload_id"],
        "session_id": session["session_id"],
    }


def test_every_operation_on_anothers_own_answers_as_if_there_were_none(
    stack: TestStack, person: Person, other: Person, owned: dict[str, str]
) -> None:
    with stack.client() as nobody:
        private = [found for found in operations(nobody) if set(found.parts) - PUBLIC_PARTS]
        assert {part for found in private for part in found.parts} <= owned.keys()
        before = kept(person, owned)
        for operation in private:
            sent = BODIES.get(operation, {})
            path = operation.at(owned)
            stranger = other.client.request(operation.method, path, **sent)
            unknown = nobody.request(operation.method, path, **sent)
            assert (operation, stranger.status_code) == (operation, 404), stranger.text
            assert (operation, unknown.status_code) in ((operation, 404), (operation, 401)), unknown.text
        assert kept(person, owned) == before


def test_no_listing_tells_one_user_of_anothers_own(other: Person, person: Person, owned: dict[str, str]) -> None:
    shown = 0
    for operation in operations(other.client):
        if operation.method == "GET" and not operation.parts:
            answer = other.client.get(operation.path, follow_redirects=False)
            secrets = {*owned.values(), person.email}
            assert not [secret for secret in secrets if secret in answer.text], operation
            shown += answer.status_code == 200
    assert shown > 15


def test_a_stream_of_anothers_scan_does_not_begin(other: Person, owned: dict[str, str]) -> None:
    at = f"/api/chat/conversations/{owned['conversation_id']}/messages/{owned['message_id']}/events"
    for path in (f"/api/waste/scans/{owned['scan_id']}/events", at):
        refused: httpx.Response = other.client.get(path, headers={"Last-Event-ID": "0-0"})
        assert (refused.status_code, refused.headers["content-type"]) == (404, "application/problem+json")


def kept(person: Person, owned: dict[str, str]) -> list[Any]:
    """What the owner sees of the things."""
    at = f"/api/chat/conversations/{owned['conversation_id']}"
    paths = (f"/api/waste/scans/{owned['scan_id']}", at, f"{at}/messages", "/api/auth/sessions", "/api/user/me")
    seen = [person.client.get(path) for path in paths]
    assert all(answer.status_code == 200 for answer in seen)
    return [answer.json() for answer in seen]
