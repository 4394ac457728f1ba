"""Each release, ours and the community's, by the real helm: installed while the API server is in trouble, upgraded,
taken back, rolled back and uninstalled."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster import load
from provisioning.kubernetes import Helm, ReleaseSpec, Status
from provisioning.kubernetes.charts import crds, kept
from provisioning.kubernetes.components import COMPONENTS, STORAGE, component, storage_class
from provisioning.kubernetes.errors import ReleaseFailed
from provisioning.kubernetes.monitoring import MONITORING, WATCHING
from provisioning.kubernetes.own_releases import own_namespaces
from provisioning.kubernetes.release_table import own_releases, release
from provisioning.kubernetes.secrets import secrets_needed
from provisioning.run import RunError
from provisioning.site import Site
from tests.doubles.kubernetes import KubernetesServer
from tests.doubles.kubernetes.faults import Fault
from tests.doubles.kubernetes.nodes import reserve
from tests.provisioning.kubernetes.world import Heard, registration

Object = dict[str, Any]

ALL = [*COMPONENTS, *own_releases(load())]
# One with pods and one without; the others take minutes together.
QUICK = ("waste", WATCHING)
RELEASES = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.long]) for name in ALL]

_MORE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: came-with-an-upgrade}
"""
_BROKEN = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: never}
spec:
  selector: {matchLabels: {app: never}}
  template:
    metadata: {labels: {app: never}}
    spec: {containers: [{name: never, image: "nowhere.example/never:1"}], tolerations: [{operator: Exists}]}
"""


@dataclass
class Standing:
    """A cluster with all its nodes, and what the phases before the releases leave."""

    site: Site
    server: KubernetesServer
    helm: Helm
    heard: Heard

    def spec(self, name: str) -> ReleaseSpec:
        said = component(self.site, name) if name in COMPONENTS else release(self.site, name)
        # The network's phase waits for its pods in its own way.
        return replace(said, timeout_s=60, wait=True)

    def state(self, spec: ReleaseSpec) -> Status:
        return self.helm.states(self.heard.step(), [spec])[spec.name].status

    def revision(self, spec: ReleaseSpec) -> int:
        found = self.helm.states(self.heard.step(), [spec])[spec.name].revision
        assert found
        return found

    def records(self, spec: ReleaseSpec) -> list[int]:
        """The sizes of helm's records of this release, in bytes."""
        named = f"sh.helm.release.v1.{spec.name}.v"
        found = [
            each for each in self.server.list("Secret", spec.namespace) if each["metadata"]["name"].startswith(named)
        ]
        return [sum(len(base64.b64decode(value)) for value in each["data"].values()) for each in found]

    def missing(self, made: list[Object], namespace: str) -> list[str]:
        """Of these objects, those that are not there."""
        return [text(each) for each in made if self.found(each, namespace) is None]

    def found(self, item: Object, namespace: str) -> Object | None:
        group = item["apiVersion"].rpartition("/")[0]
        resource = self.server.resources.of_kind(item["kind"], group)
        where = item["metadata"].get("namespace", namespace) if resource.namespaced else ""
        return self.server.store.get(resource.key, where, item["metadata"]["name"])


def text(item: Object) -> str:
    return f"{item['kind']} {item['metadata']['name']}"


@pytest.fixture
def standing(
    site: Site, installed: None, mirrored: None, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Standing]:
    monkeypatch.setenv("ECO2_VERSION", "1.0.0")
    with KubernetesServer.standing() as server:
        site.kubeconfig.write_text(server.kubeconfig())
        reserve(server, site.cluster, site.machines())
        for name in site.nodes:
            server.register_node(registration(site, name, initialized=True))
            server.kubelets[name].network = True
        _secrets(site, server)
        server.settle()
        _serving_certificates(server)
        server.settle()
        yield Standing(site, server, Helm(site), heard)


def _serving_certificates(server: KubernetesServer) -> None:
    """The kubelets' requests, approved: else metrics-server may not ask them."""
    key = "certificatesigningrequests.certificates.k8s.io"
    approved = {"conditions": [{"type": "Approved", "status": "True", "reason": "test", "message": ""}]}
    for request in server.list("CertificateSigningRequest", group="certificates.k8s.io"):
        server.store.put(key, {**request, "status": {**(request.get("status") or {}), **approved}})


def _secrets(site: Site, server: KubernetesServer) -> None:
    """Namespaces and Secrets, as the phase of the releases makes them."""
    for name in own_namespaces(site.cluster):
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    passwords: dict[str, dict[str, str]] = {}
    for needed in secrets_needed(site.cluster):
        manifest = needed.manifest(passwords)
        server.put(manifest)
        if needed.name.endswith("-credentials"):
            passwords[needed.name.removesuffix("-credentials")] = manifest["stringData"]


