"""What ``./inv`` does to a cluster: options in, an exit code out, and every error as one clear line.

Imports are made where they are used, so that ``./inv --list`` is there at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from invoke import Exit

if TYPE_CHECKING:
    from provisioning.run import Screen
    from provisioning.site import Site

CLUSTER_FILE_VARIABLE = "ECO2_CLUSTER_FILE"
_INVALIDATION_S = 1800.0


def rebuild(
    file: str | None,
    *,
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

    def act(site: Site, screen: Screen) -> int:
        with command(site) as rebuilding:
            return rebuilding.perform(options)

    ended(file, act, json=json)


def preflight(file: str | None, *, json: bool) -> None:
    """Only the checks, all of them."""
    from provisioning.aws import Account
    from provisioning.preflight import run_preflight

    def act(site: Site, screen: Screen) -> int:
        report = run_preflight(site, Account(site.cluster.region))
        _show(screen, report.as_dict(), report.lines(), json=json)
        return report.exit_code

    ended(file, act, json=json)


def destroy(file: str | None, *, yes: str | None, keep_data: bool, plan: bool, json: bool, resume: bool) -> None:
    from provisioning.teardown.command import DestroyOptions
    from provisioning.teardown.command import destroy as command

    options = DestroyOptions(plan=plan, json=json, yes=yes, keep_data=keep_data, resume=resume)
    ended(file, lambda site, screen: command(site, options), json=json)


def status(file: str | None, *, json: bool) -> None:
    from provisioning.operations import commands

    ended(file, lambda site, screen: commands.status(site, json=json), json=json)


def upgrade(
    file: str | None,
    *,
    to: str | None,
    only: str | None,
    nodes: str | None,
    drain_s: float | None,
    plan: bool,
    json: bool,
    resume: bool,
    yes: bool,
) -> None:
    from provisioning.operations import commands
    from provisioning.operations.performing import Asked

    asked = Asked(plan=plan, json=json, resume=resume, yes=yes)
    longest = commands.DRAIN_S if drain_s is None else drain_s
    ended(
        file,
        lambda site, screen: commands.cluster_upgrade(
            site, asked, to=to, only=names(only), nodes=names(nodes), drain_s=longest
        ),
        json=json,
    )


def node_reset(
    file: str | None, name: str, *, lose_cluster: str | None, plan: bool, json: bool, resume: bool, yes: bool
) -> None:
    from provisioning.operations import commands
    from provisioning.operations.performing import Asked

    asked = Asked(plan=plan, json=json, resume=resume, yes=yes)
    ended(file, lambda site, screen: commands.node_reset(site, asked, name, lose_cluster=lose_cluster), json=json)


def node_replace(file: str | None, name: str, *, plan: bool, json: bool, resume: bool, yes: bool) -> None:
    from provisioning.operations import commands
    from provisioning.operations.performing import Asked

    asked = Asked(plan=plan, json=json, resume=resume, yes=yes)
    ended(file, lambda site, screen: commands.node_replace(site, asked, name), json=json)


def certs_check(file: str | None, *, json: bool) -> None:
    from provisioning.operations import commands

    ended(file, lambda site, screen: commands.certs_check(site, json=json), json=json)


def certs_renew(file: str | None, *, plan: bool, json: bool, resume: bool, yes: bool) -> None:
    from provisioning.operations import commands
    from provisioning.operations.performing import Asked

    asked = Asked(plan=plan, json=json, resume=resume, yes=yes)
    ended(file, lambda site, screen: commands.certs_renew(site, asked), json=json)


def etcd_backup(file: str | None, *, plan: bool, json: bool, resume: bool) -> None:
    from provisioning.operations import commands
    from provisioning.operations.performing import Asked

    asked = Asked(plan=plan, json=json, resume=resume)
    ended(file, lambda site, screen: commands.etcd_backup(site, asked), json=json)


def etcd_restore(
    file: str | None,
    key: str | None,
    *,
    latest: bool,
    undo: bool,
    yes: str | None,
    plan: bool,
    json: bool,
    resume: bool,
) -> None:
    from provisioning.operations import commands
    from provisioning.operations.performing import Asked

    asked = Asked(plan=plan, json=json, resume=resume)
    ended(
        file,
        lambda site, screen: commands.etcd_restore(site, asked, key=key, latest=latest, undo=undo, name=yes),
        json=json,
    )


def quota_request(file: str | None, *, vcpus: int | None, show: bool, json: bool) -> None:
    """Ask AWS for as many vCPUs as the cluster and what runs beside it need, or for this many."""
    from provisioning.aws import Account, quotas

    def act(site: Site, screen: Screen) -> int:
        account = Account(site.cluster.region)
        if show:
            report = quotas.report(account)
        else:
            desired = vcpus if vcpus is not None else quotas.needed(account, site.cluster)[quotas.STANDARD_VCPUS]
            report = quotas.request(account, desired)
        _show(screen, report.as_dict(), report.lines(), json=json)
        return 0

    ended(file, act, json=json)


def cdn_invalidate(file: str | None, paths: str | None, *, everything: bool, wait: bool, json: bool) -> None:
    """Make the CDN forget pictures."""
    from provisioning.aws import Account, cdn

    def act(site: Site, screen: Screen) -> int:
        account = Account(site.cluster.region)
        chosen = [cdn.EVERYTHING] if everything else list(names(paths))
        begun = cdn.invalidate(account, site.outputs().cdn.distribution_id, chosen)
        if wait:
            begun = cdn.wait(account, begun, _INVALIDATION_S, lambda line: screen.say([line], error=True))
        lines = [f"{begun.id}: {begun.status}, {', '.join(begun.paths)}"]
        if not begun.is_done:
            lines.append("It takes some minutes; --wait waits for it.")
        _show(screen, begun.as_dict(), lines, json=json)
        return 0

    ended(file, act, json=json)


def names(text: str | None) -> tuple[str, ...]:
    """``a,b`` as two names."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def ended(file: str | None, act: Callable[[Site, Screen], int], *, json: bool) -> None:
    """Does it, and ends the program with its code; a known error is told with its cause and what to do about it."""
    from provisioning.run import Cancelled, ExitCode, RunError, Screen

    site, screen = _site(file), Screen()
    try:
        code = int(act(site, screen))
    except RunError as error:
        screen.error(error, site.redactor, as_json=json)
        code = int(error.exit_code)
    except (Cancelled, KeyboardInterrupt):
        code = int(ExitCode.INTERRUPTED)
    if code:
        raise Exit(code=code)


def _site(file: str | None) -> Site:
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


def _show(screen: Screen, value: dict[str, object], lines: Sequence[str], *, json: bool) -> None:
    if json:
        screen.json(value)
    else:
        screen.say(lines)
