"""Collection points: ``/api/location``."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.gateway.call import Call
from services.gateway.route import Route
from services.gateway.shapes import Answer, Latitude, Longitude, Query, Uuid, Words
from services.kernel.arguments import Line

Kind = Literal["collection_center", "zero_waste_shop", "battery_box", "lamp_box", "clothing_box", "ewaste_box"]
Text = Annotated[str, Line(1, 100)]
Typed = Annotated[str, Line(1, 60)]


class Near(Query):
    lat: Latitude
    lon: Longitude
    radius: float = Field(1000, ge=100, le=50_000, allow_inf_nan=False, description="metres")
    kinds: Words | None = None
    limit: int = Field(20, ge=1, le=100)
    open_now: bool = Field(False, description="only what is known to be open at this moment, Korean time")


class Box(Query):
    south: Latitude
    west: Longitude
    north: Latitude
    east: Longitude
    zoom: int = Field(14, ge=0, le=22)
    kinds: Words | None = None


class Search(Query):
    q: Text
    kinds: Words | None = None
    open_now: bool = False
    limit: int = Field(20, ge=1, le=100)


class Suggest(Query):
    q: Typed
    limit: int = Field(10, ge=1, le=20)


class Point(Answer):
    """`hours` as its source writes them, `opening_hours` in OpenStreetMap's syntax; null where nothing is known."""

    point_id: Uuid
    kind: Kind
    kind_name: str
    name: str
    address: str
    lat: float
    lon: float
    phone: str | None
    hours: str | None
    opening_hours: str | None
    open_now: bool | None
    sample: bool


class PointNear(Point):
    distance_m: float


class PointsNear(Answer):
    points: list[PointNear]


class Points(Answer):
    points: list[Point]


class Cluster(Answer):
    lat: float
    lon: float
    count: int
    kinds: dict[str, int]


class PointsOnMap(Answer):
    """Points where the map is near enough to tell them apart, else clusters."""

    points: list[Point]
    clusters: list[Cluster]


class Suggestions(Answer):
    suggestions: list[str]


class KindNames(Answer):
    id: Kind
    name: str
    name_en: str


class Kinds(Answer):
    kinds: list[KindNames]


def nearest(call: Call, query: Near) -> Any:
    return call.services.location.nearest(query.lat, query.lon, query.radius, query.kinds, query.limit, query.open_now)


def points_in(call: Call, query: Box) -> Any:
    return call.services.location.points_in(query.south, query.west, query.north, query.east, query.zoom, query.kinds)


def search(call: Call, query: Search) -> Any:
    return call.services.location.search(query.q, query.kinds, query.open_now, query.limit)


def suggest(call: Call, query: Suggest) -> Any:
    return call.services.location.suggest(query.q, query.limit)


def point(call: Call, point_id: str) -> Any:
    return call.services.location.point(point_id)


def kinds(call: Call) -> Any:
    return call.services.location.kinds()


ROUTES = (
    Route(
        "GET",
        "/api/location/points",
        nearest,
        "Collection points near a place, the nearest first",
        query=Near,
        answer=PointsNear,
        limit="search",
    ),
    Route(
        "GET",
        "/api/location/map",
        points_in,
        "What a map of the box shows",
        query=Box,
        answer=PointsOnMap,
        limit="search",
    ),
    Route(
        "GET",
        "/api/location/search",
        search,
        "Points by name and address; initials (ㅁㅇㄷ) are found too",
        query=Search,
        answer=Points,
        limit="search",
    ),
    Route(
        "GET",
        "/api/location/suggestions",
        suggest,
        "Names and places while typing",
        query=Suggest,
        answer=Suggestions,
        limit="search",
    ),
    Route("GET", "/api/location/points/<point_id>", point, "One collection point", answer=Point),
    Route("GET", "/api/location/kinds", kinds, "The kinds of collection points", answer=Kinds, kept_s=300),
)
