"""The double, running, and the real client connected to it."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.doubles.asking import connect
from tests.doubles.openai_server import OpenAIServer

PHOTOS = Path(__file__).parents[1] / "photos"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def client(server: OpenAIServer) -> Iterator[OpenAI]:
    with connect(server) as connected:
        yield connected


@pytest.fixture(scope="session")
def photo_url() -> str:
    """A photograph of 600 by 400 pixels as a data URL."""
    content = base64.b64encode((PHOTOS / "coffee.jpg").read_bytes()).decode()
    return f"data:image/jpeg;base64,{content}"
