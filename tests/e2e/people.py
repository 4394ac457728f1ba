"""People who use Eco²: each with an account, a token and things of their own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from uuid6 import uuid7

from tests.e2e.scans import answer
from tests.stack import eventually

PASSWORD = "correct horse battery"


@dataclass
class Person:
    """A registered user whose `client` sends the token along."""

    client: httpx.Client
    email: str
    headers: dict[str, str] = field(repr=False)

    @classmethod
    def register(cls, base_url: str, *seen: Callable[[httpx.Response], None]) -> "Person":
        """A new user; each of `seen` is told of every answer."""
        client = httpx.Client(base_url=base_url, timeout=30, event_hooks={"response": list(seen)})
        email = f"user-{uuid7()}@example.com"
        registered = client.post("/api/auth/register", json={"email": email, "password": PASSWORD, "name": "하늘"})
        assert registered.is_success, registered.text
        login = client.post("/api/auth/login", json={"email": email, "password": PASSWORD})
        assert login.is_success, login.text
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
        client.headers.update(headers)
        profile = client.get("/api/user/me")  # at once: nobody should have to wait for it
        assert profile.is_success, profile.text
        return cls(client, email, headers)

    def scan(self, photo: bytes) -> dict[str, Any]:
        """A finished scan."""
        return answer(self.client, photo)

    def conversation(self, message: str = "건전지는 어떻게 버려요?") -> tuple[str, str]:
        """The ids of a conversation and of the finished answer in it."""
        conversation: str = self.client.post("/api/chat/conversations", json={}).json()["conversation_id"]
        at = f"/api/chat/conversations/{conversation}/messages"
        posted = self.client.post(at, json={"message": message})
        assert posted.status_code == 202, posted.text
        answer_id: str = posted.json()["answer_id"]
        eventually(lambda: self.client.get(f"{at}/{answer_id}").json()["state"] == "completed")
        return conversation, answer_id
