"""What ``./inv`` calls after the rebuild: each returns what the process should end with, and raises no `RunError`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from provisioning.aws import Account
from provisioning.cluster import Version
from provisioning.kubernetes import Helm, Kubectl
from provisioning.operations import certificates, intent, upgrade
from provisioning.operations.backups import Backups
from provisioning.operations.certificates_renew import OperatorKubeconfig, RenewCertificates
from provisioning.operations.errors import NoBackup, NothingToUndo
from provisioning.operations.etcd_backup import EtcdBackup
from provisioning.operations.etcd_restore import Restore, Source, restore_phases
from provisioning.operations.looking import look
from provisioning.operations.node_replace import replace_phases
from provisioning.operations.node_reset import reset_phases, unfinished
from provisioning.operations.performing import Asked, connected, meant, perform, told
from provisioning.operations.scripts import restore as restore_scripts
from provisioning.operations.status import status_of
from provisioning.run import AnyPhase, ExitCode, RunError, Screen, Selection
from provisioning.run.errors import Refused, SelectionError
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts
from provisioning.teardown.command import NameTyped
from provisioning.terraform.runner import Terraform

DRAIN_S = 600.0
_TIME = "%Y%m%dT%H%M%SZ"
# Before certificates are renewed, a backup that is no older is enough.
_FRESH = timedelta(minutes=30)


def status(site: Site, *, json: bool = False, screen: Screen | None = None) -> ExitCode:
    """``cluster.status``: 0 where all is well, 12 where something is not; partial answers rather than none."""
    screen = screen or Screen()
    with connected(site) as hosts:
        found = status_of(site, hosts)
    if json:
        screen.json(site.redactor.clean(found.as_dict()))
    else:
        screen.say(site.redactor.text(line) for line in found.lines())
    return found.exit_code


def cluster_upgrade(
    site: Site,
    asked: Asked,
    *,
    to: str | None = None,
    only: Sequence[str] = (),
    nodes: Sequence[str] = (),
    drain_s: float = DRAIN_S,
    screen: Screen | None = None,
) -> ExitCode:
    """``cluster.upgrade``: to the cluster file's version; ``to`` has to be that one. ``only``: phases of every step."""
    with connected(site) as hosts:
        kubectl = Kubectl(site)
        edges = upgrade.Edges(hosts, kubectl, Helm(site, kubectl), Account(site.cluster.region))

        def begin() -> tuple[list[AnyPhase], Selection]:
            upgrade.check_asked(site, to)
            found = _path(site, asked, lambda: upgrade.hops(site, hosts, kubectl))
            phases = upgrade.phases(site, edges, found, drain_s=drain_s)
            return phases, upgrade.selection(only, nodes, phases)

        return perform(site, ("./inv", "cluster.upgrade"), asked, begin, screen)


def node_reset(
    site: Site,
    asked: Asked,
    node: str,
    *,
    lose_cluster: str | None = None,
    drain_s: float = DRAIN_S,
    screen: Screen | None = None,
) -> ExitCode:
    """``node.reset NAME``: ``lose_cluster`` is the cluster's name, where the node is its only control plane."""
    with connected(site) as hosts:

        def begin() -> tuple[list[AnyPhase], Selection]:
            _known(site, node)
            if lose_cluster not in (None, site.cluster.name):
                raise Refused(f"--lose-cluster {lose_cluster} is not the name of this cluster")
            lose = lose_cluster is not None or unfinished(site, hosts, node)
            return reset_phases(site, hosts, Kubectl(site), node, lose_cluster=lose, drain_s=drain_s), Selection()

        words = ("./inv", "node.reset", node, *(("--lose-cluster", lose_cluster) if lose_cluster else ()))
        return perform(site, words, asked, begin, screen)


def node_replace(
    site: Site, asked: Asked, node: str, *, drain_s: float = DRAIN_S, screen: Screen | None = None
) -> ExitCode:
    """``node.replace NAME``: another machine for this node, and nothing else."""
    with connected(site) as hosts:

        def begin() -> tuple[list[AnyPhase], Selection]:
            _known(site, node)
            now = {"instance": site.machines()[node].instance_id}
            old = meant(site, f"node.replace-{node}", asked, lambda: now)["instance"]
            account, terraform = Account(site.cluster.region), Terraform(site)
            phases = replace_phases(site, hosts, Kubectl(site), account, terraform, node, old=str(old), drain_s=drain_s)
            return phases, Selection(nodes=(node,))

        return perform(site, ("./inv", "node.replace", node), asked, begin, screen)


