"""Every address of the API, in one table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from services.gateway import domains, operations, scans
from services.gateway.http import Call

Handler = Callable[..., Response]


@dataclass(frozen=True)
class Route:
    """`handler` is called with the `Call` and the variable parts of `path`."""

    method: str
    path: str
    handler: Handler


ROUTES = (
    Route("POST", "/api/waste/scans", scans.create),
    Route("GET", "/api/waste/scans", scans.own),
    Route("DELETE", "/api/waste/scans/<scan_id>", scans.delete),
    Route("POST", "/api/waste/scans/<scan_id>/feedback", scans.feedback),
    Route("GET", "/api/waste/scans/<scan_id>", scans.read),
    Route("GET", "/api/waste/scans/<scan_id>/events", scans.events),
    Route("GET", "/api/waste/categories", domains.categories),
    Route("POST", "/api/auth/register", domains.register),
    Route("POST", "/api/auth/login", domains.login),
    Route("POST", "/api/auth/refresh", domains.refresh),
    Route("POST", "/api/auth/logout", domains.logout),
    Route("GET", "/api/auth/me", domains.account),
    Route("GET", "/api/auth/jwks.json", domains.jwks),
    Route("GET", "/api/user/me", domains.profile),
    Route("PATCH", "/api/user/me", domains.change_profile),
    Route("GET", "/api/user/me/history", domains.history),
    Route("GET", "/api/user/me/points", domains.points),
    Route("GET", "/api/location/points", domains.nearest),
    Route("GET", "/api/location/points/<point_id>", domains.point),
    Route("GET", "/api/location/kinds", domains.point_kinds),
    Route("GET", "/api/recycle/categories", domains.categories),
    Route("GET", "/api/recycle/items/<item_id>", domains.item),
    Route("GET", "/api/recycle/items/<item_id>/rules", domains.rules),
    Route("GET", "/api/location/map", domains.points_in),
    Route("GET", "/api/location/search", domains.search_points),
    Route("GET", "/api/location/suggestions", domains.suggest_points),
    Route("GET", "/api/recycle/regions", domains.regions),
    Route("GET", "/api/recycle/suggest", domains.suggest),
    Route("GET", "/api/recycle/faq", domains.faq),
    Route("GET", "/api/recycle/search", domains.search),
    Route("POST", "/api/chat/conversations", domains.start_conversation),
    Route("GET", "/api/chat/conversations/<conversation_id>/messages", domains.messages),
    Route("POST", "/api/chat/conversations/<conversation_id>/messages", domains.post_message),
    Route("DELETE", "/api/chat/conversations/<conversation_id>", domains.delete_conversation),
    Route("GET", "/api/chat/suggestions", domains.suggestions),
    Route("GET", "/<domain>/health", operations.health),
    Route("GET", "/<domain>/ready", operations.ready),
    Route("GET", "/<domain>/metrics", operations.metrics),
    Route("GET", "/api/<domain>/health", operations.health),
    Route("GET", "/api/<domain>/ready", operations.ready),
    Route("GET", "/api/<domain>/metrics", operations.metrics),
)

_URLS = Map(
    [Rule(route.path, methods=[route.method], endpoint=route.handler) for route in ROUTES], strict_slashes=False
)


def dispatch(call: Call) -> Response:
    """Call the handler of the request's route. Raises `werkzeug.exceptions.HTTPException` where there is none."""
    request: Request = call.request
    handler: Any
    handler, parts = _URLS.bind_to_environ(request.environ).match()
    response: Response = handler(call, **parts)
    return response
