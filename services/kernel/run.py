"""Runs one service or worker: ``python -m services.kernel.run services.waste.service:WasteService``.

Waits for RabbitMQ, serves, drains on SIGTERM.
"""

# ruff: noqa: I001
import services.kernel.green  # noqa: F401  (first, see there)

import importlib
import logging
import os
import signal
import sys
import time
from typing import Any

import eventlet
from nameko.containers import ServiceContainer

from services.kernel import logs
from services.kernel.broker import reach
from services.kernel.config import Config, ConfigError, config
from services.kernel.settings import nameko_config

log = logging.getLogger("eco2.run")

EXIT_CONFIG, EXIT_BROKER, EXIT_CRASH, EXIT_DRAIN = 2, 4, 1, 5


def _service(path: str) -> type:
    module, _, name = path.partition(":")
    found = getattr(importlib.import_module(module), name)
    if not isinstance(found, type):
        raise TypeError(f"{path} is not a class")
    return found


def _wait_for_broker(settings: Config) -> bool:
    deadline = time.monotonic() + settings.start_wait_s
    while True:
        try:
            reach(str(settings.amqp_url))
            return True
        except Exception as error:
            if time.monotonic() >= deadline:
                log.critical("RabbitMQ (ECO2_AMQP_URL) cannot be reached: %s", error)
                return False
            log.warning("waiting for RabbitMQ: %s", error)
            eventlet.sleep(1)


def _serve(container: Any, settings: Config) -> int:
    """Run until SIGTERM or SIGINT, then let running work end within `drain_s` seconds."""
    asked = eventlet.event.Event()

    def on_signal(number: int, _frame: object) -> None:
        if not asked.ready():
            eventlet.spawn_n(asked.send, number)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    try:
        with eventlet.Timeout(settings.start_wait_s):
            container.start()
    except eventlet.Timeout:
        log.critical("not started within %g s: RabbitMQ refuses its queues, see above", settings.start_wait_s)
        return EXIT_BROKER
    log.info("started")

    died = eventlet.spawn(container.wait)
    died.link(lambda _: asked.ready() or asked.send(0))
    if asked.wait() == 0:
        try:
            died.wait()
        except Exception:
            log.critical("the service died", exc_info=True)
        return EXIT_CRASH

    log.info("draining")
    with eventlet.Timeout(settings.drain_s, False):
        container.stop()
        log.info("stopped")
        return 0
    log.error("work was still running after %g s; the broker and the journal keep it", settings.drain_s)
    return EXIT_DRAIN


def main(path: str) -> int:
    try:
        settings = config()
    except ConfigError as error:
        print(f"configuration:\n{error}", file=sys.stderr)
        return EXIT_CONFIG
    service = _service(path)
    logs.configure(getattr(service, "name", path), settings.log_level)
    if not _wait_for_broker(settings):
        return EXIT_BROKER
    return _serve(ServiceContainer(service, nameko_config(settings)), settings)


if __name__ == "__main__":
    code = main(sys.argv[1])
    logging.shutdown()
    # Native threads (the journal's writer) have been told to stop; nothing else may hold the process.
    os._exit(code)
