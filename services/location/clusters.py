"""What a map shows: the points in a box, as clusters of a grid until one is near enough to tell them apart."""

from collections.abc import Iterable
from math import asinh, floor, log2, pi, radians, tan
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from services.kernel.arguments import checked
from services.kernel.errors import Unprocessable
from services.location.points import Kinds, Latitude, Longitude, as_dict, rows

IN_BOX, FAR, NEAR = (
    Path(__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("in_box.sql", "cells_far.sql", "cells_near.sql")
)

Zoom = Annotated[int, Field(ge=0, le=22)]

POINTS_FROM = 16  # the zoom from which points are shown one by one,
MOST_POINTS = 300  # unless there are more
CELLS_ACROSS = 16  # that the longer side of a box is cut into at most
FINEST = 24  # the level of a point's tile
STORED = range(4, 17, 2)  # the levels whose cells are counted, see migrations/0004-cells.sql


@checked
def points_in(
    south: Latitude, west: Longitude, north: Latitude, east: Longitude, zoom: Zoom, kinds: Kinds | None = None
) -> dict[str, Any]:
    """What lies in the box: ``{"points": [...], "clusters": [{"lat", "lon", "count", "kinds"}]}``, one of them empty.

    From `zoom` 16 the points themselves, unless they are more than 300 or the box is wider than some 8 km. Clusters
    are cells of a quarter of a map's tile, or larger ones where the box is large for its zoom: never more than 17 by
    17. A cluster lies where its points are on average; at the border of the box it counts its whole cell. A box does
    not cross the date line.
    """
    if south > north or west > east:
        raise Unprocessable(
            "invalid_arguments",
            "The box is empty: south must not exceed north, nor west east.",
            [{"field": "south" if south > north else "west", "message": "Exceeds the opposite side"}],
        )
    box = {"south": south, "west": west, "north": north, "east": east, "kinds": kinds}
    left, right, top, bottom = _column(west), _column(east), _row(north), _row(south)
    level = grid_level(max(right - left, bottom - top), zoom)
    if zoom >= POINTS_FROM and level >= STORED[-1]:
        found = rows(IN_BOX, {**box, "limit": MOST_POINTS + 1})
        if len(found) <= MOST_POINTS:
            return {"points": [as_dict(row) for row in found], "clusters": []}
    if level > STORED[-1]:
        cells = rows(NEAR, {**box, "level": level})
    else:
        stored = next(kept for kept in STORED if kept >= level)
        whole = _whole_cells((left, right, top, bottom), level, stored)
        cells = rows(FAR, {**whole, "stored": stored, "coarser": stored - level, "kinds": kinds})
    return {"points": [], "clusters": _clusters(cells)}


def grid_level(side: float, zoom: int) -> int:
    """The level of the grid for a box whose longer side is this part of the world's width."""
    fits = floor(log2(CELLS_ACROSS / max(side, 0.5**FINEST)))
    return max(0, min(zoom + 2, fits, FINEST))


def _whole_cells(edges: tuple[float, float, float, float], level: int, stored: int) -> dict[str, int]:
    """The cells of level `stored` that make up the cells of `level` which a box touches."""
    left, right, top, bottom = (_cell(edge, level) for edge in edges)
    each = 2 ** (stored - level)
    return {
        "left": left * each,
        "right": (right + 1) * each - 1,
        "top": top * each,
        "bottom": (bottom + 1) * each - 1,
    }


def _clusters(cells: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    gathered: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
    for x, y, *counted in cells:
        gathered.setdefault((x, y), []).append(tuple(counted))
    clusters = []
    for _, kinds in sorted(gathered.items()):
        count = sum(number for _, number, _, _ in kinds)
        clusters.append(
            {
                "lat": round(sum(lat for _, _, lat, _ in kinds) / count, 6),
                "lon": round(sum(lon for _, _, _, lon in kinds) / count, 6),
                "count": int(count),
                "kinds": {kind: int(number) for kind, number, _, _ in sorted(kinds)},
            }
        )
    return clusters


def _column(lon: float) -> float:
    return (lon + 180) / 360


def _row(lat: float) -> float:
    return 0.5 - asinh(tan(radians(min(85.05, max(-85.05, lat))))) / (2 * pi)


def _cell(part: float, level: int) -> int:
    return min((1 << level) - 1, floor(part * (1 << level)))
