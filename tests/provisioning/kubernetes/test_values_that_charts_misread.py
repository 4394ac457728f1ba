"""What each component's chart is told: the whole of it as golden files, and what must never change about it by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from provisioning.cluster import Cluster, matrix
from provisioning.kubernetes import Helm
from provisioning.kubernetes.components import COMPONENTS, UNINITIALIZED, calico, cloud_controller, component, storage
from provisioning.kubernetes.components import load_balancer as load_balancer_values
from provisioning.kubernetes.errors import ChartMissing
from provisioning.kubernetes.release_table import (
    CHARTS,
    chart_of,
    flat,
    layers,
    missing_charts,
    own_releases,
    release,
    specs,
)
from provisioning.kubernetes.render import findings
from provisioning.kubernetes.secrets import Given, secrets_needed
from provisioning.run import NotYet
from provisioning.site import Site
from tests.provisioning.kubernetes.world import Heard, chart


@pytest.mark.parametrize("name", COMPONENTS)
def test_the_values_of_a_component_are_those_of_the_golden_file(
    name: str, site: Site, golden: Callable[[str, str], None]
) -> None:
    golden(f"{name}.yaml", yaml.safe_dump(component(site, name).values, sort_keys=True))


def test_every_component_is_a_release_of_the_file_with_a_chart_in_the_matrix(site: Site) -> None:
    for name in COMPONENTS:
        spec = component(site, name)
        assert spec.chart == matrix().components[name].chart
        assert spec.namespace == site.cluster.releases[name].namespace


def test_what_runs_before_the_cloud_controller_tolerates_nodes_that_it_has_not_seen(cluster: Cluster) -> None:
    for values in (calico(cluster, None), cloud_controller(cluster, None)):
        keys = {each.get("key") for each in values["tolerations"]}
        assert {UNINITIALIZED, "node.kubernetes.io/not-ready", "node-role.kubernetes.io/control-plane"} <= keys


def test_typha_may_run_on_the_first_control_plane_since_nothing_else_has_joined_yet(cluster: Cluster) -> None:
    installation = calico(cluster, None)["installation"]
    assert "nodeSelector" not in installation["typhaDeployment"]["spec"]["template"]["spec"]
    assert list(installation["typhaAffinity"]["nodeAffinity"]) == ["preferredDuringSchedulingIgnoredDuringExecution"]


def test_the_pods_network_is_the_one_that_kubeadm_was_told(cluster: Cluster) -> None:
    [pool] = calico(cluster, None)["installation"]["calicoNetwork"]["ipPools"]
    assert pool["cidr"] == str(cluster.network.pods)
    assert pool["encapsulation"] == "VXLAN"


def test_the_cloud_controller_is_of_the_clusters_own_minor(cluster: Cluster) -> None:
    tag = cloud_controller(cluster, None)["image"]["tag"]
    assert tag.startswith(f"v{cluster.kubernetes.version.line}.")


def test_what_the_ebs_pods_request_in_all_their_containers_is_what_the_file_reserves(cluster: Cluster) -> None:
    values = storage(cluster, None)
    requests = {"ebs-csi-controller": values["controller"], "ebs-csi-node": values["node"]}
    for name, containers in (("ebs-csi-controller", 6), ("ebs-csi-node", 3)):
        pod = cluster.releases["aws-ebs-csi-driver"].pods[name]
        assert requests[name]["resources"]["requests"]["cpu"] == f"{pod.requests.cpu // containers}m"


def test_the_ebs_driver_tags_by_the_name_that_its_role_is_bound_to(cluster: Cluster) -> None:
    controller = storage(cluster, None)["controller"]
    assert controller["k8sTagClusterId"] == cluster.name
    # The driver refuses tags in Kubernetes' own name space.
    assert not [key for key in controller["extraVolumeTags"] if key.startswith("kubernetes.io/")]


def test_the_load_balancer_controller_makes_nothing_that_its_role_may_not(site: Site) -> None:
    values = load_balancer_values(site.cluster, site.outputs().network)
    for forbidden in ("enableShield", "enableWaf", "enableWafv2", "enableBackendSecurityGroup"):
        assert values[forbidden] is False
    assert values["defaultTags"][f"kubernetes.io/cluster/{site.cluster.name}"] == "owned"


def test_the_load_balancers_values_wait_for_the_network(site: Site) -> None:
    site.outputs_file.unlink()
    with pytest.raises(NotYet):
        component(site, "aws-load-balancer-controller")


def test_every_release_of_the_file_has_its_chart_by_the_role_of_its_nodes(cluster: Cluster) -> None:
    charts = {name: chart_of(cluster, name) for name in own_releases(cluster)}
    assert {name for name, chart in charts.items() if chart == "api"} == {
        node.labels["domain"] for node in cluster.of_role("api")
    }
    assert {name for name, chart in charts.items() if chart == "worker"} == {
        node.labels["domain"] for node in cluster.of_role("worker")
    }
    assert charts.pop("eco2-monitoring") == "monitoring"
    assert all(name == chart for name, chart in charts.items() if chart not in ("api", "worker"))


def test_infrastructure_is_ready_before_services_and_services_before_what_looks_at_them(cluster: Cluster) -> None:
    first, apps, last, watching = layers(cluster)
    assert {"postgresql", "redis", "rabbitmq", "metrics-server"} == set(first)
    assert {"waste", "storage", "ai"} <= set(apps)
    assert last == ["monitoring", "edge"]
    # Its objects are of kinds that the monitoring brings.
    assert watching == ["eco2-monitoring"]
    everything = [*own_releases(cluster), "metrics-server", "monitoring"]
    assert sorted(first + apps + last + watching) == sorted(everything)


def test_charts_that_are_missing_are_all_named_at_once(site: Site, tmp_path: Path) -> None:
    chart(tmp_path / "charts" / "api", {})
    missing = missing_charts(site.cluster, tmp_path / "charts")
    assert "api" not in missing
    assert {"worker", "postgresql", "edge"} <= set(missing)
    with pytest.raises(ChartMissing, match=r"charts/worker.*charts/postgresql"):
        specs(site, tmp_path / "charts")


def copied(folder: Path, site: Site) -> Path:
    """Our charts as they are, and empty ones for those that are not there yet."""
    for name in {chart_of(site.cluster, each) for each in own_releases(site.cluster)}:
        if (CHARTS / name).is_dir():
            shutil.copytree(CHARTS / name, folder / name)
        else:
            chart(folder / name, {})
    return folder


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GHCR_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ECO2_VERSION", "1.2.3")


@pytest.mark.parametrize("name", ["waste", "storage", "postgresql", "redis", "edge"])
def test_the_values_of_our_releases_are_those_of_the_golden_files(
    name: str, site: Site, tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    told = {spec.name: spec.values for spec in flat(specs(site, copied(tmp_path / "charts", site)))}
    golden(f"{name}.yaml", yaml.safe_dump(told[name], sort_keys=True))


def test_every_chart_of_ours_takes_its_values(
    site: Site, tmp_path: Path, helm: Helm, heard: Heard, programs: Path
) -> None:
    (site.folder.parent / "bin").symlink_to(programs)
    rendered = {
        spec.name: helm.rendered(heard.step(), spec)
        for spec in flat(specs(site, copied(tmp_path / "charts", site)))
        if spec.name not in COMPONENTS
    }
    kinds = {each["kind"] for each in rendered["waste"]}
    assert {"Deployment", "Service"} <= kinds
    assert {each["kind"] for each in rendered["edge"]} == {"Ingress"}


def test_what_our_charts_make_finds_its_place_and_its_secrets(
    site: Site, tmp_path: Path, helm: Helm, heard: Heard, programs: Path
) -> None:
    (site.folder.parent / "bin").symlink_to(programs)
    own = [spec for spec in flat(specs(site, copied(tmp_path / "charts", site))) if spec.name not in COMPONENTS]
    manifests = {spec.name: helm.rendered(heard.step(), spec) for spec in own}
    assert findings(site.cluster, manifests, {needed.id for needed in secrets_needed(site.cluster)}) == []


def test_the_key_of_the_models_is_named_only_where_it_is_used_and_only_when_given(site: Site, tmp_path: Path) -> None:
    folder = copied(tmp_path / "charts", site)
    for given, named in (
        (Given(models=True, registry=True), {"chat", "ai"}),
        (Given(models=False, registry=False), set()),
    ):
        told = {spec.name: spec.values for spec in flat(specs(site, folder, given))}
        asking = {name for name, values in told.items() if values.get("existingSecrets", {}).get("models")}
        assert asking == named
        assert bool(told["waste"]["imagePullSecrets"]) is given.registry


def test_without_a_domain_there_are_no_hosts_and_no_certificate(site: Site, tmp_path: Path) -> None:
    bare = site.cluster.model_copy(update={"domain": site.cluster.domain.model_copy(update={"name": None})})
    told = json.loads(site.outputs_file.read_text())
    told["domain"] = {"name": None, "hosted_zone_id": None, "certificate_arn": None}
    site.outputs_file.write_text(json.dumps(told))
    elsewhere = Site(bare, site.cluster_file, site.folder)
    charts = copied(tmp_path / "charts", site)
    values = release(elsewhere, "edge", charts).values
    assert (values["certificateArn"], values["hosts"], values["grafana"]["host"]) == ("", [], "")
    assert "config" not in release(elsewhere, "waste", charts).values
