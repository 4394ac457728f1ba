"""Health, readiness and metrics of each domain, at ``/<domain>/health`` and ``/api/<domain>/health``."""

from typing import Any

from werkzeug.wrappers import Response

from services.gateway.http import Call, answer
from services.kernel.errors import Forbidden, NotFound

DOMAINS = {
    "waste": "waste",
    "auth": "auth",
    "user": "userinfo",
    "location": "location",
    "recycle": "recycle",
    "chat": "chat",
}
"""The domain in the path -> the Nameko service."""


def health(call: Call, domain: str) -> Response:
    """200 while the domain's service answers calls, whatever else is down; 503 when it does not."""
    report = _service(call, domain).health()
    return answer({"status": "healthy", "service": report["service"]})


def ready(call: Call, domain: str) -> Response:
    """200 while the service and every part behind it work, else 503 with what does not."""
    report = _service(call, domain).health()
    if report["status"] != "ready":
        return answer(report, 503, {"Retry-After": "5"})
    return answer(report)


def metrics(call: Call, domain: str) -> Response:
    """The service's metrics; not for those who come through the load balancer."""
    if "X-Forwarded-For" in call.request.headers:
        raise Forbidden("metrics_private", "Metrics are for the cluster's own Prometheus.")
    return Response(_service(call, domain).metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _service(call: Call, domain: str) -> Any:
    if domain not in DOMAINS:
        raise NotFound("domain_not_found", f"There is no domain {domain[:40]}: {', '.join(DOMAINS)}.")
    return getattr(call.services, DOMAINS[domain])
