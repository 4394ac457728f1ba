"""Collection points: the nearest to a place, and one by its id."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from services.kernel.arguments import Id, checked, missing
from services.location import sphere
from services.location.tables import Point

NEAREST = Path(__file__).with_name("nearest.sql").read_text(encoding="utf-8")

Kind = Literal["collection_center", "zero_waste_shop", "battery_box", "lamp_box", "clothing_box", "ewaste_box"]
NAMES: dict[str, tuple[str, str]] = {
    "collection_center": ("재활용센터", "Recycling centre"),
    "zero_waste_shop": ("제로웨이스트 가게", "Zero-waste shop"),
    "battery_box": ("폐건전지 수거함", "Battery drop box"),
    "lamp_box": ("폐형광등 수거함", "Fluorescent lamp drop box"),
    "clothing_box": ("의류수거함", "Clothing bank"),
    "ewaste_box": ("소형 폐가전 수거함", "Small e-waste drop box"),
}

Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Radius = Annotated[float, Field(ge=100, le=50_000, allow_inf_nan=False)]
Kinds = Annotated[list[Kind], Field(min_length=1, max_length=len(get_args(Kind)))]
PointId = Annotated[str, Id("point")]


@checked
def nearest(
    lat: Latitude,
    lon: Longitude,
    radius_m: Radius = 1000,
    kinds: Kinds | None = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
) -> list[dict[str, Any]]:
    """The points within `radius_m` metres, nearest first, each with its ``distance_m``."""
    place = {"here": sphere.cube(lat, lon), "chord": sphere.chord(radius_m), "kinds": kinds, "limit": limit}
    rows = Point._meta.database.execute_sql(NEAREST, place).fetchall()
    return [
        {**_as_dict(Point(**dict(zip(_FIELDS, row[:-1], strict=True)))), "distance_m": round(sphere.ground(row[-1]), 1)}
        for row in rows
    ]


@checked
def get(point_id: PointId) -> dict[str, Any]:
    """Raises `NotFound` ``point_not_found``."""
    point = Point.get_or_none(id=point_id)
    if point is None:
        raise missing("point")
    return _as_dict(point)


def kinds() -> list[dict[str, str]]:
    """Every kind of point with its names."""
    return [{"id": kind, "name": ko, "name_en": en} for kind, (ko, en) in NAMES.items()]


_FIELDS = ("id", "kind", "name", "address", "lat", "lon", "phone", "hours", "sample")


def _as_dict(point: Point) -> dict[str, Any]:
    return {
        "point_id": str(point.id),
        "kind": point.kind,
        "kind_name": NAMES[point.kind][0],
        "name": point.name,
        "address": point.address,
        "lat": point.lat,
        "lon": point.lon,
        "phone": point.phone,
        "hours": point.hours,
        "sample": point.sample,
    }
