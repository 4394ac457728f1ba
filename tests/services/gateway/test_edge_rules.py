"""The edge's rules, each shown by routes that are made for it, over HTTP and with the real Redis."""

import logging
import socket
from collections.abc import Iterator
from typing import Any

import eventlet
import httpx
import pytest
import redis
from uuid6 import uuid7

from services.gateway import cookies
from services.gateway.call import Call, Reply
from services.gateway.limits import RateLimits
from services.gateway.route import Route
from services.gateway.service import GatewayService, Served
from services.gateway.shapes import Answer, Body, Query
from services.kernel.errors import Conflict
from tests.services.gateway.conftest import ANN
from tests.services.gateway.test_edge import refused
from tests.services.running import Running, running

PAGE = "https://app.example"
MADE: list[str] = []


class NewThing(Body):
    name: str
    count: int = 1


class Thing(Answer):
    name: str
    count: int


class Who(Answer):
    user: str | None


class Wait(Query):
    seconds: float = 0


def make(call: Call, body: NewThing) -> Any:
    if body.name == "broken":
        MADE.append(body.name)
        raise RuntimeError("a secret of ours")
    MADE.append(body.name)
    return Reply({"name": body.name, "count": len(MADE)}, headers={"Location": "/there"})


def who(call: Call) -> Any:
    return {"user": call.viewer, "email": "nobody asked for this"}


def change(call: Call) -> Any:
    return {"user": call.user}


def wait(call: Call, query: Wait) -> Any:
    eventlet.sleep(query.seconds)
    return {"user": None}


def misshapen(call: Call) -> Any:
    return {"name": "x" * 10}


def undeclared(call: Call) -> Any:
    raise Conflict("undeclared", "This route does not say that this may happen.")


ROUTES = (
    Route(
        "POST", "/api/probe/things", make, "", body=NewThing, answer=Thing, status=201, auth="optional", idempotent=True
    ),
    Route("GET", "/api/probe/who", who, "", answer=Who, auth="optional"),
    Route("POST", "/api/probe/me", change, "", answer=Who, auth="user"),
    Route("GET", "/api/probe/few", who, "", answer=Who, auth="optional", limit="mail"),
    Route("GET", "/api/slow/wait", wait, "", query=Wait, answer=Who),
    Route("GET", "/api/probe/misshapen", misshapen, "", answer=Thing),
    Route("GET", "/api/probe/undeclared", undeclared, "", answer=Thing),
    Route("GET", "/api/auth/any", who, "", answer=Who),
)


class Probes(GatewayService):
    edge = Served(ROUTES)


@pytest.fixture(scope="module")
def probes(stack: Any, tokens: None) -> Iterator[Running]:
    settings = stack.config
    limits = settings.gateway.limits.model_copy(update={"mail": "3/minute"})
    edge = settings.gateway.model_copy(
        update={
            "cors_origins": [PAGE],
            "body_s": 1.0,
            "domain_calls": 2,
            "domain_wait_s": 0.1,
            "limits": limits,
            "trusted_proxies": 1,
        }
    )
    with running(Probes, settings.model_copy(update={"gateway": edge})) as service:
        yield service


