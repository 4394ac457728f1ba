"""What every request goes through, over HTTP against a real gateway."""

import gzip
import json
import re

import httpx
import pytest

NEAR = {"lat": 37.5665, "lon": 126.978, "radius": 10_000}


def refused(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, object] = response.json()
    return problem


def test_an_answer_has_the_declared_shape_and_the_headers_of_every_answer(http: httpx.Client) -> None:
    found = http.get("/api/location/points", params=NEAR)

    assert found.status_code == 200, found.text
    assert found.json()["points"][0]["distance_m"] > 0
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert found.headers["cache-control"] == "no-store"
    assert re.fullmatch(r"[0-9a-f]{32}", found.headers["x-request-id"])
    assert re.fullmatch(r'"search";r=\d+;t=\d+', found.headers["ratelimit"])
    assert found.headers["ratelimit-policy"] == '"search";q=300;w=60'


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("lat=91&lon=0", "lat"),
        ("lat=nan&lon=0", "lat"),
        ("lat=1e400&lon=0", "lat"),
        ("lon=0", "lat"),
        ("lat=1&lon=0&limit=2.5", "limit"),
        ("lat=1&lon=0&limit=" + "9" * 5000, "limit"),
        ("lat=1&lon=0&radious=5", "radious"),
        ("lat=1&lon=0&open_now=perhaps", "open_now"),
    ],
)
def test_a_wrong_parameter_is_named(http: httpx.Client, query: str, field: str) -> None:
    problem = refused(http.get(f"/api/location/points?{query}"), 422, "invalid_arguments")

    assert [fault["field"] for fault in problem["errors"]] == [field]  # type: ignore[attr-defined]


def test_a_parameter_that_comes_twice_is_refused(http: httpx.Client) -> None:
    refused(http.get("/api/location/points?lat=1&lon=2&lat=3"), 400, "repeated")


def test_what_is_not_there_and_what_is_not_allowed_says_so(http: httpx.Client) -> None:
    refused(http.get("/api/nothing"), 404, "route_not_found")
    wrong = http.put("/api/location/kinds")
    refused(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, HEAD"
    refused(http.get("/api/location/points/../../etc/passwd"), 404, "route_not_found")
    refused(http.get("/api/location/points/%00"), 404, "point_not_found")


def test_options_names_the_methods(http: httpx.Client) -> None:
    asked = http.options("/api/location/kinds")

    assert (asked.status_code, asked.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert "access-control-allow-origin" not in asked.headers
    refused(http.options("/api/nothing"), 404, "route_not_found")


def test_a_client_that_has_an_answer_is_not_sent_it_again(http: httpx.Client) -> None:
    first = http.get("/api/location/kinds")
    assert first.headers["cache-control"] == "public, max-age=300"

    again = http.get("/api/location/kinds", headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert http.get("/api/location/kinds", headers={"If-None-Match": 'W/"other"'}).status_code == 200


def test_a_long_answer_is_compressed_for_who_can_read_it(http: httpx.Client) -> None:
    with http.stream("GET", "/api/location/points", params=NEAR, headers={"Accept-Encoding": "gzip"}) as small:
        raw = b"".join(small.iter_raw())
    plain = http.get("/api/location/points", params=NEAR, headers={"Accept-Encoding": "identity"})

    assert small.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(raw)) == plain.json()
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]
    assert len(raw) < len(plain.content) / 2


def test_a_trace_that_comes_along_goes_on_and_a_wrong_one_is_replaced(http: httpx.Client) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    asked = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}

    assert http.get("/api/location/kinds", headers=asked).headers["x-request-id"] == trace
    problem = refused(http.get("/api/nothing", headers=asked), 404, "route_not_found")
    assert problem["trace_id"] == trace
    for wrong in ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", "nonsense", "ff-" + asked["traceparent"][3:]):
        assert http.get("/api/location/kinds", headers={"traceparent": wrong}).headers["x-request-id"] != trace


def test_health_and_readiness_of_a_domain(http: httpx.Client) -> None:
    assert http.get("/location/health").json() == {"status": "healthy", "service": "location"}
    assert http.get("/api/location/ready").json()["status"] == "ready"
    assert "eco2_call_seconds" in http.get("/location/metrics").text
    refused(http.get("/location/metrics", headers={"X-Forwarded-For": "1.2.3.4"}), 403, "metrics_private")
    refused(http.get("/nowhere/health"), 404, "domain_not_found")


def test_the_documentation_is_served_without_any_other_server(http: httpx.Client) -> None:
    page = http.get("/docs")

    assert "swagger-ui" in page.text
    assert "http" not in page.text
    for part in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert http.get(part).status_code == 200, part
    refused(http.get("/docs/..%2f..%2fetc"), 404, "route_not_found")
    refused(http.get("/docs/nothing.js"), 404, "file_not_found")
    assert http.get("/openapi.json").json()["openapi"] == "3.1.0"
