from collections.abc import Iterator
from typing import Any

import pytest

from services.recycle.service import RecycleService
from tests.services.running import Running, running


@pytest.fixture(scope="package")
def recycle(stack: Any) -> Iterator[Running]:
    with running(RecycleService, stack.config) as service:
        yield service
