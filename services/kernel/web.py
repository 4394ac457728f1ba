"""HTTP for a service: Nameko's web server, with slow clients cut off, traces taken over, and a drain that ends."""

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

import eventlet
from nameko.web.handlers import HttpRequestHandler
from nameko.web.server import HttpOnlyProtocol, WebServer
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

from services.kernel.config import Config
from services.kernel.settings import config_of
from services.kernel.tracing import TRACEPARENT, Trace

log = logging.getLogger(__name__)

SOCKET_S = 30.0  # of silence from a client, within a request
KEEPALIVE_S = 75.0  # between two requests of a connection; longer than a load balancer's 60
FINISH_S = 5.0  # for the answers that are under way when the server stops


class DrainingServer(WebServer):
    """Stops in this order: takes no new connection, lets the requests under way be answered, ends.

    While it drains, each answer closes its connection.
    """

    def __init__(self) -> None:
        super().__init__()
        self.draining = False
        self._answering = 0

    def get_wsgi_app(self) -> Any:
        app = super().get_wsgi_app()

        def counted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            self._answering += 1
            answered = _Once(self._answered)

            def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
                if any(value.startswith("text/event-stream") for _, value in headers):
                    answered()  # a stream has no end to wait for: its client resumes it elsewhere
                return start_response(status, headers, *more)

            try:
                return ClosingIterator(app(environ, start), answered)
            except BaseException:
                answered()
                raise

        return counted

    def get_wsgi_server(self, sock: Any, wsgi_app: Any, **options: Any) -> Any:
        server = super().get_wsgi_server(sock, wsgi_app, protocol=_Protocol, **options)
        server.draining = lambda: self.draining
        server.socket_timeout, server.keepalive, server.log_output = SOCKET_S, KEEPALIVE_S, False
        server.minimum_chunk_size = 0  # by itself it holds a stream's events back until they fill 4 KiB
        return server

    def unregister_provider(self, provider: Any) -> None:
        if not self.draining:
            self.draining = True
            self._is_accepting = False
            self._gt.kill()
            self._sock.close()
        super().unregister_provider(provider)

    def stop(self) -> None:
        self.wait_for_providers()
        with eventlet.Timeout(FINISH_S, False):
            while self._answering:
                eventlet.sleep(0.02)
        if self._answering:
            log.warning("%d answers were cut off", self._answering)

    def context_data_from_headers(self, request: Request) -> dict[str, str]:
        trace = Trace.read(request.headers.get(TRACEPARENT))
        return {TRACEPARENT: str(trace)} if trace else {}

    def _answered(self) -> None:
        self._answering -= 1


class _Protocol(HttpOnlyProtocol):
    """Closes the connection after its answer, while the server drains."""

    def handle_one_response(self) -> None:
        if self.server.draining():
            self.close_connection = True
        super().handle_one_response()


class _Once:
    """Calls `act` the first time it is called."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    def __call__(self) -> None:
        act, self._act = self._act, None
        if act is not None:
            act()


class Handler(HttpRequestHandler):
    """``@http("GET", "/health")``. With `inside_only` there is nothing at the address for who comes `from_outside`."""

    server = DrainingServer()

    def __init__(self, method: str, url: str, *, inside_only: bool = False, **options: Any) -> None:
        super().__init__(method, url, **options)
        self.inside_only = inside_only

    def handle_request(self, request: Request) -> Any:
        return self._unless_private(request) or super().handle_request(request)

    def _unless_private(self, request: Request) -> Response | None:
        if self.inside_only and from_outside(request, config_of(self.container)):
            return _nothing_here()
        return None


class AsideHandler(Handler):
    """Answers beside the workers, so also while every one of them is busy: where to look at the worst moment.

    The method is given the request and nothing else: the service's dependencies are not there, and it must not wait.
    It stands in no trace and in no metric of calls.
    """

    def handle_request(self, request: Request) -> Response:
        return self._unless_private(request) or self._answer(request)

    def _answer(self, request: Request) -> Response:
        service = self.container.service_cls()
        response: Response = getattr(service, self.method_name)(request)
        return response


def from_outside(request: Request, settings: Config) -> bool:
    """Whether the request came through a load balancer of ours: each adds the header, whatever its client has sent."""
    return settings.gateway.trusted_proxies > 0 and "X-Forwarded-For" in request.headers


def _nothing_here() -> Response:
    problem = {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing at this address.",
        "code": "route_not_found",
    }
    return Response(json.dumps(problem), 404, content_type="application/problem+json")


http = Handler.decorator
http_aside = AsideHandler.decorator
