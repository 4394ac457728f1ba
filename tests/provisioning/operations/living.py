"""A cluster that lives: made by the phases of a rebuild on the machines' double, with network and cloud controller."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from provisioning.cluster import CLUSTER_FILE, Machine, Version
from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.components import CLOUD_CONTROLLER
from provisioning.phases.cloud_controller import CloudController
from provisioning.phases.init import Init
from provisioning.phases.join import Join
from provisioning.phases.label import Label
from provisioning.phases.prepare import Prepare
from provisioning.run import ExitCode, Phase, Retry, Selection, Settings, Stop
from provisioning.run.engine import Agreement, Engine, Result
from provisioning.run.journal import Journal
from provisioning.run.selection import choose
from provisioning.site import Site
from provisioning.ssh import Hosts
from tests.doubles.hosts import HostWorld, equipped, new_site
from tests.doubles.kubernetes import KubernetesServer

AnyPhase = Phase[Any, Any]
SMALL = ("k8s-master", "k8s-api-waste", "k8s-worker-ai")


@dataclass(frozen=True)
class Wanted:
    """The product's own cluster with these nodes (None: all), this version of Kubernetes and these releases."""

    nodes: Sequence[str] | None = SMALL
    version: str = "1.33.13"
    releases: Sequence[str] = ()

    def file(self, folder: Path) -> Path:
        """Its cluster file."""
        said = yaml.safe_load(CLUSTER_FILE.read_text(encoding="utf-8"))
        said["nodes"] = [node for node in said["nodes"] if self.nodes is None or node["name"] in self.nodes]
        said["kubernetes"]["version"] = self.version
        said["releases"] = {name: said["releases"][name] for name in self.releases}
        said["access"]["key_file"] = str(folder / "operator.key")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "wanted.yaml"
        # JSON is YAML in which every text is quoted.
        path.write_text(json.dumps(said, indent=1))
        return path


def at_version(site: Site, version: str) -> Site:
    """The same site whose cluster file now says another version."""
    kubernetes = site.cluster.kubernetes.model_copy(update={"version": Version.parse(version)})
    return replace(site, cluster=site.cluster.model_copy(update={"kubernetes": kubernetes}))


@dataclass
class Rig:
    """The site, its machines and its API server, and a way to run phases as the engine does."""

    site: Site
    world: HostWorld
    api: KubernetesServer
    hosts: Hosts
    kubectl: Kubectl
    folder: Path
    said: list[str] = field(default_factory=list)

    def run(self, *phases: AnyPhase, stop: Stop | None = None) -> Result:
        """A run with a journal of its own; phases are tried again as often as ever, but at once."""
        for phase in phases:
            phase.retry = Retry(attempts=min(phase.retry.attempts, 6), first_s=0.05, longest_s=0.3)
        settings = Settings(
            stop=stop or Stop(),
            redactor=self.site.redactor,
            show=lambda phase, node, line: self.said.append(f"{phase} {node}: {line}"),
        )
        number = len(list(self.folder.glob("run-*")))
        with Journal(self.folder / f"run-{number}.jsonl", self.site.redactor, lambda record: None) as journal:
            return Engine(phases, journal, settings, Agreement(everything=True)).run(choose(phases, Selection()))

    def done(self, *phases: AnyPhase) -> Result:
        """The same, and it must come to a good end."""
        result = self.run(*phases)
        assert (result.exit_code, failures(result)) == (ExitCode.DONE, [])
        return result

    def written(self) -> str:
        """All that runs have written or shown."""
        return "\n".join(self.said) + "".join(path.read_text() for path in self.folder.rglob("*.jsonl"))


def failures(result: Result) -> list[tuple[str | None, str | None, str | None]]:
    return [(record.node, record.code, record.message) for record in result.failures]


@contextmanager
def living(
    folder: Path, wanted: Wanted, equip: Callable[[Site], Mapping[str, Machine]] = equipped, **world: Any
) -> Iterator[Rig]:
    """Inside, every node of the cluster is Ready. Raises `tests.doubles.hosts.Unavailable`.

    The cloud controller is Helm's where the cluster has such a release (and somebody serves its chart), else our own.
    ``equip`` gives the site its machines.
    """
    site = new_site(folder / "operator", wanted.file(folder))
    machines = equip(site)
    kubectl = Kubectl(site)
    with (
        KubernetesServer() as api,
        HostWorld(site, machines, api, root=folder / "hosts", kubectl=kubectl.tools.kubectl.path, **world) as made,
        Hosts(site) as hosts,
    ):
        rig = Rig(site, made, api, hosts, kubectl, folder)
        rig.done(Prepare(site, hosts), Init(site, hosts))
        api.put(namespace("calico-system"))
        api.put(on_every_node("calico-node", "calico-system", "quay.io/calico/node:v3.31.3"))
        if CLOUD_CONTROLLER in wanted.releases:
            rig.done(CloudController(site, kubectl, Helm(site, kubectl)))
        else:
            image = "registry.k8s.io/provider-aws/cloud-controller-manager:v1.33.4"
            api.put(on_every_node(CLOUD_CONTROLLER, "kube-system", image))
        rig.done(Join(site, hosts, kubectl))
        api.settle()
        rig.done(Label(site, kubectl))
        api.settle()
        take_serving_certificates(rig)
        yield rig


def take_serving_certificates(rig: Rig) -> None:
    """What each kubelet does with the certificate that it has asked for, once somebody has approved it."""
    for request in rig.api.list("CertificateSigningRequest", group="certificates.k8s.io"):
        host = rig.world.hosts.get(request["spec"]["username"].rpartition(":")[2])
        certificate = request.get("status", {}).get("certificate")
        if host is not None and certificate:
            host.write("/var/lib/kubelet/pki/kubelet-server-current.pem", base64.b64decode(certificate).decode())


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def on_every_node(name: str, where: str, image: str) -> dict[str, Any]:
    """A DaemonSet on the nodes' own network."""
    labels = {"k8s-app": name}
    pod = {
        "hostNetwork": True,
        "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": name, "image": image}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": where},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def deployment(name: str, replicas: int, selector: dict[str, str], **pod: Any) -> dict[str, Any]:
    """One whose pods run where ``selector`` says."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "nodeSelector": selector,
                    "containers": [{"name": name, "image": "ghcr.io/x/y:1"}],
                    "tolerations": [{"key": "workload", "operator": "Exists"}],
                    **pod,
                },
            },
        },
    }


def budget(name: str, **how: Any) -> dict[str, Any]:
    """A PodDisruptionBudget over the deployment of the same name."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": name}}, **how},
    }
