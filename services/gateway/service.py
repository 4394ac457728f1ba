"""The gateway: the one process that speaks HTTP to the world."""

from typing import Any

import eventlet
from nameko.extensions import DependencyProvider
from nameko.web.handlers import http
from werkzeug.wrappers import Request, Response

from services.gateway import problems
from services.gateway.http import Call
from services.gateway.routes import dispatch
from services.kernel.cache import Cache
from services.kernel.config import config
from services.kernel.rpc import Remote
from services.kernel.service import EcoService
from services.kernel.settings import config_of
from wal.amqp import TaskQueue

METHODS = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"


class Listeners(DependencyProvider):
    """How many clients may follow progress streams at once, in the whole process."""

    def setup(self) -> None:
        self.free = eventlet.semaphore.Semaphore(config_of(self.container).scans.sse_max_clients)

    def get_dependency(self, worker_ctx: Any) -> eventlet.semaphore.Semaphore:
        return self.free


class GatewayService(EcoService):
    """Routes HTTP requests to the domains; see `services.gateway.routes` for the addresses."""

    name = "gateway"

    waste = Remote("waste")
    auth = Remote("auth")
    userinfo = Remote("userinfo")
    location = Remote("location")
    recycle = Remote("recycle")
    chat = Remote("chat")
    tasks = TaskQueue()
    cache = Cache()
    listeners = Listeners()

    @http(METHODS, "/")
    def root(self, request: Request) -> Response:
        return self.serve(request)

    @http(METHODS, "/<path:path>")
    def any(self, request: Request, path: str) -> Response:
        return self.serve(request)

    def serve(self, request: Request) -> Response:
        """Every request comes through here, and every error leaves as problem+json."""
        try:
            response = dispatch(Call(request, services=self, settings=config()))
        except Exception as error:
            response = problems.respond(error, request.path)
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
