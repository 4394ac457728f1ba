"""Health, readiness and metrics of each domain, at ``/<domain>/health`` and ``/api/<domain>/health``."""

from typing import Any, Literal

from werkzeug.wrappers import Response

from services.gateway.call import Call, Reply
from services.gateway.route import TEXT, Route
from services.gateway.shapes import Answer
from services.kernel.errors import Forbidden, NotFound
from services.kernel.web import from_outside

DOMAINS = {
    "waste": "waste",
    "auth": "auth",
    "user": "userinfo",
    "location": "location",
    "recycle": "recycle",
    "chat": "chat",
}
"""The domain in the path -> the Nameko service."""


class Health(Answer):
    status: Literal["healthy"]
    service: str


class Readiness(Answer):
    """`checks`: each part that the service needs, with "ok" or what is wrong; from outside only "failed"."""

    status: Literal["ready", "not_ready"]
    service: str
    checks: dict[str, str]


def health(call: Call, domain: str) -> Any:
    """200 while the domain's service answers calls, whatever else is down; 503 when it does not."""
    return {"status": "healthy", "service": _service(call, domain).health()["service"]}


def ready(call: Call, domain: str) -> Any:
    """200 while the service and every part behind it work, else 503 with what does not."""
    report = _service(call, domain).health()
    if from_outside(call.request, call.settings):
        # An error's own words may name hosts and users.
        report["checks"] = {part: said if said == "ok" else "failed" for part, said in report["checks"].items()}
    return report if report["status"] == "ready" else Reply(report, 503, {"Retry-After": "5"})


def metrics(call: Call, domain: str) -> Response:
    """The service's metrics; not for those who come through the load balancer."""
    if "X-Forwarded-For" in call.request.headers:
        raise Forbidden("metrics_private", "Metrics are for the cluster's own Prometheus.")
    return Response(_service(call, domain).metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _service(call: Call, domain: str) -> Any:
    if domain not in DOMAINS:
        raise NotFound("domain_not_found", f"There is no domain {domain[:40]}: {', '.join(DOMAINS)}.")
    return getattr(call.services, DOMAINS[domain])


def _of_each(prefix: str) -> tuple[Route, ...]:
    private = prefix == ""  # the load balancer's; clients use those below /api
    return (
        Route(
            "GET",
            f"{prefix}/<domain>/health",
            health,
            "Whether the domain's service answers",
            answer=Health,
            limit="none",
            private=private,
        ),
        Route(
            "GET",
            f"{prefix}/<domain>/ready",
            ready,
            "Whether all that the domain needs works; 503 with what does not",
            answer=Readiness,
            also=(503,),
            limit="none",
            private=private,
        ),
        Route(
            "GET",
            f"{prefix}/<domain>/metrics",
            metrics,
            "Prometheus metrics, for inside the cluster",
            answer=TEXT,
            limit="none",
            problems=(Forbidden,),
            private=private,
        ),
    )


ROUTES = (*_of_each(""), *_of_each("/api"))
