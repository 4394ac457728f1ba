"""The services that chat asks, as it knows them: by their RPC alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Rules(Protocol):
    """What is asked of the recycle service to answer by its rules."""

    def search(self, query: str, limit: int) -> dict[str, Any]: ...

    def rules(self, item_id: str, situations: list[str], lang: str, region: str | None) -> dict[str, Any]: ...


class Recycle(Rules, Protocol):
    """What is asked of the recycle service besides."""

    def item(self, item_id: str, lang: str) -> dict[str, Any]: ...

    def region(self, text: str) -> dict[str, Any]: ...


class Location(Protocol):
    """What is asked of the location service."""

    def nearest(
        self, lat: float, lon: float, radius_m: float, kinds: Sequence[str] | None, limit: int
    ) -> dict[str, Any]:
        """``{"points": [...]}``."""


class Waste(Protocol):
    """What is asked of the waste service."""

    def scan(self, scan_id: str, viewer: str | None) -> dict[str, Any]: ...

    def scans_of(self, owner: str, limit: int) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Domains:
    """The services that chat asks. Every call returns, or raises `Problem`, in bounded time."""

    recycle: Recycle
    location: Location
    waste: Waste
