"""What a gateway counts of its requests, by requests that are made; and who may ask for it."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import eventlet
import httpx
import pytest
from eventlet.event import Event
from uuid6 import uuid7
from werkzeug.wrappers import Request

from services.gateway.api import operations
from services.gateway.bulkheads import Bulkheads
from services.gateway.call import Call
from services.gateway.listening import Listener
from services.gateway.route import EVENTS, Route
from services.gateway.service import GatewayService, Served
from services.gateway.shapes import Answer, Body
from services.kernel.errors import Conflict, Unavailable
from tests.services.gateway.test_edge import refused
from tests.services.kernel.metering import grows, sample
from tests.services.running import Running, eventually, running

PLACES = 2
SLOW = ("slow", "slower", "slowest", "standstill")
"""Domains whose calls hang; together they take every worker."""

BALANCER = {"X-Forwarded-For": "203.0.113.7"}

over: list[Event] = [Event()]
"""Until then what hangs, hangs; a new one for each test."""


class Nothing(Answer):
    pass


class NoBody(Body):
    pass


def fine(call: Call, **_: Any) -> Any:
    return {}


def broken(call: Call) -> Any:
    raise RuntimeError("not today")


def hang(call: Call) -> Any:
    over[0].wait()
    return {}


def far_away(call: Call) -> Any:
    raise Unavailable("service_unavailable", "The domain is away.")


def taken(call: Call) -> Any:
    raise Conflict("taken", "Somebody was first.")


def photo(call: Call) -> Any:
    def read() -> bytes:
        over[0].wait()
        return b""

    call.services.photos.prepare(read, None)
    return {}


def listen(call: Call) -> Any:
    def lines() -> Iterator[str]:
        while not over[0].ready():
            yield ": still here\n\n"
            eventlet.sleep(0.05)

    return Listener(call, "chat" if "chat" in call.request.path else "scan").stream(lines())


ROUTES = (
    Route("GET", "/api/probe/fine", fine, "", answer=Nothing),
    Route("GET", "/api/probe/fine/<part>", fine, "", answer=Nothing),
    Route("GET", "/api/probe/broken", broken, "", answer=Nothing),
    Route("GET", "/api/probe/taken", taken, "", answer=Nothing, problems=(Conflict,)),
    Route("GET", "/api/probe/away", far_away, "", answer=Nothing),
    Route("GET", "/api/probe/few", fine, "", answer=Nothing, limit="mail"),
    Route("POST", "/api/probe/things", fine, "", body=NoBody, answer=Nothing, status=201, idempotent=True),
    *(Route("GET", f"/api/{domain}/hang", hang, "", answer=Nothing) for domain in SLOW),
    Route("GET", "/api/photo/make", photo, "", answer=Nothing),
    Route("GET", "/api/scan/events", listen, "", answer=EVENTS),
    Route("GET", "/api/chat/events", listen, "", answer=EVENTS),
)


class Metered(GatewayService):
    edge = Served(ROUTES)


@pytest.fixture(scope="module")
def metered(stack: Any) -> Iterator[Running]:
    settings = stack.config
    edge = settings.gateway.model_copy(
        update={
            "domain_calls": PLACES,
            "domain_wait_s": 0.3,
            "trusted_proxies": 1,
            "limits": settings.gateway.limits.model_copy(update={"mail": "1/minute"}),
        }
    )
    images = settings.images.model_copy(update={"decode_at_once": 1, "decode_wait_s": 0.1})
    scans = settings.scans.model_copy(update={"sse_max_clients": 2})
    changed = settings.model_copy(
        update={"gateway": edge, "images": images, "scans": scans, "max_workers": PLACES * len(SLOW)}
    )
    with running(Metered, changed) as service:
        yield service


@pytest.fixture
def http(metered: Running) -> Iterator[httpx.Client]:
    over[0] = Event()
    with httpx.Client(base_url=f"http://127.0.0.1:{metered.config.http_port}", timeout=30) as client:
        yield client
    if not over[0].ready():
        over[0].send()


def in_the_background(http: httpx.Client, path: str, times: int) -> list[Any]:
    return [eventlet.spawn(httpx.get, f"{http.base_url}{path}", timeout=30) for _ in range(times)]


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/api/probe/fine", "/api/probe/fine", "2xx"),
        ("/api/probe/fine/anything", "/api/probe/fine/<part>", "2xx"),
        ("/api/probe/taken", "/api/probe/taken", "4xx"),
        ("/api/probe/broken", "/api/probe/broken", "5xx"),
    ],
)
def test_a_request_is_counted_by_its_route_and_the_class_of_its_status(
    http: httpx.Client, path: str, route: str, status: str
) -> None:
    with grows("eco2_http_request_seconds_count", method="GET", route=route, status=status):
        http.get(path)


def test_what_the_client_has_already_is_a_3xx(http: httpx.Client) -> None:
    tag = http.get("/api/probe/fine").headers["etag"]

    with grows("eco2_http_request_seconds_count", method="GET", route="/api/probe/fine", status="3xx"):
        http.get("/api/probe/fine", headers={"If-None-Match": tag})


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_a_request_to_nowhere_is_counted_as_such(http: httpx.Client, method: str) -> None:
    with grows("eco2_http_request_seconds_count", method="none", route="none", status="4xx"):
        http.request(method, f"/api/{uuid7()}")


def test_the_places_of_a_domain_are_counted_while_they_are_taken(http: httpx.Client) -> None:
    in_use = {"name": "eco2_gateway_places_in_use", "domain": "slow"}
    assert sample("eco2_gateway_places_limit", domain="slow") == PLACES
    assert sample(**in_use) == 0

    hanging = in_the_background(http, "/api/slow/hang", PLACES)
    eventually(lambda: sample(**in_use) == PLACES)
    assert sample("eco2_gateway_places_in_use", domain="probe") == 0

    over[0].send()
    assert [call.wait().status_code for call in hanging] == [200, 200]
    assert sample(**in_use) == 0


def test_a_call_that_finds_no_place_has_waited_and_is_refused(http: httpx.Client) -> None:
    hanging = in_the_background(http, "/api/slow/hang", PLACES)
    eventually(lambda: sample("eco2_gateway_places_in_use", domain="slow") == PLACES)
    waited_s = sample("eco2_gateway_place_wait_seconds_sum", domain="slow")

    with (
        grows("eco2_gateway_refused_total", reason="domain_busy"),
        grows("eco2_gateway_place_wait_seconds_count", domain="slow"),
    ):
        refused(http.get("/api/slow/hang"), 503, "domain_busy")

    assert 0.29 <= sample("eco2_gateway_place_wait_seconds_sum", domain="slow") - waited_s < 1.5
    over[0].send()
    assert all(call.wait() for call in hanging)


def test_a_call_that_waits_for_a_place_and_gets_it_says_for_how_long() -> None:
    bulkheads = Bulkheads(["narrow"], places=1, wait_s=30)

    def call() -> None:
        with bulkheads.place("narrow"):
            eventlet.sleep(0.2)

    calls = [eventlet.spawn(call) for _ in range(2)]
    for each in calls:
        each.wait()

    assert sample("eco2_gateway_place_wait_seconds_count", domain="narrow") == 2
    assert sample("eco2_gateway_place_wait_seconds_sum", domain="narrow") >= 0.19
    assert sample("eco2_gateway_places_in_use", domain="narrow") == 0


def test_who_asks_too_often_is_counted(http: httpx.Client) -> None:
    who = {"X-Forwarded-For": f"2001:db8::{uuid7().hex[-4:]}"}
    assert http.get("/api/probe/few", headers=who).status_code == 200

    with grows("eco2_gateway_refused_total", reason="rate_limited"):
        refused(http.get("/api/probe/few", headers=who), 429, "rate_limited")


def test_a_photo_that_finds_no_turn_is_counted(http: httpx.Client) -> None:
    first = in_the_background(http, "/api/photo/make", 1)
    eventually(lambda: sample("eco2_gateway_places_in_use", domain="photo") == 1)

    with grows("eco2_gateway_refused_total", reason="photos_busy"):
        refused(http.get("/api/photo/make"), 503, "photos_busy")

    over[0].send()
    assert first[0].wait().status_code == 400  # that photo had no bytes


def test_a_domain_that_is_away_is_no_refusal_of_the_gateways(http: httpx.Client) -> None:
    before = {each: sample("eco2_gateway_refused_total", reason=each) for each in ("domain_busy", "rate_limited")}

    refused(http.get("/api/probe/away"), 503, "service_unavailable")

    assert sample("eco2_gateway_refused_total", reason="service_unavailable") == 0
    assert before == {each: sample("eco2_gateway_refused_total", reason=each) for each in before}


@pytest.mark.parametrize("kind", ["scan", "chat"])
def test_streams_are_counted_while_somebody_listens(http: httpx.Client, kind: str) -> None:
    assert sample("eco2_gateway_streams", kind=kind) == 0

    with http.stream("GET", f"/api/{kind}/events"):
        assert sample("eco2_gateway_streams", kind=kind) == 1
        with http.stream("GET", f"/api/{kind}/events"):
            assert sample("eco2_gateway_streams", kind=kind) == 2
            with grows("eco2_gateway_refused_total", reason="too_many_streams"):
                refused(http.get(f"/api/{kind}/events"), 503, "too_many_streams")

    eventually(lambda: sample("eco2_gateway_streams", kind=kind) == 0)


def test_an_answer_that_is_kept_for_its_key_is_a_hit(http: httpx.Client) -> None:
    key = {"Idempotency-Key": str(uuid7())}

    with grows("eco2_cache_requests_total", cache="idempotency", outcome="miss"):
        assert http.post("/api/probe/things", json={}, headers=key).status_code == 201
    with grows("eco2_cache_requests_total", cache="idempotency", outcome="hit", by=2):
        for _ in range(2):
            assert http.post("/api/probe/things", json={}, headers=key).headers["idempotent-replayed"] == "true"


def test_who_comes_through_the_load_balancer_finds_no_metrics(http: httpx.Client) -> None:
    refused(http.get("/metrics", headers=BALANCER), 404, "route_not_found")
    assert http.head("/metrics", headers=BALANCER).status_code == 404
    assert "eco2_http_request_seconds" in http.get("/metrics").text
    assert http.get("/health", headers=BALANCER).json() == {"status": "healthy", "service": "gateway"}


def test_who_comes_through_the_load_balancer_does_not_hear_what_the_parts_say(
    metered: Running, http: httpx.Client
) -> None:
    refused(http.get("/ready", headers=BALANCER), 404, "route_not_found")
    assert http.get("/ready").json()["service"] == "gateway"

    class Broken:
        def health(self) -> dict[str, Any]:
            told = {"broker": "ok", "database": "OperationalError: no route to postgresql.data, user eco2_waste"}
            return {"status": "not_ready", "service": "waste", "checks": told}

    def asked(headers: dict[str, str]) -> Any:
        request = Request.from_values(headers=headers)
        call: Any = SimpleNamespace(request=request, settings=metered.config, services=SimpleNamespace(waste=Broken()))
        return operations.ready(call, "waste")

    assert asked(BALANCER).value["checks"] == {"broker": "ok", "database": "failed"}
    assert "no route" in asked({}).value["checks"]["database"]


def test_a_gateway_without_a_load_balancer_believes_no_header(gateway: Running) -> None:
    address = f"http://127.0.0.1:{gateway.config.http_port}/metrics"

    assert "eco2_http_request_seconds" in httpx.get(address, headers=BALANCER).text


def test_a_gateway_that_is_busy_to_the_last_worker_tells_its_metrics(metered: Running, http: httpx.Client) -> None:
    hanging = [call for domain in SLOW for call in in_the_background(http, f"/api/{domain}/hang", PLACES)]
    eventually(lambda: {sample("eco2_gateway_places_in_use", domain=domain) for domain in SLOW} == {PLACES})
    with pytest.raises(httpx.TimeoutException):
        http.get("/api/probe/fine", timeout=0.3)

    assert 'eco2_gateway_places_in_use{domain="standstill"} 2.0' in http.get("/metrics", timeout=5).text
    assert http.get("/health", timeout=5).status_code == 200
    over[0].send()
    assert {call.wait().status_code for call in hanging} == {200}
