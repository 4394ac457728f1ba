"""A gateway that is told to stop answers what it has begun, takes nothing new, and ends."""

from typing import Any

import eventlet
import httpx
import pytest

from tests.services.gateway.test_edge_rules import Probes
from tests.services.running import running


def test_a_request_under_way_is_answered_while_the_gateway_stops(stack: Any, tokens: None) -> None:
    with running(Probes, stack.config) as gateway, httpx.Client(timeout=30) as kept:
        address = f"http://127.0.0.1:{gateway.config.http_port}"
        kept.get(f"{address}/api/probe/who")
        slow = eventlet.spawn(httpx.get, f"{address}/api/slow/wait", params={"seconds": 1}, timeout=30)
        eventlet.sleep(0.4)

        stopping = eventlet.spawn(gateway.container.stop)
        eventlet.sleep(0.2)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{address}/api/probe/who", timeout=5)
        goodbye = kept.get(f"{address}/api/probe/who")

        assert (goodbye.status_code, goodbye.headers["connection"]) == (200, "close")
        assert slow.wait().json() == {"user": None}
        stopping.wait()
