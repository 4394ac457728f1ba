"""How a command of this package is performed: its options, what it is about, its connections, its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from provisioning.operations import intent
from provisioning.run import AnyPhase, Cancelled, Command, ExitCode, Options, RunError, Screen, Selection, Settings
from provisioning.run.lock import locked
from provisioning.run.runs import Runs
from provisioning.site import Site
from provisioning.ssh import Hosts


@dataclass(frozen=True)
class Asked:
    """How a command that changes something was called. ``yes`` agrees to what is destructive."""

    plan: bool = False
    json: bool = False
    resume: bool = False
    yes: bool = False


def perform(
    site: Site,
    words: tuple[str, ...],
    asked: Asked,
    begin: Callable[[], tuple[list[AnyPhase], Selection]],
    screen: Screen | None,
) -> ExitCode:
    """Finds out what is to be done and does it; an error before the run is told like one in it."""
    screen = screen or Screen()
    try:
        phases, selection = begin()
    except RunError as error:
        return told(site, screen, error, json=asked.json)
    except (Cancelled, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    command = Command(words, site.cluster.name, phases, site.folder, Settings(redactor=site.redactor), screen)
    return command.perform(Options(selection, plan=asked.plan, json=asked.json, yes=asked.yes, resume=asked.resume))


def meant(site: Site, command: str, asked: Asked, now: Callable[[], intent.Wanted]) -> intent.Wanted:
    """What this run is about: on ``--resume`` what the run before was; a plan leaves no note."""
    if asked.resume:
        return intent.kept(site, command)
    wanted = now()
    if not asked.plan:
        # Not under the hands of a run that goes on: its note is its own.
        with locked(Runs(site.folder).lock, site.cluster.name):
            intent.keep(site, command, wanted)
    return wanted


def told(site: Site, screen: Screen, error: RunError, *, json: bool) -> ExitCode:
    screen.error(error, site.redactor, as_json=json)
    return error.exit_code


@contextmanager
def connected(site: Site) -> Iterator[Hosts]:
    hosts = Hosts(site)
    try:
        yield hosts
    finally:
        hosts.close()
