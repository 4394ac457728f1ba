"""A part that is down: 503 with Retry-After while it lasts, never a stack trace, and all is well afterwards."""

import httpx
import pytest

from tests.e2e.parts import stopped
from tests.e2e.scans import answer, send
from tests.stack import TestStack, eventually


def unavailable(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) > 0
    assert "Traceback" not in response.text


@pytest.mark.parametrize("part", ["rabbitmq", "postgresql", "waste"])
def test_without_a_part_that_it_needs_a_photo_is_refused_for_now(
    client: httpx.Client, stack: TestStack, coffee: bytes, part: str
) -> None:
    with stopped(stack, part):
        unavailable(send(client, coffee))

    assert answer(client, coffee)["status"] == "completed"


def test_a_scan_needs_no_redis(client: httpx.Client, stack: TestStack, coffee: bytes) -> None:
    with stopped(stack, "redis"):
        scan = answer(client, coffee)

    assert scan["status"] == "completed"


def test_photos_that_come_while_the_object_store_is_down_are_answered_later(
    client: httpx.Client, stack: TestStack, coffee: bytes
) -> None:
    with stopped(stack, "seaweedfs"):
        accepted = send(client, coffee)
        assert accepted.status_code == 202

    at = accepted.headers["location"]
    eventually(lambda: client.get(at).json()["status"] == "completed", within_s=90)


def test_health_tells_a_domain_that_is_down_from_one_that_is_up(client: httpx.Client, stack: TestStack) -> None:
    with stopped(stack, "chat"):
        unavailable(client.get("/chat/health"))
        assert client.get("/waste/health").json() == {"status": "healthy", "service": "waste"}


def test_a_domain_without_its_database_lives_but_is_not_ready(client: httpx.Client, stack: TestStack) -> None:
    with stopped(stack, "postgresql"):
        assert client.get("/api/waste/health").status_code == 200
        ready = client.get("/api/waste/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"]["database"] != "ok"
        assert ready.json()["checks"]["broker"] == "ok"
