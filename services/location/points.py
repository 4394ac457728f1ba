"""Collection points: the nearest to a place, and one by its id."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from services.kernel.arguments import Id, checked, missing
from services.location import hours, korea, sphere
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

_COLUMNS = ("id", "kind", "name", "address", "lat", "lon", "phone", "hours", "opening", "sample")


@checked
def nearest(
    lat: Latitude,
    lon: Longitude,
    radius_m: Radius = 1000,
    kinds: Kinds | None = None,
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
    open_now: bool = False,
) -> list[dict[str, Any]]:
    """The points within `radius_m` metres, nearest first, each with its ``distance_m``.

    With `open_now` only those that are known to be open at this moment, Korean time.
    """
    wanted = list(dict.fromkeys(kinds or get_args(Kind)))
    place = {"here": sphere.cube(lat, lon), "chord": sphere.chord(radius_m), "kinds": wanted, "limit": limit}
    found = rows(NEAREST, {**place, **open_minutes(open_now)})
    return [{**as_dict(row), "distance_m": round(sphere.ground(row[-1]), 1)} for row in found]


@checked
def get(point_id: PointId) -> dict[str, Any]:
    """Raises `NotFound` ``point_not_found``."""
    row = Point.select(*(getattr(Point, name) for name in _COLUMNS)).where(Point.id == point_id).tuples().first()
    if row is None:
        raise missing("point")
    return as_dict(row)


def kinds() -> list[dict[str, str]]:
    """Every kind of point with its names."""
    return [{"id": kind, "name": ko, "name_en": en} for kind, (ko, en) in NAMES.items()]


def rows(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What one of the domain's statements finds."""
    found: list[tuple[Any, ...]] = Point._meta.database.execute_sql(statement, values).fetchall()
    return found


def open_minutes(open_now: bool) -> dict[str, int | None]:
    """The parameters `today` and `night` of a statement: None when the hours do not matter."""
    today, night = hours.minutes(korea.now()) if open_now else (None, None)
    return {"today": today, "night": night}


def as_dict(row: tuple[Any, ...]) -> dict[str, Any]:
    """A row that begins with the columns of a point, as callers see it.

    ``hours`` is the text of the source, ``opening_hours`` the same in OpenStreetMap's syntax, ``open_now`` whether
    it is open at this moment; the latter two are None where the source says nothing that is understood.
    """
    point = dict(zip(_COLUMNS, row, strict=False))
    opening = None if point["opening"] is None else hours.from_multirange(point["opening"])
    return {
        "point_id": str(point["id"]),
        "kind": point["kind"],
        "kind_name": NAMES[point["kind"]][0],
        "name": point["name"],
        "address": point["address"],
        "lat": point["lat"],
        "lon": point["lon"],
        "phone": point["phone"],
        "hours": point["hours"],
        "opening_hours": opening and opening.text(),
        "open_now": opening and opening.open_at(korea.now()),
        "sample": point["sample"],
    }
