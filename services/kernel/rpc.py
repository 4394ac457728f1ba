"""Calls between services that end: Nameko's proxy waits for ever, this one gives up in time."""

import time
import uuid
from functools import cache
from typing import Any

import eventlet
from eventlet.event import Event
from kombu.exceptions import OperationalError
from nameko.amqp.publish import UndeliverableMessage
from nameko.exceptions import RemoteError, deserialize_to_instance
from nameko.exceptions import deserialize as deserialize_error
from nameko.rpc import MethodProxy, RpcProxy, ServiceProxy, get_rpc_exchange
from prometheus_client import Histogram

from services.kernel.errors import KINDS, Problem, Unavailable
from services.kernel.sending import stamp
from services.kernel.settings import config_of

for _kind in KINDS:
    deserialize_to_instance(_kind)

# What a service raises when a part behind it is down: by the name of the class, as RPC carries it.
OUTAGES = {
    "OperationalError",
    "InterfaceError",
    "PeeweeException",
    "MaxConnectionsExceeded",
    "ConnectionError",
    "TimeoutError",
    "BusyLoadingError",
    "QueryCanceled",
    "AdminShutdown",
    "EndpointConnectionError",
}

REQUESTS = Histogram(
    "eco2_rpc_request_seconds",
    "Time that a call to another service took its caller: ok, problem, error, timeout or unavailable",
    ["service", "method", "outcome"],
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

Answered = tuple[str, Any]
"""How a call ended, and its result; or, where that is not "ok", the error to raise."""


@cache
def _requests(service: str, method: str, outcome: str) -> Any:
    return REQUESTS.labels(service, method, outcome)


class BoundedMethod(MethodProxy):
    """One method of a remote service; calling it returns or raises within `timeout_s`."""

    timeout_s: float

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        began = time.monotonic()
        outcome = "error"
        try:
            outcome, value = self._ask(args, kwargs)
        finally:
            _requests(self.service_name, self.method_name, outcome).observe(time.monotonic() - began)
        if outcome != "ok":
            raise value
        return value

    def _ask(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Answered:
        correlation_id = str(uuid.uuid4())
        replies: dict[str, Event] = self.reply_listener._reply_events
        reply = self.reply_listener.get_reply_event(correlation_id)
        deadline = eventlet.Timeout(self.timeout_s)
        try:
            self.publisher.publish(
                {"args": args, "kwargs": kwargs},
                exchange=get_rpc_exchange(self.container.config),
                routing_key=f"{self.service_name}.{self.method_name}",
                mandatory=True,
                reply_to=self.reply_listener.routing_key,
                correlation_id=correlation_id,
                expiration=self.timeout_s,
                extra_headers={**self.get_message_headers(self.worker_ctx), **stamp()},
            )
            answer = reply.wait()
        except eventlet.Timeout as expired:
            if expired is not deadline:
                raise
            return "timeout", self._unavailable(f"did not answer within {self.timeout_s:g} s")
        except UndeliverableMessage:
            return "unavailable", self._unavailable("is not running")
        except (OperationalError, OSError):
            return "unavailable", self._unavailable("cannot be reached: the message broker is down")
        finally:
            deadline.cancel()
            replies.pop(correlation_id, None)
        return self._refused(answer["error"]) if answer.get("error") else ("ok", answer["result"])

    def _refused(self, error: dict[str, Any]) -> Answered:
        raised: Exception = deserialize_error(error)
        if isinstance(raised, RemoteError) and raised.exc_type in OUTAGES:
            return "unavailable", self._unavailable("has lost a part that it needs")
        if isinstance(raised, Unavailable):
            return "unavailable", raised
        return "problem" if isinstance(raised, Problem) else "error", raised

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable("service_unavailable", f"The {self.service_name} service {why}. Try again shortly.")


class BoundedService(ServiceProxy):
    def __init__(self, timeout_s: float, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.timeout_s = timeout_s

    def __getattr__(self, name: str) -> BoundedMethod:
        method = BoundedMethod(self.worker_ctx, self.service_name, name, self.reply_listener, **self.options)
        method.timeout_s = self.timeout_s
        return method


class Remote(RpcProxy):
    """Another service: ``self.recycle.search(...)`` returns, or raises `Problem`, within `rpc_timeout_s`."""

    def get_dependency(self, worker_ctx: Any) -> BoundedService:
        return BoundedService(
            config_of(self.container).rpc_timeout_s,
            worker_ctx,
            self.target_service,
            self.rpc_reply_listener,
            **self.options,
        )
