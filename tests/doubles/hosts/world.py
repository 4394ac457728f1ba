"""All machines of a cluster, each a real sshd on an address of its own, and the model behind their commands."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import tests.doubles.hosts.commands  # noqa: F401 - registers the models
from provisioning.cluster import Machine
from provisioning.cluster.instances import instance_type
from provisioning.cluster.machines import api_endpoint, host_names
from provisioning.site import Site
from tests.doubles.hosts import image, kubelet, sandbox
from tests.doubles.hosts.calls import Call, Command
from tests.doubles.hosts.cluster import Cluster
from tests.doubles.hosts.faults import Faults
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.memory import MemoryCluster
from tests.doubles.hosts.records import Records
from tests.doubles.hosts.server import ModelServer

CLIENT = Path(__file__).with_name("client.pl")


class HostWorld:
    """The machines of a site. A context manager: inside it they run, after it nothing of them is left.

    ``machines`` are the site's own when it has its outputs already. Their host keys stand in ``site.host_keys``, the
    operator's key is the site's ``access.key_file`` (its ``.pub`` half is let in). ``kubernetes`` is the Kubernetes
    side, ``kubectl`` the real program that runs when a script calls it. Raises `sandbox.Unavailable` with the reason
    where
    this machine cannot carry it.
    """

    def __init__(
        self,
        site: Site,
        machines: Mapping[str, Machine] | None = None,
        kubernetes: Cluster | None = None,
        *,
        root: Path | None = None,
        kubectl: Path | None = None,
        swap: bool = False,
    ) -> None:
        self.site = site
        self.kubernetes: Cluster = MemoryCluster() if kubernetes is None else kubernetes
        self.kubectl = kubectl
        self.faults = Faults()
        # A pattern of command lines -> seconds that such a command takes.
        self.delays: dict[str, float] = {}
        # Names of hosts on the network that do not answer (pkgs.k8s.io).
        self.unreachable: set[str] = set()
        self.first_control_plane = site.control_plane
        self.inits = 0
        # What ``kubeadm init`` was given, kind -> document, and ``name``; empty while there is no cluster.
        self.cluster_documents: dict[str, Any] = {}
        self.addons = False  # the last thing that ``kubeadm init`` does
        self.certificate_key: tuple[str, datetime] | None = None
        self.hosts: dict[str, Host] = {}
        self._machines = dict(machines or site.machines())
        self._swap = swap
        self._parent = root
        self._root: Path | None = None

    def __enter__(self) -> HostWorld:
        sandbox.require()
        if self._parent is not None:
            self._parent.mkdir(parents=True, exist_ok=True)
        self._root = Path(tempfile.mkdtemp(prefix="eco2-hosts-", dir=self._parent)).resolve()
        self.records = Records(self._root / "commands.jsonl")
        self._server = ModelServer(self)
        if self.kubectl is not None:
            shutil.copy2(self.kubectl, self._root / "kubectl")
        try:
            for name in self._machines:
                self._build(name)
            for host in self.hosts.values():
                host.start()
            for host in self.hosts.values():
                host.started()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in self.hosts.values():
            host.sandbox.stop()
        self._server.close()
        self.records.close()
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)

    # --- what was run ---

    @property
    def commands(self) -> list[Command]:
        """Every command of the model that was run, with its arguments. Real programs (cat, sed) are not among them."""
        return self.records.commands

    @property
    def violations(self) -> list[str]:
        """What nobody should have run, as sentences; a fixture asserts that there are none."""
        return self.records.violations

    def mutations(self) -> list[Command]:
        """The commands that changed a machine or the cluster; files that scripts write themselves are not seen."""
        return self.records.mutations()

    def count(self, host: str | None, pattern: str) -> int:
        """How often a command whose line has this regular expression was run, on one host or on all."""
        return sum(1 for _ in self.records.of(host, pattern))

    # --- what happens to machines ---

    def reboot(self, name: str) -> None:
        """Restarts a machine: /run and /tmp are empty, loaded modules gone, only enabled units run. Returns when SSH
        answers."""
        with self.hosts[name].lock:
            self.power_off(name)
            self.power_on(name)

    def wait_until_up(self, name: str) -> None:
        """For a test that a restart has surprised: returns when the machine, if it is starting, has started."""
        with self.hosts[name].lock:
            assert self.hosts[name].on, f"{name} is off"

    def power_off(self, name: str) -> None:
        """As a power cut."""
        host = self.hosts[name]
        with host.lock:
            host.stop()
            kubelet.settle(host)

    def power_on(self, name: str) -> None:
        host = self.hosts[name]
        with host.lock:
            host.start()
            host.started()
            self.settle(host)

    def kill_connections(self, name: str) -> None:
        """Every SSH connection to the host is lost; what runs there is not told."""
        self.hosts[name].sandbox.cut_connections()

    def replace(self, name: str, machine: Machine) -> None:
        """The machine is gone and a new one is in its place: a fresh disk, an instance id of its own."""
        self.power_off(name)
        self._machines[name] = machine
        self._build(name)
        self.power_on(name)

    def strike(self, host: Host, call: Call, moment: str) -> None:
        """A command has come to this stage: the faults that wait for it happen."""
        self._server.strike(host, call, moment)

    def settle(self, host: Host) -> None:
        """Lets the kubelets and the static pods follow what was done to this machine; called after each command."""
        kubelet.settle(host)
        if host.joined is not None and host.units.is_active("kubelet"):
            kubelet.register(host)

    def _build(self, name: str) -> None:
        assert self._root is not None
        folder = self._root / name
        cluster = self.site.cluster
        node, machine = cluster.node(name), self._machines[name]
        kind = instance_type(node.type)
        key_file = Path(cluster.access.key_file).expanduser()
        identity = image.Identity(
            name=name,
            user=cluster.access.user,
            address=str(machine.public_ip),
            host_key=(self.site.host_keys / name).read_text(),
            authorized_key=key_file.with_name(f"{key_file.name}.pub").read_text(),
            names=self._names(),
            vcpus=kind.vcpu,
            memory_bytes=kind.memory_mib * 1024**2,
            swap=self._swap,
        )
        client = CLIENT.read_text().replace("@socket@", self._server.name).replace("@host@", name)
        image.build(folder, identity, client)
        if self.kubectl is not None:
            # One file for all hosts: it is large, and nobody writes to it.
            (folder / "upper" / image.SIM / "kubectl").hardlink_to(self._root / "kubectl")
        self.hosts[name] = Host(self, node, machine, identity, folder)

    def _names(self) -> dict[str, str]:
        """The private zone, with the addresses that answer in this world."""
        cluster = self.site.cluster
        machines = self._machines
        names = {full: str(machines[name].public_ip) for name, full in host_names(cluster).items() if name in machines}
        api = api_endpoint(cluster).partition(":")[0]
        return {**names, api: str(self._machines[self.first_control_plane].public_ip)}
