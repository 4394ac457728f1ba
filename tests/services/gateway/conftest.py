from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from nameko.containers import ServiceContainer
from nameko.rpc import rpc

from services.gateway.service import GatewayService
from services.kernel.errors import Problem, Unauthenticated
from services.kernel.settings import nameko_config
from services.location.service import LocationService
from tests.services.running import Running, free_port, running

ANN, BEN = "01920000-0000-7000-8000-00000000000a", "01920000-0000-7000-8000-00000000000b"


class KnownTokens:
    """Stands in for auth where only its answer to `verify` matters: "ann" and "ben" are tokens."""

    name = "auth"

    @rpc(expected_exceptions=Problem)
    def verify(self, access_token: str) -> dict[str, str]:
        users = {"ann": ANN, "ben": BEN}
        if access_token not in users:
            raise Unauthenticated("token_invalid", "The access token is not valid.")
        return {"user_id": users[access_token], "session_id": ANN, "jti": ANN, "expires_at": "2030-01-01T00:00:00Z"}


@pytest.fixture(scope="package")
def location(stack: Any) -> Iterator[Running]:
    with running(LocationService, stack.config) as service:
        yield service


@pytest.fixture(scope="package")
def tokens(stack: Any) -> Iterator[None]:
    settings = stack.config.model_copy(update={"http_port": free_port()})
    container = ServiceContainer(KnownTokens, nameko_config(settings))
    container.start()
    yield
    container.stop()


@pytest.fixture(scope="package")
def gateway(stack: Any, location: Running, tokens: None) -> Iterator[Running]:
    with running(GatewayService, stack.config) as service:
        yield service


@pytest.fixture
def http(gateway: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.config.http_port}", timeout=30) as client:
        yield client