@pytest.fixture
def http(probes: Running) -> Iterator[httpx.Client]:
    MADE.clear()
    with httpx.Client(base_url=f"http://127.0.0.1:{probes.config.http_port}", timeout=30) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_what_a_route_does_not_declare_never_leaves(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    assert http.get("/api/probe/who").json() == {"user": None}
    with caplog.at_level(logging.ERROR):
        refused(http.get("/api/probe/misshapen"), 500, "internal_error")
        refused(http.get("/api/probe/undeclared"), 500, "internal_error")
    assert "answers what it does not declare" in caplog.text
    assert "does not declare the error" in caplog.text


def test_an_unforeseen_error_is_logged_and_told_without_its_words(
    http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    failed = http.post("/api/probe/things", json={"name": "broken"})

    refused(failed, 500, "internal_error")
    assert "secret" not in failed.text
    assert "a secret of ours" in caplog.text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ('{"name": "a"', 400, "json_invalid"),
        ("[]", 400, "json_invalid"),
        ("[" * 10_000, 400, "json_invalid"),
        ('{"name": ' + "[" * 10_000 + "]" * 10_000 + "}", 400, "json_invalid"),
        ('{"name": "a", "name": "b"}', 400, "json_invalid"),
        ('{"name": "a", "count": NaN}', 400, "json_invalid"),
        ('{"name": "a", "count": 1e999}', 400, "json_invalid"),
        ('{"name": "a", "count": "1"}', 422, "invalid_arguments"),
        ('{"name": "a", "count": 1.5}', 422, "invalid_arguments"),
        ('{"name": "a", "admin": true}', 422, "invalid_arguments"),
        ('{"name": "\\ud800"}', 400, "json_invalid"),
        ("{}", 422, "invalid_arguments"),
        ("", 422, "invalid_arguments"),
        ('{"name": "' + "x" * 70_000 + '"}', 413, "body_too_large"),
        (b'{"name": "\xff"}', 400, "json_invalid"),
    ],
)
def test_a_body_that_does_not_fit_is_refused(http: httpx.Client, body: Any, status: int, code: str) -> None:
    refused(http.post("/api/probe/things", content=body, headers={"Content-Type": "application/json"}), status, code)
    assert MADE == []


def test_only_json_is_read_as_json(http: httpx.Client) -> None:
    refused(http.post("/api/probe/things", data={"name": "a"}), 415, "content_type_unsupported")


def test_a_body_that_comes_too_slowly_is_given_up(probes: Running) -> None:
    with socket.create_connection(("127.0.0.1", probes.config.http_port)) as client:
        head = (
            "POST /api/probe/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n"
        )
        client.sendall(head.encode() + b'{"name"')
        client.settimeout(20)
        assert client.recv(100).startswith(b"HTTP/1.1 408")


def test_who_asks_is_known_by_a_token(http: httpx.Client) -> None:
    assert http.get("/api/probe/who", headers=bearer("ann")).json() == {"user": ANN}
    assert http.post("/api/probe/me", headers=bearer("ann")).json() == {"user": ANN}
    missing = http.post("/api/probe/me")
    refused(missing, 401, "token_missing")
    assert missing.headers["www-authenticate"] == "Bearer"
    refused(http.get("/api/probe/who", headers=bearer("forged")), 401, "token_invalid")
    refused(http.get("/api/probe/who", headers={"Authorization": "Basic YTpi"}), 401, "token_invalid")


def test_a_cookie_signs_in_but_changes_nothing_without_proof(http: httpx.Client) -> None:
    signed_in = {"Cookie": f"{cookies.ACCESS}=ann; {cookies.CSRF}=proof"}
    proven = {**signed_in, cookies.CSRF_HEADER: "proof"}

    assert http.get("/api/probe/who", headers=signed_in).json() == {"user": ANN}
    refused(http.post("/api/probe/me", headers=signed_in), 403, "csrf_refused")
    refused(http.post("/api/probe/me", headers={**signed_in, cookies.CSRF_HEADER: "guess"}), 403, "csrf_refused")
    refused(http.post("/api/probe/me", headers={**proven, "Origin": "https://evil.example"}), 403, "csrf_refused")
    refused(http.post("/api/probe/me", headers={"Cookie": f"{cookies.ACCESS}=ann"}), 403, "csrf_refused")
    for page in (PAGE, "https://api.growbin.app", str(http.base_url).rstrip("/")):
        assert http.post("/api/probe/me", headers={**proven, "Origin": page}).json() == {"user": ANN}


def test_only_pages_on_the_list_may_call_from_elsewhere(http: httpx.Client) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}

    allowed = http.options("/api/probe/me", headers={"Origin": PAGE, **asks})
    refused_ = http.options("/api/probe/me", headers={"Origin": "https://evil.example", **asks})

    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert allowed.headers["access-control-allow-methods"] == "POST"
    assert "Authorization" in allowed.headers["access-control-allow-headers"]
    assert not any(name.startswith("access-control") for name in refused_.headers)
    assert http.get("/api/probe/who", headers={"Origin": PAGE}).headers["access-control-allow-origin"] == PAGE
    assert "Origin" in http.get("/api/probe/who").headers["vary"]


