"""A cluster that stands, without machines: all nodes of the cluster file, volumes, charts of a tree of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any

from provisioning.cluster import CLUSTER_FILE, load
from provisioning.deploy.command import deploy, deploy_monitoring
from provisioning.deploy.passwords import secrets_list, secrets_rotate
from provisioning.deploy.plan import deploy_plan
from provisioning.deploy.rollback import rollback
from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.components import storage_class
from provisioning.kubernetes.release_table import CHARTS, namespace_of
from provisioning.kubernetes.states import Revision
from provisioning.operations.looking import look
from provisioning.operations.performing import Asked
from provisioning.run import Screen
from provisioning.site import CLUSTERS, REPOSITORY
from tests.doubles.charts import ChartRepository
from tests.doubles.kubernetes import KubernetesServer
from tests.doubles.kubernetes.nodes import reserve
from tests.provisioning.kubernetes.world import made, registration
from tests.provisioning.preflight.outside import Outside

LONGEST_S = 240.0
_DRIVER = "ebs.csi.aws.com"


@dataclass(frozen=True)
class Ran:
    """A command that has ended. ``lines`` are the JSON lines of its standard output, where it was asked for JSON."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """Release -> what became of it."""
        [told] = [line for line in self.lines if line["kind"] == "releases"]
        return {each["name"]: each for each in told["releases"]}


@dataclass
class DeployWorld:
    """A context manager. Commands run in this process, or as one of their own (`start`)."""

    folder: Path
    programs: Path
    environment: dict[str, str] = field(default_factory=dict)
    planned: Ran = field(default_factory=lambda: Ran(-1, "", ""))  # a plan before there was any release
    first: Ran = field(default_factory=lambda: Ran(-1, "", ""))  # the deploy from nothing

    def __enter__(self) -> DeployWorld:
        self._stack = ExitStack()
        self.site = made(load(), self.folder)
        self.site = replace(self.site, cluster_file=CLUSTER_FILE)
        (self.site.folder.parent / "bin").symlink_to(self.programs)
        self.charts = self.folder / "charts"
        shutil.copytree(CHARTS, self.charts)
        self.api = self._stack.enter_context(KubernetesServer.standing())
        repository = self._stack.enter_context(ChartRepository())
        self.outside = self._stack.enter_context(Outside(self.folder))
        self.pushed("1.0.0", "1.1.0")
        self.environment = {
            CLUSTERS: str(self.site.folder.parent),
            "ECO2_VERSION": "1.0.0",
            # The registry; whatever else is not on this machine does not answer.
            **self.outside.environment(),
            **repository.mirror_environment(),
        }
        self.site.kubeconfig.write_text(self.api.kubeconfig())
        reserve(self.api, self.site.cluster, self.site.machines())
        for name in self.site.nodes:
            self.api.register_node(registration(self.site, name, initialized=True))
            self.api.kubelets[name].network = True
        self._volumes()
        self.api.settle()
        self._serving_certificates()
        self.api.settle()
        self.kubectl = Kubectl(self.site)
        self.helm = Helm(self.site, self.kubectl)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def deploy(self, *only: str, version: str | None = None, **asked: bool) -> Ran:
        how = Asked(**{"json": True, **asked})
        return _ran(
            lambda screen: deploy(self.site, how, only=only, version=version, charts=self.charts, screen=screen)
        )

    def deploy_monitoring(self, **asked: bool) -> Ran:
        how = Asked(**{"json": True, **asked})
        return _ran(lambda screen: deploy_monitoring(self.site, how, charts=self.charts, screen=screen))

    def plan(self, *only: str, version: str | None = None, as_json: bool = False) -> Ran:
        return _ran(
            lambda screen: deploy_plan(
                self.site, only=only, version=version, json=as_json, charts=self.charts, screen=screen
            )
        )

    def rollback(self, release: str | None, to: int | None = None, **asked: bool) -> Ran:
        return _ran(lambda screen: rollback(self.site, Asked(**asked), release, to=to, screen=screen))

    def rotate(self, *releases: str, everything: bool = False, answer: str | None = None, **asked: bool) -> Ran:
        ask = None if answer is None else lambda question: str(answer)
        return _ran(
            lambda screen: secrets_rotate(
                self.site, Asked(**asked), releases, everything=everything, charts=self.charts, screen=screen
            ),
            ask,
        )

    def secrets(self, *, as_json: bool) -> Ran:
        return _ran(lambda screen: secrets_list(self.site, json=as_json, screen=screen))

    def pushed(self, *tags: str) -> None:
        """The registry has our images in these versions and in no others."""
        registry = self.site.cluster.registry
        names = (registry.repository, f"{registry.repository}-worker")
        self.outside.registry_has(*(f"{registry.owner}/{name}:{tag}" for name in names for tag in tags))

    def start(
        self, *words: str, version: str = "1.0.0", module: str = "tests.provisioning.deploy.driver"
    ) -> subprocess.Popen[str]:
        """A deploy as a process of its own; ``invoke`` as the module is the front door itself."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *([str(self.charts)] if "driver" in module else []), *words],
            cwd=REPOSITORY,
            env={**os.environ, **self.environment, "ECO2_VERSION": version},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def history(self, release: str) -> list[Revision]:
        """Its revisions, the oldest first."""
        step = look(self.site, "history")
        found = self.helm.histories(step, [(release, namespace_of(self.site.cluster, release))])
        return found[release]

    def secret(self, name: str, namespace: str) -> dict[str, Any]:
        found = self.api.get("Secret", name, namespace)
        assert found is not None
        return found

    def change_template(self, chart: str = "rabbitmq") -> None:
        """Another object at the same version of the chart."""
        path = self.charts / chart / "templates" / "service.yaml"
        path.write_text(path.read_text().replace("name: amqp,", "name: amqp, appProtocol: test/amqp,"))

    def kill_helm(self) -> None:
        """Kills this cluster's helm processes, as a machine that is switched off does."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if words[0].endswith("/helm") and str(self.site.kubeconfig) in words:
                os.kill(int(process.name), signal.SIGKILL)

    def _volumes(self) -> None:
        """The driver of volumes as its release leaves it: the class, the driver, its controller and its nodes' pods."""
        self.api.put(storage_class())
        self.api.put(
            {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": _DRIVER}, "spec": {}}
        )
        for name, kind, more, images in (
            ("ebs-csi-controller", "Deployment", {"replicas": 1}, ("aws-ebs-csi-driver:v1", "external-provisioner:v1")),
            ("ebs-csi-node", "DaemonSet", {}, ("aws-ebs-csi-driver:v1",)),
        ):
            containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
            spec = {"containers": containers, "tolerations": [{"operator": "Exists"}], "hostNetwork": True}
            template = {"metadata": {"labels": {"app": name}}, "spec": spec}
            self.api.put(
                {
                    "apiVersion": "apps/v1",
                    "kind": kind,
                    "metadata": {"name": name, "namespace": "kube-system"},
                    "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **more},
                }
            )

    def _serving_certificates(self) -> None:
        """The kubelets' requests, approved: else metrics-server may not ask them."""
        approved = {"conditions": [{"type": "Approved", "status": "True", "reason": "test", "message": ""}]}
        for request in self.api.list("CertificateSigningRequest", group="certificates.k8s.io"):
            key = "certificatesigningrequests.certificates.k8s.io"
            self.api.store.put(key, {**request, "status": {**(request.get("status") or {}), **approved}})


def ended(process: subprocess.Popen[str]) -> Ran:
    out, err = process.communicate(timeout=LONGEST_S)
    return Ran(process.returncode, out, err)


def until(happens: Callable[[], Any], within_s: float = 30.0) -> None:
    end = time.monotonic() + within_s
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def _ran(command: Callable[[Screen], int], ask: Callable[[str], str] | None = None) -> Ran:
    out, err = StringIO(), StringIO()
    code = int(command(Screen(out, err, ask)))
    return Ran(code, out.getvalue(), err.getvalue())
