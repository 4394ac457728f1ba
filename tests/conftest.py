"""Fixtures for all tests. What needs the parts asks for `stack`; it is started once a run, on first use."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.stack import TestStack, started

PHOTOS = Path(__file__).parent / "photos"


@pytest.fixture(scope="session")
def stack() -> Iterator[TestStack]:
    """The whole of Eco²: all parts, all services, both workers."""
    with started() as running:
        yield running


@pytest.fixture
def client(stack: TestStack) -> Iterator[httpx.Client]:
    """A client of the public API."""
    with stack.client() as connected:
        yield connected


@pytest.fixture(scope="session")
def coffee() -> bytes:
    """A photograph of a cup of coffee (CC0, see tests/photos/LICENSE.md)."""
    return (PHOTOS / "coffee.jpg").read_bytes()
