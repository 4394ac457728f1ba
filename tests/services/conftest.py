"""Services run inside the test process, so it is green; the parts alone are started, no other process listens."""

# ruff: noqa: I001
import services.kernel.green  # noqa: F401  (first, see there)

from collections.abc import Iterator

import pytest

from services.kernel import migrations
from tests.stack import TestStack, started


@pytest.fixture(scope="session")
def stack() -> Iterator[TestStack]:
    """The parts, with every schema in place and its role."""
    with started("--no-services") as parts:
        list(migrations.up(parts.settings["ECO2_DATABASE_URL"]))
        migrations.grant_roles(parts.settings["ECO2_DATABASE_URL"])
        yield parts
