"""The attempts at one step, and the watch over all steps of a phase: bounds in number, in time and on stopping."""

from __future__ import annotations

import itertools
import random
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from provisioning.run.errors import Cancelled, JournalUnwritable, StepOverdue, Unexpected, classify, of_engine
from provisioning.run.phase import Action, AnyPhase
from provisioning.run.pool import Pool
from provisioning.run.records import Kind, planned
from provisioning.run.redaction import Redactor
from provisioning.run.step import LAST_LINES, Step, Stop

# How often the watch looks for steps that are overdue, and for a wish to stop.
_LOOK_S = 0.25


@dataclass(frozen=True)
class Settings:
    """What all steps of a run share. ``grace_s``: how long after its time a step may still come back by itself."""

    stop: Stop = field(default_factory=Stop)
    redactor: Redactor = field(default_factory=Redactor)
    show: Callable[[str, str | None, str], None] = lambda phase, node, line: None
    bound: int = 16
    grace_s: float = 15.0
    chance: random.Random = field(default_factory=random.Random)


class Ending(StrEnum):
    """How a step ended. NOT_BEGUN: the run was stopped, or halted by a failure, before its turn."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOT_BEGUN = "not begun"


class _GivenUp(BaseException):
    """The engine has ended this step; what its thread still does is no part of the run's record."""


class StepRun:
    """One step with its attempts. ``work`` is one attempt and returns the actions; ``tell`` takes the records."""

    def __init__(
        self,
        phase: AnyPhase,
        node: str | None,
        settings: Settings,
        *,
        work: Callable[[StepRun, Step], Sequence[Action]],
        tell: Callable[..., Any],
        inputs: str | None = None,
    ) -> None:
        self.phase = phase
        self.node = node
        self.actions: Sequence[Action] = ()
        self._settings = settings
        self._work = work
        self._record = tell
        self._inputs = inputs
        self._lock = threading.Lock()
        self._given_up = False
        self._step: Step | None = None
        self._began = 0.0

    def run(self) -> Ending:
        """All attempts. Raises `JournalUnwritable` and nothing else."""
        for attempt in itertools.count(1):
            if self._settings.stop.asked:
                if attempt > 1:
                    self.tell(Kind.STEP_CANCELLED, attempt=attempt - 1)
                return Ending.CANCELLED if attempt > 1 else Ending.NOT_BEGUN
            wait_s = 0.0
            step = self._begin(attempt)
            try:
                self.actions = self._worked(step)
            except JournalUnwritable:
                raise
            except Cancelled:
                self.tell(Kind.STEP_CANCELLED, attempt=attempt, took_s=self._took_s)
                return Ending.CANCELLED
            except (Exception, SystemExit) as error:
                retry = self._failed(error, step)
                if retry is None:
                    return Ending.FAILED
                wait_s = retry
            else:
                self.tell(Kind.STEP_DONE, attempt=attempt, planned=planned(self.actions), took_s=self._took_s)
                return Ending.CHANGED if self.actions else Ending.UNCHANGED
            self._settings.stop.wait(wait_s)
        raise AssertionError("the attempts have no end")

    def tell(self, kind: Kind, **fields: Any) -> None:
        """Makes a record of this step durable."""
        with self._lock:
            if self._given_up:
                raise _GivenUp
            self._record(kind, phase=self.phase.name, node=self.node, title=self.phase.title, **fields)

    def give_up_if_overdue(self) -> bool:
        """Called by the watch. Ends a step that has not come back in its time and grace; its thread is left behind."""
        step = self._step
        if step is None or time.monotonic() < step.deadline + self._settings.grace_s:
            return False
        with self._lock:
            if self._given_up or self._step is not step:
                return False
            self._given_up = True
        known = of_engine(StepOverdue)
        self._record(
            Kind.STEP_FAILED,
            phase=self.phase.name,
            node=self.node,
            title=self.phase.title,
            attempt=step.attempt,
            took_s=self._took_s,
            code=known.code,
            message=f"has not come back {self._took_s:.0f} s after it began",
            cause=known.cause,
            remedy=known.remedy,
            output=step.output,
            exit_code=int(known.exit_code),
        )
        return True

    @property
    def _took_s(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def _begin(self, attempt: int) -> Step:
        self._began = time.monotonic()
        self.tell(Kind.STEP_BEGUN, attempt=attempt, inputs=self._inputs)
        step = Step(
            self.phase.name,
            self.node,
            attempt=attempt,
            timeout_s=self.phase.timeout_s,
            stop=self._settings.stop,
            redactor=self._settings.redactor,
            show=self._settings.show,
        )
        self._step = step
        return step

    def _worked(self, step: Step) -> Sequence[Action]:
        try:
            return tuple(self._work(self, step))
        finally:
            # It has come back: from here on it is not overdue, however long its record takes.
            with self._lock:
                self._step = None

    def _failed(self, error: BaseException, step: Step) -> float | None:
        """Records the failure; returns the seconds until the next attempt, None when there is none."""
        known = classify(error, self.phase.errors)
        retry_in_s = self.phase.retry.wait_s(step.attempt, self._settings.chance) if known.transient else None
        output = list(step.output)
        if known.code == Unexpected.code:
            trace = "".join(traceback.format_exception(error))
            output += self._settings.redactor.text(trace).splitlines()
        self.tell(
            Kind.STEP_FAILED,
            attempt=step.attempt,
            took_s=self._took_s,
            code=known.code,
            message=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
            cause=known.cause,
            remedy=known.remedy,
            output=output[-LAST_LINES:],
            exit_code=int(known.exit_code),
            retry_in_s=None if retry_in_s is None else round(retry_in_s, 3),
        )
        return retry_in_s


def watch(runs: Sequence[StepRun], bound: int, settings: Settings, halt_on_failure: bool = False) -> list[Ending]:
    """Runs these steps, at most ``bound`` at once, and returns their endings in the same order.

    Raises `JournalUnwritable` once every running step has been asked to stop.
    """
    pool: Pool[StepRun, Ending] = Pool(
        StepRun.run, runs, min(bound, settings.bound), lambda ending: halt_on_failure and ending is Ending.FAILED
    )
    given_up: set[Future[Ending]] = set()
    waiting = set(pool.futures)
    unwritable: BaseException | None = None
    while waiting:
        finished, waiting = wait(waiting, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
        for future in finished:
            if not future.cancelled() and (error := future.exception()) is not None:
                unwritable = unwritable or error
                settings.stop.ask()
        overdue = {future for future in waiting if future.running() and pool.futures[future].give_up_if_overdue()}
        given_up |= overdue
        waiting -= overdue
        failed = any(_ending(future, given_up) is Ending.FAILED for future in finished)
        if settings.stop.asked or overdue or (failed and halt_on_failure):
            pool.cancel_waiting()
            waiting = {future for future in waiting if not future.cancelled()}
    if unwritable is not None:
        raise unwritable
    return [_ending(future, given_up) for future in pool.futures]


def _ending(future: Future[Ending], given_up: set[Future[Ending]]) -> Ending:
    if future in given_up:
        return Ending.FAILED
    if future.cancelled():
        return Ending.NOT_BEGUN
    return future.result() if future.exception() is None else Ending.FAILED
