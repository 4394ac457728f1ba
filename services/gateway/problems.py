"""Errors as clients see them: problem+json (RFC 9457). The one place that maps errors to answers."""

import json
import logging

import redis
from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError
from prometheus_client import Counter
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response

from services.gateway.route import Route
from services.kernel.errors import Invalid, MethodNotAllowed, NotFound, Problem, TooLarge, Unavailable

log = logging.getLogger(__name__)

TYPES = "https://api.growbin.app/problems/"

BROKER_DOWN = Unavailable("broker_unavailable", "The message broker cannot be reached. Try again shortly.")
CACHE_DOWN = Unavailable("cache_unavailable", "The cache cannot be reached. Try again shortly.")
UNEXPECTED = Problem("internal_error", "Something went wrong on our side; it has been noted.")

REFUSED = Counter(
    "eco2_gateway_refused", "Requests that the gateway itself turned away, by the problem's code", ["reason"]
)
OWN_REFUSALS = ("rate_limited", "domain_busy", "photos_busy", "too_many_streams")
"""The codes of what is too much for the gateway; no domain raises them. Each is counted from 0."""

for _code in OWN_REFUSALS:
    REFUSED.labels(_code)


def as_problem(error: Exception) -> Problem:
    """What a client is told about `error`. What nobody foresaw is logged in full and told in one sentence."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestEntityTooLarge):
        return TooLarge("body_too_large", "The request body is larger than is taken here.")
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, redis.RedisError):
        return CACHE_DOWN
    if isinstance(error, OperationalError | AMQPError | ConnectionError):
        return BROKER_DOWN
    return UNEXPECTED


def respond(error: Exception, instance: str, trace_id: str, route: Route | None = None) -> Response:
    """The answer to a request at the path `instance` that ended in `error`.

    An error that the route does not declare is a fault of ours: clients get what the document says, and nothing else.
    """
    problem = as_problem(error)
    if problem is not UNEXPECTED and route is not None and problem.status not in {k.status for k in route.refusals}:
        log.error("%s %s does not declare the error %s", route.method, route.path, problem)
        problem = UNEXPECTED
    if problem is UNEXPECTED:
        log.error("unexpected error", exc_info=error)
    if problem.code in OWN_REFUSALS:
        REFUSED.labels(problem.code).inc()
    body = {
        "type": f"{TYPES}{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "code": problem.code,
        "trace_id": trace_id,
    }
    if problem.errors:
        body["errors"] = problem.errors
    response = Response(json.dumps(body, ensure_ascii=False), problem.status, content_type="application/problem+json")
    wait_s = _wait_s(problem)
    if wait_s is not None:
        response.headers["Retry-After"] = str(wait_s)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, HTTPException) and error.code == 405:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return response


def _wait_s(problem: Problem) -> int | None:
    """The seconds after which it is worth another try, where that is known."""
    told = [fault["message"] for fault in problem.errors if fault["field"] == "retry_after_s"]
    if told:
        return int(told[0])
    return problem.retry_after_s if isinstance(problem, Unavailable) else None


def _of_http(error: HTTPException) -> Problem:
    if error.code == 404:
        return NotFound("route_not_found", "There is nothing at this address. The API's addresses begin with /api/.")
    if error.code == 405:
        return MethodNotAllowed("method_not_allowed", "This address does not take this method.")
    return Invalid("bad_request", error.description or "The request cannot be read.")
