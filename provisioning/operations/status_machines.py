"""What the machines and the account tell of a cluster's state, whether or not its API answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from provisioning.operations import answers
from provisioning.operations import certificates as certificate_checks
from provisioning.operations.backups import Backups, age, size
from provisioning.operations.looking import look
from provisioning.operations.scripts import etcd as scripts
from provisioning.operations.status_cluster import Reading
from provisioning.run import RunError, Step
from provisioning.site import Site
from provisioning.ssh import Hosts

_SSH_S = 30.0
_AT_ONCE = 16


def machines(site: Site, hosts: Hosts, step: Step) -> Reading:
    """Whether each machine is reached over SSH."""
    site.machines()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(site.nodes, pool.map(lambda node: _reached(site, hosts, node), site.nodes), strict=True))
    problems = [f"{node}: {why}" for node, why in found.items() if why is not None]
    return Reading({node: why is None for node, why in found.items()}, problems=problems)


def etcd(site: Site, hosts: Hosts, step: Step) -> Reading:
    """Each member's health, size and version."""
    node = site.control_plane
    said = answers.document(hosts.run(step, node, scripts.health(), timeout_s=_SSH_S), node)
    if not said.get("running"):
        return Reading({"running": False}, problems=[f"etcd does not run on {node}"])
    members, lines, problems = [], [], []
    for each in said["status"]:
        state = each.get("Status", {})
        members.append(
            {
                "endpoint": each.get("Endpoint"),
                "version": state.get("version"),
                "bytes": state.get("dbSize"),
                "in_use": state.get("dbSizeInUse"),
                "errors": state.get("errors") or [],
            }
        )
        lines.append(f"{each.get('Endpoint')} etcd {state.get('version')}, {size(int(state.get('dbSize') or 0))}")
        problems += [f"{each.get('Endpoint')}: {error}" for error in state.get("errors") or []]
    healthy = said["health"]
    problems += [f"{each.get('endpoint')} is not healthy" for each in healthy if not each.get("health")]
    problems += [] if healthy else ["etcd does not say that it is healthy"]
    return Reading({"running": True, "members": members}, lines, problems)


def certificates(site: Site, hosts: Hosts) -> Reading:
    """The certificate that expires first, and what is near its end."""
    report = certificate_checks.check(site, hosts)
    smallest = report.smallest
    facts = {
        "smallest_days": smallest.days(report.now) if smallest else None,
        "smallest": f"{smallest.where}: {smallest.name}" if smallest else None,
    }
    lines = list(report.lines())
    return Reading(facts, *(([], lines) if report.exit_code else (lines, [])))


def backup(backups: Backups) -> Reading:
    """The last backup of etcd."""
    newest = backups.newest()
    if newest is None:
        return Reading(None, problems=["etcd was never backed up (./inv etcd.backup)"])
    passed = datetime.now(UTC) - newest.taken
    return Reading(
        {**newest.as_dict(), "age_s": int(passed.total_seconds())},
        [f"{age(passed)} ago: {newest.key}, {size(newest.bytes)}"],
    )


def _reached(site: Site, hosts: Hosts, node: str) -> str | None:
    try:
        hosts.run(look(site, "status", node, timeout_s=_SSH_S), node, ":\n")
    except RunError as error:
        return site.redactor.text(str(error))
    return None
