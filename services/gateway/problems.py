"""Errors as clients see them: problem+json (RFC 9457). The one place that maps errors to answers."""

import json
import logging
import uuid

import redis
from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response

from services.kernel.errors import Invalid, MethodNotAllowed, NotFound, Problem, TooLarge, Unavailable

log = logging.getLogger(__name__)

TYPES = "https://api.growbin.app/problems/"

BROKER_DOWN = Unavailable("broker_unavailable", "The message broker cannot be reached. Try again shortly.")
CACHE_DOWN = Unavailable("cache_unavailable", "The cache cannot be reached. Try again shortly.")
UNEXPECTED = Problem("internal_error", "Something went wrong on our side; it has been noted.")


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


def respond(error: Exception, instance: str) -> Response:
    """The answer to a request at the path `instance` that ended in `error`."""
    problem = as_problem(error)
    trace_id = uuid.uuid4().hex
    if problem is UNEXPECTED:
        log.error("unexpected error, trace %s", trace_id, exc_info=error)
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
    if isinstance(problem, Unavailable):
        response.headers["Retry-After"] = str(problem.retry_after_s)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, HTTPException) and error.code == 405:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return response


def _of_http(error: HTTPException) -> Problem:
    if error.code == 404:
        return NotFound("route_not_found", "There is nothing at this address. The API's addresses begin with /api/.")
    if error.code == 405:
        return MethodNotAllowed("method_not_allowed", "This address does not take this method.")
    return Invalid("bad_request", error.description or "The request cannot be read.")
