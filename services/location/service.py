"""The location service: collection points near a place, over RPC."""

from typing import Any

from nameko.rpc import rpc

from services.kernel.database import Database
from services.kernel.errors import Problem
from services.kernel.service import EcoService
from services.location import points, tables


class LocationService(EcoService):
    """Where to bring what does not go into the bin at home. Owns the schema ``location``."""

    name = "location"

    database = Database(tables.ALL)

    @rpc(expected_exceptions=Problem)
    def nearest(
        self, lat: float, lon: float, radius_m: float = 1000, kinds: list[points.Kind] | None = None, limit: int = 20
    ) -> dict[str, Any]:
        """``{"points": [...]}`` within `radius_m` metres, nearest first, each with ``distance_m``."""
        return {"points": points.nearest(lat, lon, radius_m, kinds, limit)}

    @rpc(expected_exceptions=Problem)
    def point(self, point_id: str) -> dict[str, Any]:
        """Raises `NotFound` ``point_not_found``."""
        return points.get(point_id)

    @rpc(expected_exceptions=Problem)
    def kinds(self) -> dict[str, Any]:
        """``{"kinds": [{"id", "name", "name_en"}]}``."""
        return {"kinds": points.kinds()}
