"""``up``: from nothing, or from whatever runs already, to a stack that answers."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from pathlib import Path

from rich.console import Console

from provisioning.local import monitoring as monitor
from provisioning.local import packages, parts, probes
from provisioning.local.down import stop_everything
from provisioning.local.errors import LocalError, NotReady, StepFailed
from provisioning.local.home import REPOSITORY, Home, postgres_owner
from provisioning.local.ports import Claims
from provisioning.local.progress import Board
from provisioning.local.settings import COMPANIONS, MAIN_PORT, MONITORING, PARTS, PROCESSES, VARIABLES, Stack
from provisioning.local.supervise import Program, Supervisor

PART_TIMEOUT_S = 60.0
PROCESS_TIMEOUT_S = 120.0
REPLACED_TIMEOUT_S = 15.0
MIGRATIONS_TIMEOUT_S = 120.0
MODEL_TIMEOUT_S = 600.0

# So many ended starts in a row and `up` stops waiting; supervisord itself goes on trying for longer.
ENDED_STARTS = 3


def up(
    home: Path | None = None,
    *,
    services: bool = True,
    programs: Sequence[str] | None = None,
    monitoring: bool = False,
    keep: bool = False,
    root: Path = REPOSITORY,
    console: Console | None = None,
) -> None:
    """Starts what is missing of the stack and returns when everything answers in its own protocol.

    ``services=False`` starts the parts only; ``programs`` names the Eco² processes to start (all of them when None);
    ``monitoring`` adds Prometheus, Alertmanager and the exporters, which then run until ``down``, without being asked
    for again; ``keep`` leaves a failed start running for inspection; ``root`` is the tree the Eco² processes are run
    from. A second call waits for the first, then finds nothing to do. Parts are given 60 s, processes 120 s.

    Raises LocalError: MissingPackages, NotReady (a part or process, with its log's end), StepFailed (migrations, the
    model's build, initdb, with the output), PortTaken, ForeignHome.
    """
    place = Home.open(home)
    console = console or Console()
    names = _named(programs) if services else []
    place.create()
    with place.lock(waiting=lambda: console.print("another up or down is at work here: waiting for it")):
        place.create()
        _Start(place, root, names, monitoring, keep, console).run()


class _Start:
    """One run of ``up``, under the home's lock."""

    def __init__(
        self, home: Home, root: Path, names: list[str], monitoring: bool, keep: bool, console: Console
    ) -> None:
        self.home = home
        self.names = names
        self.monitoring = monitoring
        self.keep = keep
        self.console = console
        self.stack = Stack.load(home, root)
        self.supervisor = Supervisor(home)
        self.began = time.monotonic()
        self.claims = Claims()
        self.cancelled = threading.Event()
        self.started: list[str] = []
        self.steps: list[subprocess.Popen[str]] = []

    def run(self) -> None:
        stack = self.stack
        if self.monitoring:
            monitor.receivers_of(os.environ)  # before anything is started, or read anew
        stack.read_environment(os.environ)
        stack.make_secrets()
        # Once asked for, the monitoring stays until `down`.
        monitored = stack.monitoring and self.supervisor.pid() is not None
        stack.monitoring = self.monitoring or monitored
        running = self._is_running()
        missing = self._missing() if running else self._all()
        if running and not missing and self._all_answer():
            did = self._prepare_monitoring() if stack.monitoring else []
            what = f"brought what has changed to {', '.join(did)}" if did else "nothing to do"
            self.console.print(f"already up: {what} ({self._elapsed()}). {self._where()}")
            return
        try:
            with self.claims:
                self._bring_up(running, missing)
        except BaseException:
            self._give_up(running, monitored)
            raise
        self.console.print(f"up in {self._elapsed()}. {self._where()}")

    def _is_running(self) -> bool:
        """Whether a supervisord of ours runs with today's settings; leftovers of a dead one are ended."""
        if self.supervisor.pid() is not None:
            changed = self.stack.changed_settings(os.environ)
            known = self.supervisor.programs()
            changed += [f"the program {name}" for name in self._all() if name not in known]
            if not changed:
                return True
            self.console.print(f"restarting the stack, because these changed: {', '.join(changed)}")
            stop_everything(self.home)
        else:
            stop_everything(self.home, self.console.print)  # what a dead supervisord has left, if anything
        return False

    def _all(self) -> list[str]:
        return [*self.stack.own_programs, *self.names, *self._monitoring]

    @property
    def _monitoring(self) -> tuple[str, ...]:
        return MONITORING if self.stack.monitoring else ()

    def _missing(self) -> list[str]:
        now = self.supervisor.programs()
        return [name for name in self._all() if not now[name].alive]

    def _all_answer(self) -> bool:
        """One try of every probe, side by side."""
        checks = [self._probe(name) for name in (*PARTS, *self.names, *self._monitoring)]

        def passes(check: Callable[[], None]) -> bool:
            try:
                check()
            except Exception:  # any failure means "not ready": the long way finds out and reports what it is
                return False
            return True

        with ThreadPoolExecutor(max_workers=len(checks)) as pool:
            return all(pool.map(passes, checks))

    def _probe(self, name: str) -> Callable[[], None]:
        if name in PARTS:
            return lambda: probes.OF_PART[name](self.stack.url(name))
        if name in MONITORING:
            return lambda: probes.OF_MONITORING[name](self.stack.ports[name])
        return lambda: probes.http_ready(self.stack.ports[name])

    def _bring_up(self, running: bool, missing: list[str]) -> None:
        stack = self.stack
        found = packages.require((*stack.own_parts, *self._monitoring), say=self.console.print)
        environment = dict(os.environ)
        if running:
            stack.wanted = list(dict.fromkeys([*stack.wanted, *self.names]))
        else:
            stack.choose_ports(environment, self.claims.take)
            stack.wanted = self.names
        self.home.create()  # again: apt may just have created the user postgres
        stack.settings = stack.digests(environment)
        stack.save()
        stack.write_for_people()
        if not running:
            self.supervisor.launch({**stack.supervisor_environment(environment), **_paths(found)})
        processes = [name for name in self.names if name in missing]
        build_model = "ai" in processes
        lines = [*PARTS, *(["model"] if build_model else []), *(["migrations"] if processes else []), *processes]
        lines += self._monitoring
        with Board(self.console, lines) as board, ThreadPoolExecutor(max_workers=16) as pool:
            try:
                told = stack.process_environment(environment)
                model = pool.submit(self._build_model, board, told) if build_model else None
                _all_of(pool.submit(self._bring_part, board, part, found) for part in PARTS)
                if processes:
                    migrate = [sys.executable, "-m", "services.kernel.migrations", "up"]
                    self._step(board, "migrations", migrate, told, MIGRATIONS_TIMEOUT_S)
                if model:
                    model.result()
                _all_of(pool.submit(self._bring_process, board, name) for name in self.names)
                if stack.monitoring:
                    self._prepare_monitoring()
                    _all_of(pool.submit(self._bring_process, board, name) for name in MONITORING)
            except BaseException:
                self.cancelled.set()
                for step in self.steps:
                    step.kill()
                raise

    def _bring_part(self, board: Board, part: str, found: packages.Programs) -> None:
        stack = self.stack
        try:
            if part in stack.replaced:
                board.doing(part, f"asking the one of {VARIABLES[part]}")
                probes.wait(self._probe(part), REPLACED_TIMEOUT_S, watch=self._check_cancelled)
                board.done(part, f"ready ({VARIABLES[part]})")
                return
            board.doing(part, "starting")
            parts.prepare(part, stack, found)
            for program in (*COMPANIONS.get(part, ()), part):
                self._start(program)
            port = stack.ports[MAIN_PORT[part]]
            probes.wait(lambda: probes.listening(port), PART_TIMEOUT_S, watch=self._watch(part))
            probes.wait(lambda: parts.complete(part, stack), PART_TIMEOUT_S, watch=self._watch(part))
            board.done(part)
        except (TimeoutError, probes.Doomed) as error:
            board.failed(part, str(error))
            if part in stack.replaced:
                raise NotReady(
                    f"{part}: the one that {VARIABLES[part]} names is {error}\n"
                    f"Check the variable, or unset it to use a private instance."
                ) from error
            raise self._not_ready(part, error) from error
        except LocalError as error:
            board.failed(part, str(error).splitlines()[0])
            raise

    def _bring_process(self, board: Board, name: str) -> None:
        try:
            board.doing(name, "starting")
            self._start(name)
            probes.wait(self._probe(name), PROCESS_TIMEOUT_S, watch=self._watch(name))
            board.done(name)
        except (TimeoutError, probes.Doomed) as error:
            board.failed(name, str(error))
            raise self._not_ready(name, error) from error

    def _prepare_monitoring(self) -> list[str]:
        """Returns the names of those that have run with something else until now."""
        found = packages.require(MONITORING, say=self.console.print)
        changed = monitor.prepare(self.stack, found, os.environ if self.monitoring else None)
        return monitor.read_anew(changed, self.supervisor)

    def _start(self, name: str) -> None:
        supervisor = Supervisor(self.home)
        if not supervisor.program(name).alive:
            self.started.append(name)
            supervisor.start(name)

    def _watch(self, name: str) -> Callable[[], None]:
        """Raises Doomed when the program has ended several starts in a row, or another part has failed."""
        supervisor = Supervisor(self.home)
        ended: set[float] = set()

        def watch() -> None:
            self._check_cancelled()
            now: Program = supervisor.program(name)
            if now.state in ("BACKOFF", "EXITED", "FATAL"):
                ended.add(now.started_at)
            if now.state == "FATAL" or len(ended) >= ENDED_STARTS:
                raise probes.Doomed(f"it ended right after each of {len(ended)} starts")

        return watch

    def _check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise probes.Doomed("given up, because something else failed")

    def _build_model(self, board: Board, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "workers.ai.local.build", str(self.home.cache)]
        self._step(board, "model", command, environment, MODEL_TIMEOUT_S)

    def _step(
        self, board: Board, name: str, command: list[str], environment: Mapping[str, str], timeout_s: float
    ) -> None:
        """Runs a subprocess to its end, its output in ``log/NAME.log``. Raises StepFailed with that output."""
        board.doing(name, "running")
        log = self.home.log_file(name)
        with log.open("w", encoding="utf-8") as output:
            step = subprocess.Popen(
                command,
                cwd=self.stack.root,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
            self.steps.append(step)
            try:
                code: int | str = step.wait(timeout_s)
            except subprocess.TimeoutExpired:
                step.kill()
                step.wait()
                code = f"no end after {timeout_s:g} s"
        if code != 0:
            board.failed(name, f"ended with {code}")
            raise StepFailed(
                f"{name} failed ({code}): {' '.join(command[1:])}\nIts output ({log}):\n"
                f"{parts.log_tail(self.home, name, 40)}"
            )
        board.done(name, "done")

    def _not_ready(self, name: str, error: BaseException) -> NotReady:
        return NotReady(
            f"{name} did not become ready: {error}\n"
            f"The end of {self.home.log_file(name)}:\n{parts.log_tail(self.home, name)}"
            f"Next: correct what the log says and run ./inv up again; ./inv up --keep leaves a failed start running."
        )

    def _give_up(self, running: bool, monitored: bool) -> None:
        """Stops what this run has started, unless it is to be looked at."""
        if self.keep:
            self.console.print("left running for inspection (--keep): ./inv status, ./inv logs, ./inv down")
        elif running:
            self.supervisor.stop(self.started)
            self.stack.monitoring = monitored
            self.stack.save()
        else:
            stop_everything(self.home)

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self.began:.1f} s"

    def _where(self) -> str:
        note = ""
        if "postgresql" not in self.stack.replaced and self.home.path not in self.home.postgres.parents:
            note = f" PostgreSQL's data is in {self.home.postgres}: its user cannot reach {self.home.path}."
        for name in ("prometheus", "alertmanager") if self.stack.monitoring else ():
            note += f"\n{name.capitalize()}: http://127.0.0.1:{self.stack.ports[name]}"
        if "gateway" in self.stack.wanted:
            return f"http://127.0.0.1:{self.stack.ports['gateway']}{note}"
        return f"The settings are in {self.home.path / 'env'}.{note}"


def _named(programs: Sequence[str] | None) -> list[str]:
    if programs is None:
        return list(PROCESSES)
    unknown = sorted(set(programs) - set(PROCESSES))
    if unknown:
        raise LocalError(f"There is no process {', '.join(unknown)}. There are: {', '.join(PROCESSES)}.")
    return [name for name in PROCESSES if name in programs]


def _paths(found: packages.Programs) -> dict[str, str]:
    """The programs' paths under the names that supervisord.conf uses; a replaced part's is never run."""
    owner = postgres_owner()
    chosen = {
        "RABBITMQ_SERVER": found.rabbitmq_server,
        "EPMD": found.epmd,
        "POSTGRES_BIN": found.postgres_bin,
        "REDIS_SERVER": found.redis_server,
        "WEED": found.weed,
    }
    environment = {name: str(path) if path else "/not-needed" for name, path in chosen.items()}
    environment["POSTGRES_USER"] = (owner or pwd.getpwuid(os.geteuid())).pw_name
    return environment


def _all_of(futures: Iterable[Future[None]]) -> None:
    """Waits for all; raises the first error as soon as it happens."""
    done, _ = wait_for(list(futures), return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()
