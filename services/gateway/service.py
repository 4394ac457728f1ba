"""The gateway: the one process that speaks HTTP to the world."""

from typing import Any

import eventlet
from nameko.extensions import DependencyProvider
from werkzeug.wrappers import Request, Response

from services.gateway.edge import Edge
from services.gateway.route import Route
from services.gateway.routes import ROUTES
from services.kernel.cache import Cache, client
from services.kernel.darkroom import Photos
from services.kernel.rpc import Remote
from services.kernel.service import EcoService
from services.kernel.settings import config_of
from services.kernel.web import http
from wal.amqp import TaskQueue

METHODS = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"


class Served(DependencyProvider):
    """The `Edge` of this process, with its routes."""

    def __init__(self, routes: tuple[Route, ...] = ROUTES) -> None:
        self.routes = routes

    def setup(self) -> None:
        settings = config_of(self.container)
        self.cache = client(settings)
        self.edge = Edge(self.routes, settings, self.cache)

    def stop(self) -> None:
        self.cache.close()

    def get_dependency(self, worker_ctx: Any) -> Edge:
        return self.edge


class Listeners(DependencyProvider):
    """How many clients may follow streams at once, in the whole process."""

    def setup(self) -> None:
        self.free = eventlet.semaphore.Semaphore(config_of(self.container).scans.sse_max_clients)

    def get_dependency(self, worker_ctx: Any) -> eventlet.semaphore.Semaphore:
        return self.free


class GatewayService(EcoService):
    """Serves the HTTP API; see `services.gateway.routes` for the addresses."""

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
    photos = Photos()
    edge = Served()

    @http(METHODS, "/")
    def root(self, request: Request) -> Response:
        return self.serve(request)

    @http(METHODS, "/<path:path>")
    def any(self, request: Request, path: str) -> Response:
        return self.serve(request)

    def serve(self, request: Request) -> Response:
        response: Response = self.edge.serve(request, self, self.tracing.trace_id)
        return response
