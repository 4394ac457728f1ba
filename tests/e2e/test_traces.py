"""One trace id leads from a client's request through every process that worked on it."""

import json

import httpx
from uuid6 import uuid7

from tests.e2e.scans import SCANS, send
from tests.stack import TestStack, eventually


def test_a_scan_is_found_in_every_log_by_the_id_of_its_request(
    client: httpx.Client, stack: TestStack, coffee: bytes
) -> None:
    trace_id = uuid7().hex
    sent = send(client, coffee, traceparent=f"00-{trace_id}-00f067aa0ba902b7-01")
    at = f"{SCANS}/{sent.json()['scan_id']}"
    eventually(lambda: client.get(at).status_code == 200)

    def processes() -> set[str]:
        lines = [line for file in (stack.home / "log").glob("*.log") for line in file.read_text().splitlines()]
        return {json.loads(line)["service"] for line in lines if f'"trace_id": "{trace_id}"' in line}

    assert sent.headers["x-request-id"] == trace_id
    eventually(lambda: processes() >= {"gateway", "waste", "storage", "ai"})
