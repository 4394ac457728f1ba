"""``cluster.upgrade``: from the version that runs to the one in the cluster file, one minor release at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from provisioning.aws import Account
from provisioning.cluster import UpgradeRefused, Version, upgrade_path
from provisioning.kubernetes import Helm, Kubectl
from provisioning.operations import answers
from provisioning.operations.backups import Backups
from provisioning.operations.certificates_renew import OperatorKubeconfig
from provisioning.operations.errors import UpgradeBlocked, UpgradeVersionDiffers
from provisioning.operations.etcd_backup import EtcdBackup
from provisioning.operations.looking import look
from provisioning.operations.nodes import node_states
from provisioning.operations.scripts import upgrade as scripts
from provisioning.operations.upgrade_checks import UpgradeChecks
from provisioning.operations.upgrade_nodes import UpgradeControlPlane, UpgradeNodes
from provisioning.phases.cloud_controller import CloudController
from provisioning.phases.label import Label
from provisioning.phases.verify import Verify
from provisioning.run import AnyPhase, RunError, Selection, Step
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts

# A backup that is no older is taken for the one before the upgrade: a run that failed at once makes no second one.
_FRESH = timedelta(minutes=30)
# What `--only control-plane` takes along: nobody upgrades unseen and without a backup.
_ALWAYS = ("checks", "snapshot")


@dataclass(frozen=True)
class Edges:
    """What the phases speak to the cluster and the account through."""

    hosts: Hosts
    kubectl: Kubectl
    helm: Helm
    account: Account


def check_asked(site: Site, to: str | None) -> Version:
    """The cluster file's version. Raises `UpgradeVersionDiffers` where another one was asked for."""
    wanted = site.cluster.kubernetes.version
    if to is not None and to.removeprefix("v") != str(wanted):
        raise UpgradeVersionDiffers(f"{to} was asked for, {site.cluster_file.name} says {wanted}")
    return wanted


def hops(site: Site, hosts: Hosts, kubectl: Kubectl) -> list[Version]:
    """The versions to go through, the cluster file's last. Asks the control plane's own machine which one runs.

    Nodes that are behind the control plane come first to its version, so that none is ever left two steps behind.
    Raises `UpgradeBlocked`.
    """
    step = look(site, "upgrade", site.control_plane, timeout_s=60)
    said = Facts.read(site.control_plane, hosts.run(step, site.control_plane, scripts.versions(control_plane=True)))
    running, wanted = answers.version(said, "kube-apiserver"), site.cluster.kubernetes.version
    try:
        path = upgrade_path(running, wanted)
    except UpgradeRefused as error:
        raise UpgradeBlocked(str(error)) from error
    if path and any((each.major, each.minor) < (running.major, running.minor) for each in _kubelets(kubectl, step)):
        path.insert(0, running)
    return path or [wanted]


def phases(site: Site, edges: Edges, path: Sequence[Version], *, drain_s: float) -> list[AnyPhase]:
    """All phases: the same ones for each version of the path, named after it where it is not the last."""
    found: list[AnyPhase] = []
    for version in path:
        suffix = "" if version == path[-1] else f"-{str(version).replace('.', '-')}"
        found += _hop(_at(site, version), edges, version, suffix, drain_s)
    return [
        *found,
        OperatorKubeconfig(site, edges.hosts),
        Verify(site, edges.kubectl, edges.hosts, edges.account),
    ]


def selection(only: Sequence[str], nodes: Sequence[str], known: Sequence[AnyPhase]) -> Selection:
    """``only`` names phases without a version: those of every step are meant, and the checks and the backup with them.

    A name that fits none is kept, so that the choice is refused with a hint.
    """
    if not only:
        return Selection(nodes=tuple(nodes))
    names = [phase.name for phase in known]
    chosen = [name for name in names if _base(name) in (*only, *_ALWAYS) or name in only]
    unknown = [name for name in only if name not in names]
    return Selection(only=(*chosen, *unknown), nodes=tuple(nodes))


def _hop(site: Site, edges: Edges, to: Version, suffix: str, drain_s: float) -> list[AnyPhase]:
    hosts, kubectl = edges.hosts, edges.kubectl
    since = (datetime.now(UTC) - _FRESH).replace(microsecond=0)
    cloud_controller = CloudController(site, kubectl, edges.helm)
    label = Label(site, kubectl)
    for phase in (cloud_controller, label):
        phase.name += suffix
        phase.title += f" for Kubernetes {to}"
    return [
        UpgradeChecks(site, hosts, kubectl, to, name=f"checks{suffix}"),
        EtcdBackup(site, hosts, Backups(site, edges.account), since=since, name=f"snapshot{suffix}", before=to),
        UpgradeControlPlane(site, hosts, kubectl, to, name=f"control-plane{suffix}", drain_s=drain_s),
        UpgradeNodes(site, hosts, kubectl, to, name=f"nodes{suffix}", drain_s=drain_s),
        cloud_controller,
        label,
    ]


def _at(site: Site, version: Version) -> Site:
    """The same site as it is at a version on the way."""
    kubernetes = site.cluster.kubernetes.model_copy(update={"version": version})
    return replace(site, cluster=site.cluster.model_copy(update={"kubernetes": kubernetes}))


def _base(name: str) -> str:
    """``control-plane-1-33-13`` -> ``control-plane``."""
    words = name.split("-")
    return "-".join(words[:-3]) if len(words) > 3 and all(word.isdigit() for word in words[-3:]) else name


def _kubelets(kubectl: Kubectl, step: Step) -> list[Version]:
    """Every node's kubelet; none while the API is away, in the middle of an upgrade."""
    try:
        return [state.version for state in node_states(kubectl, step).values()]
    except RunError:
        return []
