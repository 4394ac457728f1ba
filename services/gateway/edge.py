"""What every request goes through, in this order:

route -> limits -> who asks -> what is asked -> Idempotency-Key -> a place at the domain -> handler -> shape -> headers

and every error leaves as problem+json. What is particular to an address stands in its `Route`, nowhere here.
"""

import functools
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import redis
from prometheus_client import Histogram
from pydantic import ValidationError
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.wrappers import Request, Response

from services.gateway import browsers, caching, cookies, idempotency, problems
from services.gateway.bulkheads import Bulkheads
from services.gateway.call import Call, Reply, Streamed
from services.gateway.limits import Count, RateLimits
from services.gateway.route import SAFE, Media, Route
from services.kernel.config import Config
from services.kernel.errors import Problem, TooManyRequests, Unauthenticated

log = logging.getLogger(__name__)

REQUESTS = Histogram(
    "eco2_http_request_seconds",
    "Time to answer a request, up to the beginning of its body; status is its class, route the pattern of its path",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
NOWHERE = "none"


class Edge:
    """Serves the routes; one for a gateway process."""

    def __init__(self, routes: Iterable[Route], settings: Config, cache: redis.Redis) -> None:
        self.routes = tuple(routes)
        self.settings = settings
        edge = settings.gateway
        self._limits = RateLimits(edge.limits, cache, str(settings.redis_url))
        self._bulkheads = Bulkheads({route.domain for route in self.routes}, edge.domain_calls, edge.domain_wait_s)
        self._keys = idempotency.Keys(cache, edge.idempotency_lease_s, edge.idempotency_keep_s)
        self._origins = {origin(str(url)) for url in edge.cors_origins}
        self._own_origins = self._origins | {origin(str(edge.public_url))}
        self._urls = Map(
            [Rule(route.path, methods=[route.method], endpoint=route) for route in self.routes], strict_slashes=False
        )

    def serve(self, request: Request, services: Any, trace_id: str) -> Response:
        """The answer to a request, whatever happens."""
        began = time.monotonic()
        route: Route | None = None
        urls = self._urls.bind_to_environ(request.environ)
        try:
            if request.method == "OPTIONS":
                response = browsers.preflight(request, _methods(urls), self._origins)
            else:
                route, parts = urls.match()
                call = Call(request, route, services, self.settings, self._address(request), trace_id)
                response = self._admit(call, dict(parts))
        except Exception as error:
            response = problems.respond(error, request.path, trace_id, route)
        self._finish(request, response, route, trace_id)
        elapsed = time.monotonic() - began
        # Nothing that a client makes up becomes a label: only what it asked for and we have.
        asked = (request.method, route.path) if route else (NOWHERE, NOWHERE)
        _requests(*asked, f"{response.status_code // 100}xx").observe(elapsed)
        if route is None or route.counted != "none":
            log.info("%s %s %d in %.1f ms", request.method, request.path, response.status_code, elapsed * 1000)
        return response

    def _admit(self, call: Call, parts: dict[str, str]) -> Response:
        """Serve the call, if its caller may still call."""
        if call.route.counted == "none":
            return self._answer(call, parts)
        refusal = self._limits.refusal("address", call.address)
        if refusal is not None:
            _within(refusal)
        self._identify(call)
        count = self._limits.hit(call.route.counted, call.viewer or call.address)
        try:
            _within(count)
            response = self._answer(call, parts)
        except Exception as error:
            response = problems.respond(error, call.request.path, call.trace_id, call.route)
        response.headers.update(count.headers())
        return response

    def _identify(self, call: Call) -> None:
        """Set who asks. Raises `Unauthenticated`, or `Forbidden` for a page that may not act for its user."""
        if call.route.auth == "public":
            return
        header = call.request.headers.get("Authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                raise Unauthenticated("token_invalid", "The Authorization header must read: Bearer <access token>.")
        else:
            token = cookies.access_token(call.request) or ""
            if token and call.request.method not in SAFE:
                self.check_origin(call.request)
        if token:
            with self._bulkheads.place("auth"):
                call.session = call.services.auth.verify(token.strip())
            call.viewer = call.session["user_id"]
        elif call.route.auth == "user":
            raise Unauthenticated("token_missing", "Sign in first: this needs an access token.")

    def check_origin(self, request: Request) -> None:
        """That a changing request with cookies is from a page of ours. Raises `Forbidden` ``csrf_refused``."""
        cookies.check_origin(request, self._own_origins)

    def _answer(self, call: Call, parts: dict[str, str]) -> Response:
        arguments = call.arguments(parts)
        key = idempotency.key_of(call.request) if call.route.idempotent else None
        if key is None:
            return _response(call.route, self._handled(call, arguments))
        claim = self._keys.begin(call.viewer or call.address, key, call.request)
        if isinstance(claim, Response):
            return claim
        try:
            value = self._handled(call, arguments)
            response = _response(call.route, value)
            kept = _response(call.route, value.repeated) if isinstance(value, Streamed) else response
        except Exception as error:
            response = kept = problems.respond(error, call.request.path, call.trace_id, call.route)
        with suppress(redis.RedisError):  # then the lease frees the key
            claim.finish(kept)
        return response

    def _handled(self, call: Call, arguments: dict[str, Any]) -> Any:
        with self._bulkheads.place(call.route.domain):
            return call.route.handler(call, **arguments)

    def _finish(self, request: Request, response: Response, route: Route | None, trace_id: str) -> None:
        headers = response.headers
        headers["X-Request-Id"] = trace_id
        kept_s = route.kept_s if route and response.status_code == 200 else 0
        headers.setdefault("Cache-Control", f"public, max-age={kept_s}" if kept_s else "no-store")
        if route is not None and route.adapter is not None and request.method in SAFE:
            caching.tag(request, response)
        if route is not None and route.domain != "auth":  # what is secret must not tell itself by its length
            caching.shrink(request, response, self.settings.gateway.gzip_least_bytes)
        if route is not None and route.auth != "public":
            response.vary.update(["Authorization", "Cookie"])
        browsers.protect(request, headers, self._origins, self._https(request))

    def _address(self, request: Request) -> str:
        """The client's address: as many hops back as there are load balancers of ours."""
        hops = self.settings.gateway.trusted_proxies
        route = list(request.access_route) if hops else []
        return (route[-hops] if len(route) >= hops > 0 else request.remote_addr) or "unknown"

    def _https(self, request: Request) -> bool:
        trusted = self.settings.gateway.trusted_proxies > 0
        return request.scheme == "https" or (trusted and request.headers.get("X-Forwarded-Proto") == "https")


@functools.cache
def _requests(method: str, route: str, status: str) -> Any:
    return REQUESTS.labels(method, route, status)


def origin(url: str) -> str:
    """``https://app.growbin.app`` of any address there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _methods(urls: MapAdapter) -> list[str]:
    methods = sorted(set(urls.allowed_methods()) - {"OPTIONS"})
    if not methods:
        urls.match()  # raises that there is nothing here
    return methods


def _within(count: Count) -> None:
    if not count.allowed:
        wait_s = str(count.reset_s)
        raise TooManyRequests(
            "rate_limited",
            f"At most {count.limit} requests in {count.window_s} seconds: try again in {wait_s} seconds.",
            [{"field": "retry_after_s", "message": wait_s}],
        )


def _response(route: Route, value: Any) -> Response:
    """What a handler returned, as the route declares it."""
    if isinstance(value, Streamed):
        return value.stream
    if isinstance(value, Response):
        return value
    reply = value if isinstance(value, Reply) else Reply(value)
    response = Response(status=reply.status or route.status, headers=dict(reply.headers))
    if route.adapter is not None:
        response.set_data(_shaped(route, reply.value))
        response.content_type = "application/json"
    elif isinstance(route.answer, Media):
        response.set_data(reply.value)
        response.content_type = f"{route.answer.type}; charset=utf-8"
    else:
        response.headers.pop("Content-Type", None)
    return response


def _shaped(route: Route, value: Any) -> bytes:
    """The value as the route declares it. Raises when a domain answered something else: that is a fault of ours."""
    assert route.adapter is not None
    try:
        return route.adapter.dump_json(route.adapter.validate_python(value))
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        log.error("%s %s answers what it does not declare: %s", route.method, route.path, faults[:5])
        raise Problem("internal_error", problems.UNEXPECTED.detail) from None
