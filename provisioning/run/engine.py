"""The run: phase after phase, each step facts -> plan -> act, every transition durable before the next."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provisioning.run.errors import NotConverged, Refused
from provisioning.run.exit_codes import ExitCode
from provisioning.run.journal import Journal
from provisioning.run.phase import Action, AnyPhase, digest, to_do
from provisioning.run.planning import earlier
from provisioning.run.records import Kind, Planned, Record, StepKey, planned
from provisioning.run.selection import Chosen
from provisioning.run.state import fold
from provisioning.run.step import Step
from provisioning.run.steps import Ending, Settings, StepRun, watch


class Agreement:
    """To which destructive actions somebody has agreed: to all, or to those of a plan that was shown."""

    def __init__(self, shown: Iterable[tuple[StepKey, Planned]] = (), *, everything: bool = False) -> None:
        self._everything = everything
        self._ids = frozenset((step, action.id) for step, action in shown)

    def check(self, step: StepKey, actions: Sequence[Action]) -> None:
        """Raises `Refused` for a destructive action that nobody has seen."""
        for action in planned(actions):
            if action.destructive and not self._everything and (step, action.id) not in self._ids:
                raise Refused(f"{action.title}: destructive, and no part of the plan that was agreed to")


@dataclass(frozen=True)
class Result:
    """How a run ended, and how many steps ended how. ``failures`` are the last records of the steps that failed."""

    exit_code: ExitCode
    changed: int = 0
    unchanged: int = 0
    skipped: int = 0
    failures: tuple[Record, ...] = ()


class Engine:
    """Runs phases and keeps the journal. One engine a run."""

    def __init__(self, phases: Sequence[AnyPhase], journal: Journal, settings: Settings, agreement: Agreement) -> None:
        self._phases = phases
        self._journal = journal
        self._settings = settings
        self._agreement = agreement
        self._endings: list[Ending] = []
        self._skipped = 0

    def run(self, chosen: Sequence[Chosen]) -> Result:
        """Runs the chosen phases to the end, the first failure (of a phase, on all its nodes) or a wish to stop.

        What a journal already shows as done, with the same inputs, is skipped. Raises `JournalUnwritable`.
        """
        first = len(self._journal.records)
        for each in chosen:
            if self._settings.stop.asked or not self._phase(each):
                break
        failures = self._failures(self._journal.records[first:])
        exit_code = ExitCode.DONE
        if failures:
            exit_code = ExitCode(failures[0].exit_code or ExitCode.RUNTIME)
        elif self._settings.stop.asked:
            exit_code = ExitCode.INTERRUPTED
        self._journal.append(Kind.RUN_ENDED, exit_code=int(exit_code))
        return Result(
            exit_code,
            changed=self._endings.count(Ending.CHANGED),
            unchanged=self._endings.count(Ending.UNCHANGED),
            skipped=self._skipped,
            failures=failures,
        )

    def _phase(self, chosen: Chosen) -> bool:
        """Runs one phase; whether the next may begin."""
        phase = chosen.phase
        state = fold(self._journal.records)
        runs: list[StepRun] = []
        for key in chosen.steps:
            inputs = digest(phase, key[1])
            if state.is_done(key, inputs, earlier(self._phases, key)):
                self._skipped += 1
                self._journal.append(
                    Kind.STEP_SKIPPED, phase=phase.name, node=key[1], title=phase.title, message="done before"
                )
            else:
                runs.append(
                    StepRun(phase, key[1], self._settings, work=self._attempt, tell=self._journal.append, inputs=inputs)
                )
        if not runs:
            return True
        began = time.monotonic()
        self._journal.append(Kind.PHASE_BEGUN, phase=phase.name, title=phase.title)
        endings = watch(runs, phase.parallel, self._settings, phase.halt_on_failure)
        self._endings += endings
        fine = all(ending in (Ending.CHANGED, Ending.UNCHANGED) for ending in endings)
        took_s = round(time.monotonic() - began, 3)
        kind = Kind.PHASE_DONE if fine else Kind.PHASE_FAILED
        self._journal.append(kind, phase=phase.name, title=phase.title, took_s=took_s)
        return fine

    def _attempt(self, run: StepRun, step: Step) -> Sequence[Action]:
        step.safe_point()
        actions = to_do(run.phase, step)
        if not actions:
            return ()
        self._agreement.check((step.phase, step.node), actions)
        step.safe_point()
        run.tell(Kind.STEP_ACTING, attempt=step.attempt, planned=planned(actions))
        run.phase.act(step, actions)
        if run.phase.verify and (left := to_do(run.phase, step)):
            raise NotConverged("still to do: " + ", ".join(action.title for action in left))
        return actions

    @staticmethod
    def _failures(records: Sequence[Record]) -> tuple[Record, ...]:
        """The last word of each step that failed, in the order of failing."""
        last: dict[StepKey, Record] = {}
        for record in records:
            if record.kind is Kind.STEP_FAILED and record.step is not None:
                last.pop(record.step, None)
                last[record.step] = record
            elif record.kind in (Kind.STEP_DONE, Kind.STEP_CANCELLED) and record.step is not None:
                last.pop(record.step, None)
        return tuple(last.values())
