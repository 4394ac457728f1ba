"""What every Eco² service has: /health, /ready, /metrics, and an RPC to ask for them."""

import json
from typing import Any

from nameko.extensions import DependencyProvider
from nameko.messaging import QueueConsumer
from nameko.rpc import rpc
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.wrappers import Request, Response

from services.kernel import build  # noqa: F401  (tells Prometheus which build this is)
from services.kernel.broker import reach
from services.kernel.calls import Calls
from services.kernel.tracing import Tracing
from services.kernel.web import http, http_aside


class Broker:
    """Asks RabbitMQ whether it is there, and the service's consumers whether they listen to it."""

    def __init__(self, container: Any) -> None:
        self.container = container

    def check(self) -> None:
        """Raises when RabbitMQ takes no connection within two seconds, or when a consumer has not begun.

        A consumer whose queue RabbitMQ refuses (declared before in another way) tries for ever, in silence.
        """
        reach(self.container.config["AMQP_URI"])
        consumers = [part for part in self.container.extensions if isinstance(part, QueueConsumer)]
        if not all(consumer._consumers_ready.ready() for consumer in consumers):
            raise ConnectionError("the service does not consume its queues yet")


class Readiness(DependencyProvider):
    """Asks every dependency of the service that has a ``check()`` whether it works."""

    def get_dependency(self, worker_ctx: Any) -> "Readiness":
        return self

    def checks(self) -> dict[str, str]:
        """The name of each part with "ok", or with what is wrong."""
        parts = {
            extension.attr_name: extension for extension in self.container.dependencies if hasattr(extension, "check")
        }
        parts["broker"] = Broker(self.container)
        return {name: _outcome(part) for name, part in sorted(parts.items())}


def _outcome(part: Any) -> str:
    try:
        part.check()
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no answer'}"[:200]
    return "ok"


class EcoService:
    """Base of all Nameko services and workers of Eco²."""

    name: str
    readiness = Readiness()
    calls = Calls()
    tracing = Tracing()

    @rpc
    def health(self) -> dict[str, Any]:
        """Whether the service and each part it needs works: ``{"status", "service", "checks"}``."""
        checks = self.readiness.checks()
        status = "ready" if all(outcome == "ok" for outcome in checks.values()) else "not_ready"
        return {"status": status, "service": self.name, "checks": checks}

    @rpc
    def metrics(self) -> str:
        """The process's metrics in Prometheus' text format, for the gateway to pass on."""
        return generate_latest().decode()

    @http_aside("GET", "/health")
    def get_health(self, request: Request) -> Response:
        """The process lives. Says nothing of the parts: a dead database must not restart the service."""
        return _json(200, {"status": "healthy", "service": self.name})

    @http("GET", "/ready", inside_only=True)
    def get_ready(self, request: Request) -> Response:
        """200 when every part works, else 503 with what is wrong; for Kubernetes and for people inside."""
        report = EcoService.health(self)
        return _json(200 if report["status"] == "ready" else 503, report)

    @http_aside("GET", "/metrics", inside_only=True)
    def get_metrics(self, request: Request) -> Response:
        """The process's metrics, for Prometheus; not for who comes through the load balancer."""
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, content_type="application/json")
