from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from uuid6 import uuid7

from services.location import korea
from services.location.hours import parse
from services.location.service import LocationService
from tests.services.running import Running, running


@pytest.fixture(scope="package")
def location(stack: Any) -> Iterator[Running]:
    with running(LocationService, stack.config) as service:
        yield service


@pytest.fixture
def place(location: Running) -> Iterator[Callable[..., str]]:
    """Puts a point somewhere for the time of a test, and returns its id: ``place("망원 주민센터", lat=37.5)``."""
    made: list[str] = []

    def place(
        name: str,
        address: str = "어딘가",
        lat: float = 36,
        lon: float = 128.5,
        kind: str = "battery_box",
        hours: str = "",
    ) -> str:
        point_id = str(uuid7())
        location.sql(
            "INSERT INTO location.points (id, kind, name, address, lat, lon, hours, opening)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s::int4multirange)",
            *(point_id, kind, name, address, lat, lon, hours or None, parse(hours).multirange() if hours else None),
        )
        made.append(point_id)
        return point_id

    yield place
    location.sql("DELETE FROM location.points WHERE id = ANY (%s::uuid[])", made)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the Korean time that the service sees."""

    def clock(text: str) -> None:
        at = datetime.fromisoformat(text).replace(tzinfo=korea.SEOUL)
        monkeypatch.setattr(korea, "now", lambda: at)

    return clock
