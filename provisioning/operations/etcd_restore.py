"""``etcd.restore``: the cluster as it was when a backup was made; and its undoing, until the next restore.

Each phase reads from the disk how far a restore has come, so one that was cut off anywhere goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.kubernetes import Kubectl
from provisioning.operations import answers
from provisioning.operations.api import wait_for_api
from provisioning.operations.backups import About, Backup, Backups
from provisioning.operations.errors import SnapshotCorrupt, SnapshotVersion
from provisioning.operations.scripts import restore as scripts
from provisioning.operations.scripts import upgrade as upgrade_scripts
from provisioning.run import Action, AnyPhase, Phase, Step
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts

_FETCH_S = 900
_API_S = 300.0
ETCD_PEER_PORT = 2380


@dataclass(frozen=True)
class Source:
    """The backup that a restore takes, and what it says of itself."""

    backup: Backup
    about: About


@dataclass(frozen=True)
class Restore:
    """One restore, or its undoing where there is no source. ``identity`` is the time at which the restore was begun; it
    names what is kept."""

    identity: str
    source: Source | None = None

    @property
    def undoes(self) -> bool:
        return self.source is None

    @property
    def kubelet_mark(self) -> str:
        return f"undo-{self.identity}" if self.undoes else self.identity

    def exchanged(self, state: Facts) -> bool:
        """Whether the data directory is the one that is wanted."""
        there = state.yes("data")
        return there and (state.yes("undone") and not state.yes("before") if self.undoes else state.yes("before"))


class _OnControlPlanes(Phase[Facts, Action]):
    """Reads how far the restore has come on each control plane."""

    timeout_s = 1800.0

    def __init__(self, site: Site, hosts: Hosts, restore: Restore) -> None:
        super().__init__([node.name for node in site.cluster.of_role("control-plane")])
        self.site = site
        self.hosts = hosts
        self.restore = restore

    def inputs(self, node: str | None) -> Any:
        return {"restore": self.restore.identity, "undo": self.restore.undoes}

    def facts(self, step: Step) -> Facts:
        assert step.node is not None
        return Facts.read(step.node, self.hosts.run(step, step.node, scripts.state(self.restore.identity)))


class Fetch(_OnControlPlanes):
    """Downloads the snapshot and has it checked, while everything still runs."""

    name = "fetch"
    title = "Snapshot to the control plane, and its check"

    def __init__(self, site: Site, hosts: Hosts, restore: Restore, source: Source, backups: Backups) -> None:
        super().__init__(site, hosts, restore)
        self._source = source
        self._backups = backups

    def facts(self, step: Step) -> Facts:
        assert step.node is not None
        said = Facts.read(
            step.node, self.hosts.run(step, step.node, upgrade_scripts.versions(control_plane=True), timeout_s=60)
        )
        # Nothing to compare with once the manifests are away: then it was compared before.
        if said.values.get("kube-apiserver"):
            running, taken = answers.version(said, "kube-apiserver").line, self._source.about.kubernetes
            if not taken.startswith(f"{running}."):
                raise SnapshotVersion(f"the backup is of Kubernetes {taken}, {running} runs")
        return super().facts(step)

    def plan(self, facts: Facts) -> Sequence[Action]:
        if self.restore.exchanged(facts) or facts.text("sha256") == self._source.about.sha256:
            return ()
        return [Action(id="fetch", title=f"download {self._source.backup.key} and check it")]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        key, wanted = self._source.backup.key, self._source.about.sha256
        url = self._backups.download_url(key)
        script = scripts.fetch(self.restore.identity, url, wanted, timeout_s=_FETCH_S)
        came = answers.document(self.hosts.run(step, step.node, script), step.node)
        if came.get("sha256") != wanted:
            raise SnapshotCorrupt(f"{key}: its SHA-256 is not the one that was written down with it")
        if not isinstance(came.get("status"), dict):
            raise SnapshotCorrupt(f"{key}: etcdutl finds a mistake in it")
        step.say(f"{key}: revision {came['status'].get('revision')}, checked by etcdutl")


class StopControlPlane(_OnControlPlanes):
    """The API server and etcd end; their manifests are put aside."""

    name = "stop"
    title = "API server and etcd stop"

    def plan(self, facts: Facts) -> Sequence[Action]:
        if self.restore.exchanged(facts) or (len(facts.all("stopped")) == 2 and not facts.all("running")):
            return ()
        return [
            Action(id="stop", title="stop the API server and etcd; pods go on, nobody manages them", destructive=True)
        ]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        self.hosts.run(step, step.node, scripts.stop())


class Exchange(_OnControlPlanes):
    """The data directory becomes the one that is wanted; the other is kept."""

    name = "exchange"
    title = "etcd's data"

    def plan(self, facts: Facts) -> Sequence[Action]:
        if self.restore.exchanged(facts):
            return ()
        kept = f"etcd.before-{self.restore.identity}"
        if self.restore.source is None:
            title = f"put the state from before the restore back ({kept}); what has changed since then is lost"
        else:
            backup = self.restore.source.backup
            title = f"the cluster as of {backup.moment} (revision {backup.revision}); today's is kept as {kept}"
        return [Action(id="exchange", title=title, destructive=True)]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        if self.restore.undoes:
            script = scripts.exchange_back(self.restore.identity)
        else:
            script = scripts.exchange(self.restore.identity, step.node, self._peers())
        self.hosts.run(step, step.node, script)

    def _peers(self) -> dict[str, str]:
        machines = self.site.machines()
        return {name: f"https://{machines[name].private_ip}:{ETCD_PEER_PORT}" for name in self.nodes or ()}


class StartControlPlane(_OnControlPlanes):
    """etcd and the API server run again, and the controllers begin anew."""

    name = "start"
    title = "etcd and API server start"

    def __init__(self, site: Site, hosts: Hosts, restore: Restore, kubectl: Kubectl) -> None:
        super().__init__(site, hosts, restore)
        self._kubectl = kubectl

    def plan(self, facts: Facts) -> Sequence[Action]:
        if not facts.all("stopped") and len(facts.all("running")) == 2:
            return ()
        return [Action(id="start", title="start etcd and the API server, restart the controllers")]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        self.hosts.run(step, step.node, scripts.start())
        wait_for_api(self._kubectl, step, timeout_s=_API_S)


class RestartKubelets(Phase[bool, Action]):
    """Every kubelet asks anew what should run on its node."""

    name = "kubelets"
    title = "Kubelets ask anew"
    timeout_s = 300.0

    def __init__(self, site: Site, hosts: Hosts, restore: Restore) -> None:
        super().__init__(site.nodes)
        self._hosts = hosts
        self._restore = restore

    def inputs(self, node: str | None) -> Any:
        return {"restore": self._restore.kubelet_mark}

    def facts(self, step: Step) -> bool:
        assert step.node is not None
        return self._hosts.run(step, step.node, scripts.kubelet_restarted(self._restore.kubelet_mark)).strip() == "yes"

    def plan(self, facts: bool) -> Sequence[Action]:
        return () if facts else [Action(id="restart", title="restart the kubelet")]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        self._hosts.run(step, step.node, scripts.restart_kubelet(self._restore.kubelet_mark))


class Settle(_OnControlPlanes):
    """What earlier restores have kept goes; this one's stays, so that it can be undone."""

    name = "settle"
    title = "What is kept"

    def plan(self, facts: Facts) -> Sequence[Action]:
        actions = []
        if older := [each for each in facts.all("kept") if each != self.restore.identity]:
            title = f"remove the states that earlier restores have kept ({', '.join(older)})"
            actions.append(Action(id="older", title=title, destructive=True))
        if facts.text("sha256"):
            actions.append(Action(id="snapshot", title="remove the fetched snapshot from the node"))
        return actions

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        kept = self.facts(step).all("kept")
        older = [each for each in kept if each != self.restore.identity]
        self.hosts.run(step, step.node, scripts.forget(older, fetched=self.restore.identity))


def restore_phases(site: Site, hosts: Hosts, kubectl: Kubectl, backups: Backups, restore: Restore) -> list[AnyPhase]:
    """The phases of ``etcd.restore KEY``, or of ``--undo`` where the restore names no backup."""
    middle: list[AnyPhase] = [
        StopControlPlane(site, hosts, restore),
        Exchange(site, hosts, restore),
        StartControlPlane(site, hosts, restore, kubectl),
        RestartKubelets(site, hosts, restore),
    ]
    if restore.source is None:
        return middle
    return [Fetch(site, hosts, restore, restore.source, backups), *middle, Settle(site, hosts, restore)]
