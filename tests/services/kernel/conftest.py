from collections.abc import Iterator

import pytest

from services.kernel import migrations
from tests.services.kernel.databases import database
from tests.stack import TestStack


@pytest.fixture(scope="session")
def template(stack: TestStack) -> Iterator[str]:
    """A database with every migration applied, without roles; to be copied, not to be changed."""
    with database(stack) as url:
        list(migrations.up(url))
        yield url


@pytest.fixture
def migrated(stack: TestStack, template: str) -> Iterator[str]:
    """The URL of a database of its own, with every migration applied and every role."""
    with database(stack, template) as url:
        migrations.grant_roles(url)
        yield url