def certs_check(site: Site, *, json: bool = False, screen: Screen | None = None) -> ExitCode:
    """``certs.check``: 12 where a certificate is missing or good for less than a week."""
    screen = screen or Screen()
    with connected(site) as hosts:
        try:
            report = certificates.check(site, hosts)
        except RunError as error:
            return told(site, screen, error, json=json)
    if json:
        screen.json(report.as_dict())
    else:
        screen.say(report.lines())
    return report.exit_code


def certs_renew(site: Site, asked: Asked, *, screen: Screen | None = None) -> ExitCode:
    """``certs.renew``: a backup of etcd, kubeadm's certificates for another year, the operator's kubeconfig."""
    with connected(site) as hosts:

        def begin() -> tuple[list[AnyPhase], Selection]:
            since = datetime.now(UTC).replace(microsecond=0) - _FRESH
            backups = Backups(site, Account(site.cluster.region))
            phases: list[AnyPhase] = [
                EtcdBackup(site, hosts, backups, since=since),
                RenewCertificates(site, hosts, Kubectl(site)),
                OperatorKubeconfig(site, hosts),
            ]
            return phases, Selection()

        return perform(site, ("./inv", "certs.renew"), asked, begin, screen)


def etcd_backup(site: Site, asked: Asked, *, screen: Screen | None = None) -> ExitCode:
    """``etcd.backup``: a snapshot in the bucket of backups, checked there."""
    with connected(site) as hosts:

        def begin() -> tuple[list[AnyPhase], Selection]:
            backups = Backups(site, Account(site.cluster.region))
            since = datetime.now(UTC).replace(microsecond=0)
            return [EtcdBackup(site, hosts, backups, since=since)], Selection()

        return perform(site, ("./inv", "etcd.backup"), asked, begin, screen)


def etcd_restore(
    site: Site,
    asked: Asked,
    *,
    key: str | None = None,
    latest: bool = False,
    undo: bool = False,
    name: str | None = None,
    screen: NameTyped | None = None,
) -> ExitCode:
    """``etcd.restore``: without a key, lists what there is.

    The cluster's name has to be typed, or given as ``name``; `Asked.yes` alone agrees to nothing here.
    """
    backups = Backups(site, Account(site.cluster.region))
    screen = screen or NameTyped(site.cluster.name, name)
    asked = replace(asked, yes=False)
    if not (key or latest or undo or asked.resume):
        return _list(site, screen, backups, json=asked.json)
    with connected(site) as hosts:

        def begin() -> tuple[list[AnyPhase], Selection]:
            def now() -> intent.Wanted:
                if undo:
                    return {"identity": _newest_kept(site, hosts), "key": None}
                newest = backups.newest() if latest else backups.named(str(key))
                if newest is None:
                    raise NoBackup(f"{backups.bucket} holds none of {site.cluster.name}")
                return {"identity": datetime.now(UTC).strftime(_TIME), "key": newest.key}

            asked_for = meant(site, "etcd.restore", asked, now)

            source = None
            if asked_for["key"] is not None:
                source = Source(backups.named(asked_for["key"]), backups.about(asked_for["key"]))
            restore = Restore(str(asked_for["identity"]), source)
            return restore_phases(site, hosts, Kubectl(site), backups, restore), Selection()

        return perform(site, ("./inv", "etcd.restore"), asked, begin, screen)


def _path(site: Site, asked: Asked, now: Callable[[], list[Version]]) -> list[Version]:
    """The versions to go through; a resumed run goes through the very same."""
    found = meant(site, "cluster.upgrade", asked, lambda: {"path": [str(each) for each in now()]})
    return [Version.parse(each) for each in found["path"]]


def _newest_kept(site: Site, hosts: Hosts) -> str:
    """The last restore whose earlier state is still on the control plane. Raises `NothingToUndo`."""
    node = site.control_plane
    step = look(site, "restore", node, timeout_s=60)
    kept = Facts.read(node, hosts.run(step, node, restore_scripts.state("none"))).all("kept")
    if not kept:
        raise NothingToUndo(f"{node} keeps no earlier state")
    return max(kept)


def _list(site: Site, screen: Screen, backups: Backups, *, json: bool) -> ExitCode:
    try:
        found = backups.all()
    except RunError as error:
        return told(site, screen, error, json=json)
    if json:
        screen.json({"backups": [backup.as_dict() for backup in found]})
    else:
        now = datetime.now(UTC)
        screen.say([backup.line(now) for backup in found] or [f"{backups.bucket} holds no backup: ./inv etcd.backup"])
    return ExitCode.DONE


def _known(site: Site, node: str) -> None:
    """Raises `SelectionError`."""
    if node not in site.nodes:
        raise SelectionError(f"there is no node {node!r}; there are {', '.join(site.nodes)}")
