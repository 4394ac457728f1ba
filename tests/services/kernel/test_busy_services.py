"""The blind spot: a service whose every worker is at work must still say that it lives, and what it does."""

import time
from collections.abc import Iterator

import eventlet
import httpx
import pytest
from nameko.rpc import rpc

from services.kernel.service import EcoService
from tests.services.kernel.metering import sample
from tests.services.running import Running, eventually, running
from tests.stack import TestStack

WORKERS = 3


class Busy(EcoService):
    name = "busy"
    over = eventlet.event.Event()

    @rpc
    def hang(self) -> None:
        self.over.wait()


@pytest.fixture
def busy(stack: TestStack) -> Iterator[Running]:
    """A service of which every worker hangs, while more calls wait for one."""
    Busy.over = eventlet.event.Event()
    with running(Busy, stack.config.model_copy(update={"max_workers": WORKERS})) as service:
        calls = [service.call.hang.call_async() for _ in range(WORKERS + 2)]
        eventually(lambda: sample("eco2_workers_busy", service="busy") == WORKERS)
        yield service
        Busy.over.send()
        for call in calls:
            call.result()


@pytest.mark.parametrize("path", ["/health", "/metrics"])
def test_a_service_that_is_busy_to_the_last_worker_answers_within_a_second(busy: Running, path: str) -> None:
    took_s = []
    with httpx.Client(base_url=f"http://127.0.0.1:{busy.config.http_port}", timeout=10) as client:
        for _ in range(3):
            began = time.monotonic()
            assert client.get(path).status_code == 200
            took_s.append(time.monotonic() - began)

    assert min(took_s) < 1  # of three: the machine that runs the tests may be busy itself


def test_it_says_that_all_its_workers_are_at_work(busy: Running) -> None:
    told = httpx.get(f"http://127.0.0.1:{busy.config.http_port}/metrics", timeout=10).text

    assert f'eco2_workers_busy{{service="busy"}} {WORKERS}.0' in told
    assert f'eco2_workers_limit{{service="busy"}} {WORKERS}.0' in told


def test_workers_that_are_done_are_busy_no_more(stack: TestStack) -> None:
    Busy.over = eventlet.event.Event()
    with running(Busy, stack.config) as service:
        call = service.call.hang.call_async()
        eventually(lambda: sample("eco2_workers_busy", service="busy") == 1)

        Busy.over.send()
        call.result()

        eventually(lambda: sample("eco2_workers_busy", service="busy") == 0)
