"""How the tests send photos and follow their scans."""

from typing import Any

import httpx
from httpx_sse import ServerSentEvent, connect_sse

SCANS = "/api/waste/scans"


def send(client: httpx.Client, photo: bytes, content_type: str = "image/jpeg", **headers: str) -> httpx.Response:
    """POST a photo."""
    return client.post(SCANS, files={"image": ("photo", photo, content_type)}, headers=headers)


def follow(client: httpx.Client, scan_id: str, last_id: str | None = None) -> list[ServerSentEvent]:
    """The progress events up to the end of the stream."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with connect_sse(client, "GET", f"{SCANS}/{scan_id}/events", headers=headers) as source:
        return list(source.iter_sse())


def answer(client: httpx.Client, photo: bytes) -> dict[str, Any]:
    """Send a photo and wait for its finished scan."""
    accepted = send(client, photo)
    assert accepted.status_code == 202, accepted.text
    last = follow(client, accepted.json()["scan_id"])[-1]
    scan: dict[str, Any] = last.json()
    return scan
