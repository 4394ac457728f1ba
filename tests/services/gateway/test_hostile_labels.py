"""A client that makes things up must not fill Prometheus: no path, method, header or token becomes a series."""

import random
import string
from collections.abc import Iterator

import httpx

from tests.services.running import Running

REQUESTS = 500
LETTERS = string.ascii_letters + string.digits + "-_.~%25é€"


def word(chance: random.Random) -> str:
    return "".join(chance.choice(LETTERS) for _ in range(chance.randint(1, 24)))


def odd_requests(chance: random.Random) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Method, path and headers, each time others: twelve kinds in turn."""
    while True:
        name = word(chance)
        plain = chance.choice(string.ascii_uppercase) + str(chance.getrandbits(40))
        yield "GET", f"/{name}", {}
        yield "GET", f"/api/{name}/{name}", {"X-Forwarded-For": name.encode("ascii", "ignore").decode()}
        yield "GET", f"/{name}/health", {}
        yield "GET", f"/api/{name}/metrics", {}
        yield plain, "/api/location/kinds", {}
        yield plain, f"/{name}", {}
        yield "GET", f"/api/location/points/{name}", {"traceparent": plain}
        yield "GET", f"/api/location/points?{plain}=1&lat={plain}", {}
        yield "GET", "/api/location/kinds", {"If-None-Match": f'W/"{plain}"', "Host": f"{plain}.example"}
        yield "GET", "/api/user/me", {"Authorization": f"Bearer {plain}", "Accept": f"{plain}/{plain}"}
        yield "POST", "/api/chat/conversations", {"Idempotency-Key": plain, "Content-Type": plain}
        yield "OPTIONS", f"/api/waste/{name}", {"Origin": f"https://{plain}.example"}


def told(http: httpx.Client) -> set[str]:
    """Every series of Eco² that the gateway's process tells of, without its value."""
    lines = http.get("/metrics").text.splitlines()
    return {line.rpartition(" ")[0] for line in lines if line.startswith("eco2_")}


def test_a_client_that_makes_things_up_adds_no_series(gateway: Running, http: httpx.Client) -> None:
    requests = odd_requests(random.Random(1))
    for _ in range(24):  # two of each kind: what was never asked for before rightly is a new series, once
        method, path, headers = next(requests)
        http.request(method, path, headers=headers)
    before = told(http)

    statuses = set()
    for _ in range(REQUESTS):
        method, path, headers = next(requests)
        statuses.add(http.request(method, path, headers=headers).status_code)

    assert {200, 401, 404, 405, 422} <= statuses
    assert told(http) - before == set()
    assert len(before) > 100


def test_what_nameko_itself_refuses_is_no_series_either(gateway: Running, http: httpx.Client) -> None:
    before = told(http)

    for number in range(20):
        assert http.request(f"BREW{number}", f"/api/location/kinds/{number}").status_code == 405

    assert told(http) - before == set()
