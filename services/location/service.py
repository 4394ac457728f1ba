"""The location service: collection points near a place, on a map, and by their text, over RPC."""

from typing import Any

from nameko.rpc import rpc

from services.kernel.database import Database
from services.kernel.errors import Problem
from services.kernel.service import EcoService
from services.location import clusters, points, search, tables


class LocationService(EcoService):
    """Where to bring what does not go into the bin at home. Owns the schema ``location``."""

    name = "location"

    database = Database(tables.ALL)

    @rpc(expected_exceptions=Problem)
    def nearest(
        self,
        lat: float,
        lon: float,
        radius_m: float = 1000,
        kinds: list[points.Kind] | None = None,
        limit: int = 20,
        open_now: bool = False,
    ) -> dict[str, Any]:
        """``{"points": [...]}`` within `radius_m` metres, nearest first, each with ``distance_m``."""
        return {"points": points.nearest(lat, lon, radius_m, kinds, limit, open_now)}

    @rpc(expected_exceptions=Problem)
    def points_in(
        self, south: float, west: float, north: float, east: float, zoom: int, kinds: list[points.Kind] | None = None
    ) -> dict[str, Any]:
        """What a map of the box shows at `zoom` 0 to 22: ``{"points": [...], "clusters": [...]}``."""
        return clusters.points_in(south, west, north, east, zoom, kinds)

    @rpc(expected_exceptions=Problem)
    def search(
        self, query: str, kinds: list[points.Kind] | None = None, open_now: bool = False, limit: int = 20
    ) -> dict[str, Any]:
        """``{"points": [...]}`` whose name, kind or address hold every word of `query`; initials are words too."""
        return {"points": search.search(query, kinds, open_now, limit)}

    @rpc(expected_exceptions=Problem)
    def suggest(self, query: str, limit: int = 10) -> dict[str, Any]:
        """``{"suggestions": [...]}``: names for what is being typed."""
        return {"suggestions": search.suggest(query, limit)}

    @rpc(expected_exceptions=Problem)
    def point(self, point_id: str) -> dict[str, Any]:
        """Raises `NotFound` ``point_not_found``."""
        return points.get(point_id)

    @rpc(expected_exceptions=Problem)
    def kinds(self) -> dict[str, Any]:
        """``{"kinds": [{"id", "name", "name_en"}]}``."""
        return {"kinds": points.kinds()}
