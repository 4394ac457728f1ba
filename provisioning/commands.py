"""What ``./inv`` does to a cluster: options in, an exit code out, and every error as one clear line.

Imports are made where they are used, so that ``./inv --list`` is there at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke import Exit

if TYPE_CHECKING:
    from provisioning.run import Options
    from provisioning.site import Site

CLUSTER_FILE_VARIABLE = "ECO2_CLUSTER_FILE"


def rebuild(
    *,
    file: str | None,
    only: str | None,
    from_: str | None,
    nodes: str | None,
    plan: bool,
    json: bool,
    resume: bool,
    yes: bool,
) -> None:
    """Plan or run the phases, all or some."""
    from provisioning.rebuild import rebuild as command
    from provisioning.run import Options, Selection

    selection = Selection(only=names(only), from_=from_, nodes=names(nodes))
    options = Options(selection, plan=plan, json=json, yes=yes, resume=resume)
    with command(site(file)) as rebuilding:
        ended(rebuilding.perform(options))


def preflight(*, file: str | None, json: bool) -> None:
    """Only the checks, all of them."""
    from provisioning.aws.account import Account
    from provisioning.preflight import run_preflight
    from provisioning.run import Screen

    chosen = site(file)
    screen = Screen()
    report = told(lambda: run_preflight(chosen, Account(chosen.cluster.region)), chosen, json=json)
    if json:
        screen.json(report.as_dict())
    else:
        screen.say(report.lines())
    ended(report.exit_code)


def site(file: str | None) -> Site:
    """The cluster of the file that was named, of ``$ECO2_CLUSTER_FILE``, or of provisioning/cluster.yaml."""
    from provisioning.cluster import CLUSTER_FILE, ConfigurationError, load
    from provisioning.run import ExitCode
    from provisioning.site import Site

    chosen = Path(file or os.environ.get(CLUSTER_FILE_VARIABLE) or CLUSTER_FILE)
    try:
        return Site.of(load(chosen), chosen)
    except ConfigurationError as error:
        raise Exit(str(error), int(ExitCode.CONFIGURATION)) from None
    except OSError as error:
        raise Exit(f"the cluster's folder cannot be made: {error}", int(ExitCode.CONFIGURATION)) from None


def told(act: Callable[[], Any], chosen: Site, *, json: bool = False) -> Any:
    """What ``act`` returns; an error that is known ends the program as one line, with cause and remedy."""
    from provisioning.run import RunError, Screen

    try:
        return act()
    except RunError as error:
        Screen().error(error, chosen.redactor, as_json=json)
        raise Exit(code=int(error.exit_code)) from None


def ended(code: int) -> None:
    """Ends the program with this code, unless it is 0."""
    if code:
        raise Exit(code=int(code))


def names(text: str | None) -> tuple[str, ...]:
    """``a,b`` as two names."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