def test_requests_are_counted_for_each_user_and_for_each_address(http: httpx.Client) -> None:
    far, near = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "6.6.6.6, 203.0.113.8"}

    counts = [http.get("/api/probe/few", headers=far) for _ in range(4)]

    assert [count.status_code for count in counts] == [200, 200, 200, 429]
    assert [count.headers["ratelimit"].split(";")[1] for count in counts] == ["r=2", "r=1", "r=0", "r=0"]
    refused(counts[-1], 429, "rate_limited")
    assert 1 <= int(counts[-1].headers["retry-after"]) <= 60
    assert http.get("/api/probe/few", headers=near).status_code == 200  # what a client writes itself does not count
    assert http.get("/api/probe/few", headers={**far, **bearer("ben")}).status_code == 200


def test_limits_hold_in_this_process_while_redis_is_away(stack: Any) -> None:
    nowhere = "redis://127.0.0.1:1/0"
    limits = RateLimits(
        stack.config.gateway.limits.model_copy(update={"mail": "2/hour"}), redis.from_url(nowhere), nowhere
    )

    assert [limits.hit("mail", "x").allowed for _ in range(3)] == [True, True, False]


def test_an_address_is_told_how_it_stands_only_where_it_is_refused(stack: Any) -> None:
    limits = stack.config.gateway.limits.model_copy(update={"address": "2/hour"})
    for url in (str(stack.config.redis_url), "redis://127.0.0.1:1/0"):
        counted = RateLimits(limits, redis.from_url(url, decode_responses=True), url)
        who = str(uuid7())

        first, second, third = (counted.refusal("address", who) for _ in range(3))

        assert (first, second) == (None, None)
        assert third is not None
        assert (third.allowed, third.limit, third.left, third.window_s) == (False, 2, 0, 3600)


def test_a_key_lets_a_thing_be_made_once(http: httpx.Client) -> None:
    key = {"Idempotency-Key": str(uuid7())}

    first = http.post("/api/probe/things", json={"name": "one"}, headers=key)
    again = http.post("/api/probe/things", json={"name": "one"}, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == "/there"
    assert MADE == ["one"]
    refused(http.post("/api/probe/things", json={"name": "two"}, headers=key), 422, "idempotency_key_reused")
    refused(
        http.post("/api/probe/things", json={"name": "x"}, headers={"Idempotency-Key": "a b"}),
        400,
        "idempotency_key_invalid",
    )
    theirs = http.post("/api/probe/things", json={"name": "theirs"}, headers={**key, **bearer("ben")})
    assert theirs.json()["name"] == "theirs"


def test_of_many_at_once_with_a_key_one_makes_the_thing(http: httpx.Client) -> None:
    key = {"Idempotency-Key": str(uuid7())}

    def send(_: int) -> httpx.Response:
        return httpx.post(f"{http.base_url}/api/probe/things", json={"name": "once"}, headers=key, timeout=30)

    answers = list(eventlet.GreenPool(20).imap(send, range(20)))

    assert MADE == ["once"]
    assert {answer.status_code for answer in answers} <= {201, 409, 503}
    assert 201 in {answer.status_code for answer in answers}


def test_a_fault_of_ours_leaves_the_key_free(http: httpx.Client) -> None:
    key = {"Idempotency-Key": str(uuid7())}

    for _ in range(2):
        refused(http.post("/api/probe/things", json={"name": "broken"}, headers=key), 500, "internal_error")
    assert MADE == ["broken", "broken"]


def test_a_slow_domain_takes_only_its_own_places(http: httpx.Client) -> None:
    address = f"{http.base_url}/api/slow/wait"
    slow = [eventlet.spawn(httpx.get, address, params={"seconds": 1}, timeout=30) for _ in range(2)]
    eventlet.sleep(0.4)

    busy = http.get(address)
    other = http.get("/api/probe/who")

    refused(busy, 503, "domain_busy")
    assert busy.headers["retry-after"] == "5"
    assert other.status_code == 200
    assert [call.wait().status_code for call in slow] == [200, 200]
