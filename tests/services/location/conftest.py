from collections.abc import Iterator
from typing import Any

import pytest

from services.location.service import LocationService
from tests.services.running import Running, running


@pytest.fixture(scope="package")
def location(stack: Any) -> Iterator[Running]:
    with running(LocationService, stack.config) as service:
        yield service
