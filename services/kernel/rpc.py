"""Calls between services that end: Nameko's proxy waits for ever, this one gives up in time."""

import uuid
from typing import Any

import eventlet
from eventlet.event import Event
from kombu.exceptions import OperationalError
from nameko.amqp.publish import UndeliverableMessage
from nameko.exceptions import RemoteError, deserialize_to_instance
from nameko.exceptions import deserialize as deserialize_error
from nameko.rpc import MethodProxy, RpcProxy, ServiceProxy, get_rpc_exchange

from services.kernel.errors import KINDS, Unavailable
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


class BoundedMethod(MethodProxy):
    """One method of a remote service; calling it returns or raises within `timeout_s`."""

    timeout_s: float

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
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
                extra_headers=self.get_message_headers(self.worker_ctx),
            )
            answer = reply.wait()
        except eventlet.Timeout as expired:
            if expired is not deadline:
                raise
            raise self._unavailable(f"did not answer within {self.timeout_s:g} s") from None
        except UndeliverableMessage:
            raise self._unavailable("is not running") from None
        except (OperationalError, OSError):
            raise self._unavailable("cannot be reached: the message broker is down") from None
        finally:
            deadline.cancel()
            replies.pop(correlation_id, None)
        if answer.get("error"):
            raise self._error(answer["error"])
        return answer["result"]

    def _error(self, error: dict[str, Any]) -> Exception:
        raised: Exception = deserialize_error(error)
        if isinstance(raised, RemoteError) and raised.exc_type in OUTAGES:
            return self._unavailable("has lost a part that it needs")
        return raised

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
