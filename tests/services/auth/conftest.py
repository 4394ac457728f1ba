from collections.abc import Iterator
from typing import Any

import pytest
from uuid6 import uuid7

from services.auth.service import AuthService
from tests.services.running import Running, running

PASSWORD = "correct horse battery"


@pytest.fixture(scope="package")
def auth(stack: Any) -> Iterator[Running]:
    with running(AuthService, stack.config) as service:
        yield service


@pytest.fixture
def email() -> str:
    return f"user-{uuid7()}@example.com"


@pytest.fixture
def user(auth: Running, email: str) -> dict[str, Any]:
    """A registered account with `PASSWORD`."""
    registered: dict[str, Any] = auth.call.register(email, PASSWORD, "하늘")
    return registered


@pytest.fixture
def tokens(auth: Running, user: dict[str, Any]) -> dict[str, Any]:
    """What `user` got by signing in."""
    pair: dict[str, Any] = auth.call.login(user["email"], PASSWORD)
    return pair
