"""A whole command over a list of phases, from its options to its exit code: ``rebuild``, ``upgrade`` and the like."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from provisioning.run.board import Board, Plain
from provisioning.run.engine import Agreement, Engine
from provisioning.run.errors import Cancelled, JournalUnwritable, Refused, RunError
from provisioning.run.events import Events, JsonLines, Sink
from provisioning.run.exit_codes import ExitCode
from provisioning.run.interrupts import interruptible
from provisioning.run.journal import Journal, read
from provisioning.run.lock import locked
from provisioning.run.phase import AnyPhase, checked
from provisioning.run.planning import Plan, make_plan
from provisioning.run.records import Kind
from provisioning.run.report import count, plan_lines, result_lines
from provisioning.run.runs import Runs
from provisioning.run.screen import Screen
from provisioning.run.selection import Chosen, Selection, choose
from provisioning.run.state import State, fold
from provisioning.run.steps import Settings


@dataclass(frozen=True)
class Options:
    """What is asked for. ``resume`` without a selection keeps that of the run it goes on with; ``yes`` agrees to all
    that is destructive."""

    selection: Selection = field(default_factory=Selection)
    plan: bool = False
    json: bool = False
    yes: bool = False
    resume: bool = False


@dataclass(frozen=True)
class Command:
    """``words`` is how people call it (``./inv rebuild``), ``home`` the folder that keeps this cluster's runs."""

    words: tuple[str, ...]
    cluster: str
    phases: Sequence[AnyPhase]
    home: Path
    settings: Settings = field(default_factory=Settings)
    screen: Screen = field(default_factory=Screen)

    @property
    def name(self) -> str:
        return " ".join(self.words)

    def perform(self, options: Options) -> ExitCode:
        """Plans or runs, tells how it went, and returns what the process should end with."""
        try:
            checked(self.phases)
            return self._plan(options) if options.plan else self._run(options)
        except Cancelled:
            self.screen.say(["Stopped when asked, before anything was changed."], error=True)
            return ExitCode.INTERRUPTED
        except KeyboardInterrupt:
            # Between the plan and the run, or after it: nothing acts then.
            return ExitCode.INTERRUPTED
        except RunError as error:
            self.screen.error(error, self.settings.redactor, as_json=options.json)
            return error.exit_code

    def _plan(self, options: Options) -> ExitCode:
        journal = Runs(self.home).newest(self.name) if options.resume else None
        state = fold(read(journal)[0]) if journal is not None else State()
        plan = self._planned(self._chosen(options, state), state)
        if options.json:
            self.screen.json({"cluster": self.cluster, "exit_code": int(plan.exit_code), **plan.as_dict()})
        else:
            self.screen.say(plan_lines(plan))
        return plan.exit_code

    def _run(self, options: Options) -> ExitCode:
        runs = Runs(self.home)
        with locked(runs.lock, self.cluster):
            path = runs.newest(self.name) if options.resume else runs.new()
            state = fold(read(path)[0])
            selection = self._selection(options, state)
            chosen = choose(self.phases, selection)
            agreement = self._agreement(chosen, state, options)
            kind = Kind.RUN_RESUMED if options.resume else Kind.RUN_BEGUN
            with (
                interruptible(self.settings.stop),
                self._told(path, chosen, options) as events,
                Journal(path, self.settings.redactor, events.record) as journal,
            ):
                journal.append(kind, command=self.name, selection=selection.as_dict())
                settings = replace(self.settings, show=events.output)
                result = Engine(self.phases, journal, settings, agreement).run(chosen)
        self.screen.say((f"No longer written to: {sink}" for sink in events.lost), error=True)
        go_on = (*self.words, "--resume", *(["--yes"] if options.yes else []))
        self.screen.say(result_lines(result, go_on, path), error=options.json)
        return result.exit_code

    def _selection(self, options: Options, state: State) -> Selection:
        kept = options.resume and options.selection == Selection()
        return Selection.from_dict(state.selection) if kept else options.selection

    def _chosen(self, options: Options, state: State) -> list[Chosen]:
        return choose(self.phases, self._selection(options, state))

    def _planned(self, chosen: Sequence[Chosen], state: State) -> Plan:
        with interruptible(self.settings.stop):
            return make_plan(self.phases, chosen, self.settings, state)

    def _agreement(self, chosen: Sequence[Chosen], state: State, options: Options) -> Agreement:
        """Shows the plan and asks, where it destroys something. Raises `Refused`."""
        if options.yes:
            return Agreement(everything=True)
        plan = self._planned(chosen, state)
        if plan.destructive:
            self.screen.say(plan_lines(plan), error=options.json)
            question = f"{self.cluster}: {count(len(plan.destructive), 'destructive action')}. Go on? [y/N] "
            if not self.screen.agrees(question):
                raise Refused(f"{count(len(plan.destructive), 'destructive action')} and nobody agreed")
        return Agreement(plan.destructive)

    @contextmanager
    def _told(self, journal: Path, chosen: Sequence[Chosen], options: Options) -> Iterator[Events]:
        """The sinks of a run: the event log, and the screen as a table, as lines or as JSON."""
        log = Runs.event_log(journal)
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            stream = _opened(log)
        except OSError as error:
            raise JournalUnwritable(f"{log}: {error.strerror}") from error
        with stream:
            sinks: list[Sink] = [JsonLines(stream)]
            if options.json:
                yield Events([*sinks, JsonLines(self.screen.stdout)])
            elif self.screen.is_terminal:
                with Board(self.screen.console, chosen) as board:
                    yield Events([*sinks, board])
            else:
                yield Events([*sinks, Plain(self.screen.console)])


def _opened(path: Path) -> TextIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "a", encoding="utf-8")
