"""Runs the controllers whenever something has changed, in their order, until nothing changes any more."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable

from tests.doubles.kubernetes.controllers import (
    budgets,
    calico,
    cloud,
    daemonsets,
    definitions,
    deployments,
    garbage,
    jobs,
    kubelets,
    load_balancers,
    namespaces,
    nodes,
    prometheus,
    scheduler,
    signing,
    statefulsets,
    volumes,
)
from tests.doubles.kubernetes.world import World

Controller = Callable[[World], None]
ORDER: tuple[Controller, ...] = (
    definitions.reconcile,
    namespaces.reconcile,
    garbage.reconcile,
    calico.reconcile,
    prometheus.reconcile,
    deployments.reconcile,
    statefulsets.reconcile,
    daemonsets.reconcile,
    jobs.reconcile,
    volumes.reconcile,
    scheduler.reconcile,
    kubelets.reconcile,
    nodes.reconcile,
    cloud.reconcile,
    signing.reconcile,
    load_balancers.reconcile,
    budgets.reconcile,
)
_LONGEST_SLEEP_S = 5.0
# Alarms further off than this are no reason to wait: nothing is under way, something merely has a deadline.
_FAR_S = 60.0


class Controllers:
    def __init__(self, world: World) -> None:
        self.world = world
        self.failure: str | None = None
        self._seen = -1
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controllers", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        store = self.world.store
        while not self._stopped.is_set():
            self.world.alarm = None
            begun = store.version
            try:
                for reconcile in ORDER:
                    with store.lock:
                        if self._stopped.is_set():
                            return
                        reconcile(self.world)
            except Exception:  # a test has to see it, whatever it is
                self.failure = traceback.format_exc()
                return
            with store.changed:
                if store.version != begun:
                    continue
                self._seen = begun
                store.changed.notify_all()
            alarm = self.world.alarm
            sleep_s = _LONGEST_SLEEP_S if alarm is None else max(0.0, alarm - time.monotonic())
            store.wait(begun, min(sleep_s, _LONGEST_SLEEP_S))

    def settle(self, timeout_s: float) -> None:
        """Raises TimeoutError, or RuntimeError with the trace of a controller that failed."""
        store = self.world.store
        until = time.monotonic() + timeout_s
        with store.changed:
            while not self._quiet():
                if self.failure:
                    raise RuntimeError(self.failure)
                if time.monotonic() > until:
                    raise TimeoutError(f"the controllers are not quiet after {timeout_s} s")
                store.changed.wait(0.02)

    def _quiet(self) -> bool:
        alarm = self.world.alarm
        return self._seen == self.world.store.version and (alarm is None or alarm - time.monotonic() > _FAR_S)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(5)
