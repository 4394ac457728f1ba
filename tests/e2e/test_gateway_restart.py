"""A client that follows a scan sees every event once and in order, though the gateway dies under it."""

import httpx
from httpx_sse import connect_sse

from tests.e2e.parts import stopped
from tests.e2e.scans import SCANS, follow, send
from tests.stack import TestStack, eventually


def test_the_events_of_a_scan_survive_the_gateway(client: httpx.Client, stack: TestStack, coffee: bytes) -> None:
    seen = []
    with stopped(stack, "ai"):  # so that the scan waits for its answer
        scan_id = send(client, coffee).json()["scan_id"]
        with connect_sse(client, "GET", f"{SCANS}/{scan_id}/events") as source:
            try:
                for event in source.iter_sse():
                    seen.append(event)
                    if event.id == "10-0":
                        stack.kill("gateway")
            except httpx.TransportError:
                pass  # the stream was cut
        eventually(lambda: _answers(client), within_s=60)

    seen += follow(client, scan_id, last_id=seen[-1].id)

    assert [event.id for event in seen] == ["0-1", "10-0", "40-0", "55-0", "90-0", "100-0"]
    assert seen[-1].json()["status"] == "completed"


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/api/waste/health").status_code == 200
    except httpx.TransportError:
        return False