def before(standing: Standing, name: str) -> None:
    """What this release finds there: the driver of volumes, and for ours the kinds of the community's monitoring."""
    said = standing.site.cluster.releases.get(name)
    if said and any(pod.volume_gib for pod in said.pods.values()):
        standing.server.put(storage_class())
        standing.helm.ensure(standing.heard.step(), standing.spec(STORAGE))
    if name == WATCHING:
        step, spec = standing.heard.step(), standing.spec(MONITORING)
        standing.helm.digests(step, [spec])
        folder = kept(standing.site.folder.parent / "charts", spec.chart)
        assert folder
        for definition in crds(folder):
            standing.server.put(definition)


def with_template(standing: Standing, spec: ReleaseSpec, folder: Path, name: str, template: str) -> ReleaseSpec:
    """The release from a copy of its chart that has one template more."""
    chart = kept(standing.site.folder.parent / "charts", spec.chart)
    assert chart
    copy = folder / chart.name
    shutil.copytree(chart, copy)
    (copy / "templates" / name).write_text(template)
    return replace(spec, chart=copy)


def hostile(standing: Standing, namespace: str) -> list[Fault]:
    """Too many requests, errors, and connections that end in the middle."""
    faults = standing.server.faults
    return [
        faults.too_many("/", times=2, retry_after_s=1),
        faults.add("GET", f"/namespaces/{namespace}/", code=503, nth=3),
        faults.add("POST", f"/namespaces/{namespace}/", code=500),
        faults.cut("PUT", f"/namespaces/{namespace}/secrets"),
    ]


def until_it_is_so(standing: Standing, spec: ReleaseSpec) -> None:
    """Each attempt goes on from what the one before has left, as a run with --resume does."""
    for _ in range(6):
        with suppress(RunError):
            standing.helm.ensure(standing.heard.step(), spec)
            assert standing.state(spec) is Status.DEPLOYED
            return
    raise AssertionError(standing.heard.text)


# A machine that is busy with other things needs most of a minute for one.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", RELEASES)
def test_a_release_goes_there_and_back(standing: Standing, name: str, tmp_path: Path) -> None:
    before(standing, name)
    spec = standing.spec(name)
    helm, step = standing.helm, standing.heard.step(600)
    made = helm.rendered(step, spec)

    # Installed, whatever the API server says meanwhile; and a second time changes nothing.
    faults = hostile(standing, spec.namespace)
    until_it_is_so(standing, spec)
    assert [fault.path.pattern for fault in faults if not fault.spent] == []
    standing.server.faults.clear()
    assert standing.missing(made, spec.namespace) == []
    assert max(standing.records(spec)) < 1 << 20, "Kubernetes takes no larger Secret"
    first = standing.revision(spec)
    changes = len(standing.server.mutations())
    helm.ensure(step, spec)
    assert [each.path for each in standing.server.mutations()[changes:]] == []

    # An upgrade whose pods do not start is taken back, and says which.
    standing.server.settings.bad_images.add("nowhere.example/never")
    broken = with_template(standing, spec, tmp_path / "broken", "never.yaml", _BROKEN)
    with pytest.raises(ReleaseFailed, match=f"{name}: ") as failed:
        helm.ensure(step, replace(broken, timeout_s=4))
    assert "never" in str(failed.value)
    standing.server.settle()
    assert standing.server.get("Deployment", "never", spec.namespace, "apps") is None
    assert standing.missing(made, spec.namespace) == []

    # One that is well is made, and rolled back to what was first.
    more = with_template(standing, spec, tmp_path / "more", "more.yaml", _MORE)
    helm.ensure(step, more)
    assert standing.server.get("ConfigMap", "came-with-an-upgrade", spec.namespace) is not None
    helm.rollback(step, spec, first, None)
    assert standing.state(spec) is Status.DEPLOYED
    assert standing.server.get("ConfigMap", "came-with-an-upgrade", spec.namespace) is None
    assert standing.missing(made, spec.namespace) == []

    # Uninstalled, also while the API server is in trouble; and what is gone is gone.
    standing.server.faults.too_many("/", times=2, retry_after_s=1)
    for _ in range(4):
        with suppress(RunError):
            helm.uninstall(step, name, spec.namespace)
            break
    helm.uninstall(step, name, spec.namespace)
    standing.server.settle()
    assert standing.state(spec) is Status.MISSING
    left = [each for each in made if standing.found(each, spec.namespace) is not None]
    assert [text(each) for each in left if not _stays(each)] == []


def _stays(item: Object) -> bool:
    """Whether helm is told to keep it."""
    annotations = item["metadata"].get("annotations") or {}
    return annotations.get("helm.sh/resource-policy") == "keep"


def test_these_are_all_releases() -> None:
    assert set(QUICK) <= set(ALL)
    assert set(ALL) == {*load().releases, "edge", WATCHING}
