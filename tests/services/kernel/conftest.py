from collections.abc import Iterator

import pytest

from services.kernel import migrations
from tests.services.kernel.databases import database
from tests.stack import TestStack


@pytest.fixture
def migrated(stack: TestStack) -> Iterator[str]:
    """The URL of a database of its own, with every migration applied."""
    with database(stack) as url:
        list(migrations.up(url))
        yield url
