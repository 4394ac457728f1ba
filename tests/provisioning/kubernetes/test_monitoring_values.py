"""What the monitoring's chart is told beside its golden file: no more room than the file gives, nothing unverified."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster import Cluster
from provisioning.cluster.kubeadm import ETCD_METRICS_PORT
from provisioning.cluster.quantities import Resources, memory_bytes, millicores
from provisioning.kubernetes import Helm
from provisioning.kubernetes.charts import MIRRORS
from provisioning.kubernetes.components import COMPONENTS, component
from provisioning.kubernetes.errors import ChartRefused
from provisioning.kubernetes.monitoring import (
    CREDENTIALS,
    MONITORING,
    PASSWORD_KEY,
    USER_KEY,
    WATCHING,
    monitoring,
    workload,
)
from provisioning.kubernetes.release_table import layers
from provisioning.kubernetes.render import findings
from provisioning.kubernetes.secrets import credentials, secrets_needed
from provisioning.site import Site
from tests.doubles.charts import ChartRepository
from tests.provisioning.kubernetes.world import Heard

Values = dict[str, Any]


@pytest.fixture
def values(cluster: Cluster) -> Values:
    return monitoring(cluster)


def amounts(resources: Values) -> tuple[Resources, int]:
    """Requests, and the limit of memory."""
    asked = resources["requests"]
    return Resources(millicores(asked["cpu"]), memory_bytes(asked["memory"])), memory_bytes(
        resources["limits"]["memory"]
    )


def beside(values: Values) -> dict[str, list[Values]]:
    """Pod of the cluster file -> the resources of all its containers."""
    reloader = values["prometheusOperator"]["prometheusConfigReloader"]["resources"]
    grafana = values["grafana"]
    return {
        "prometheus": [values["prometheus"]["prometheusSpec"]["resources"], reloader],
        "alertmanager": [values["alertmanager"]["alertmanagerSpec"]["resources"], reloader],
        "grafana": [grafana["resources"], grafana["sidecar"]["resources"]],
        "prometheus-operator": [values["prometheusOperator"]["resources"]],
        "kube-state-metrics": [values["kube-state-metrics"]["resources"]],
        "node-exporter": [values["prometheus-node-exporter"]["resources"]],
    }


def test_all_containers_of_a_pod_together_have_what_the_file_gives_the_pod(cluster: Cluster, values: Values) -> None:
    pods = cluster.releases[MONITORING].pods
    found = beside(values)
    assert set(found) == set(pods)
    for name, containers in found.items():
        each = [amounts(resources) for resources in containers]
        limits = pods[name].limits
        assert limits is not None
        assert Resources.total([requests for requests, _ in each]) == Resources(
            pods[name].requests.cpu, pods[name].requests.memory
        )
        assert sum(limit for _, limit in each) == limits.memory, name
        assert all(limit >= requests.memory for requests, limit in each), name


def changed(cluster: Cluster, pod: str, **update: Any) -> Cluster:
    release = cluster.releases[MONITORING]
    pods = {**release.pods, pod: release.pods[pod].model_copy(update=update)}
    releases = {**cluster.releases, MONITORING: release.model_copy(update={"pods": pods})}
    return cluster.model_copy(update={"releases": releases})


@pytest.mark.parametrize("pod", ["prometheus", "alertmanager", "grafana"])
def test_a_pod_that_is_given_too_little_for_all_its_containers_is_refused_by_name(cluster: Cluster, pod: str) -> None:
    said = cluster.releases[MONITORING].pods[pod]
    little = said.requests.model_copy(update={"memory": memory_bytes("16Mi")})
    with pytest.raises(ChartRefused, match=f"gives {pod} too little"):
        monitoring(changed(cluster, pod, requests=little))


def test_metrics_are_thrown_away_before_the_volume_is_full(cluster: Cluster, values: Values) -> None:
    spec = values["prometheus"]["prometheusSpec"]
    volume = cluster.releases[MONITORING].pods["prometheus"].volume_gib
    assert volume is not None
    assert spec["storageSpec"]["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"] == f"{volume}Gi"
    assert 0 < memory_bytes(spec["retentionSize"].removesuffix("B")) <= volume * 2**30 * 0.85
    without = monitoring(changed(cluster, "prometheus", volume_gib=None))["prometheus"]["prometheusSpec"]
    assert not {"storageSpec", "retentionSize"} & set(without)


def test_a_volume_of_one_gibibyte_is_not_taken_for_an_unlimited_one(cluster: Cluster) -> None:
    spec = monitoring(changed(cluster, "prometheus", volume_gib=1))["prometheus"]["prometheusSpec"]
    assert memory_bytes(spec["retentionSize"].removesuffix("B")) > 0


def test_whatever_release_brings_a_monitor_or_a_rule_prometheus_takes_it(values: Values) -> None:
    spec = values["prometheus"]["prometheusSpec"]
    for kind in ("rule", "serviceMonitor", "podMonitor", "probe", "scrapeConfig"):
        assert spec[f"{kind}SelectorNilUsesHelmValues"] is False


def test_the_kubelets_certificates_are_verified_and_etcd_is_asked_where_kubeadm_lets_it_answer(values: Values) -> None:
    assert values["kubelet"]["serviceMonitor"]["insecureSkipVerify"] is False
    assert values["kubeEtcd"]["service"] == {"port": ETCD_METRICS_PORT, "targetPort": ETCD_METRICS_PORT}
    assert values["kubeProxy"]["enabled"] is False


def test_no_address_of_a_machine_is_in_the_values_so_a_replaced_one_needs_no_upgrade(values: Values) -> None:
    for part in ("kubeEtcd", "kubeControllerManager", "kubeScheduler"):
        assert "endpoints" not in values.get(part, {})


def test_grafanas_password_is_the_secret_that_is_made_once_and_in_no_value(cluster: Cluster, values: Values) -> None:
    assert credentials(MONITORING) == CREDENTIALS
    namespace = cluster.releases[MONITORING].namespace
    [needed] = [each for each in secrets_needed(cluster) if each.id == f"{namespace}/{CREDENTIALS}"]
    assert set(needed.content({})) == {USER_KEY, PASSWORD_KEY}
    assert values["grafana"]["admin"] == {
        "existingSecret": CREDENTIALS, "userKey": USER_KEY, "passwordKey": PASSWORD_KEY,
    }  # fmt: skip
    assert not {"adminPassword", "adminUser"} & set(values["grafana"])


def test_grafana_reads_no_objects_but_those_of_its_own_namespace(cluster: Cluster, values: Values) -> None:
    assert values["grafana"]["rbac"]["namespaced"] is True
    dashboards = values["grafana"]["sidecar"]["dashboards"]
    assert dashboards == {"searchNamespace": cluster.releases[MONITORING].namespace, "resource": "configmap"}


def test_grafana_knows_the_name_that_the_edge_shows_it_under(cluster: Cluster, values: Values) -> None:
    host = cluster.domain.host("grafana")
    assert values["grafana"]["grafana.ini"]["server"] == {"domain": host, "root_url": f"https://{host}"}
    # The load balancer's targets are the nodes' ports.
    assert (values["grafana"]["service"]["type"], values["grafana"]["service"]["port"]) == ("NodePort", 80)


def test_without_a_domain_nobody_outside_reaches_grafana(cluster: Cluster) -> None:
    bare = cluster.model_copy(update={"domain": cluster.domain.model_copy(update={"name": None})})
    grafana = monitoring(bare)["grafana"]
    assert "service" not in grafana
    assert "server" not in grafana["grafana.ini"]


def test_what_our_rules_say_the_charts_own_say_no_more(values: Values) -> None:
    disabled = values["defaultRules"]["disabled"]
    assert all(disabled.values())
    assert {"KubePodCrashLooping", "TargetDown", "etcdNoLeader"} <= set(disabled)
    # These two are no alerts of ours: the one proves that alerts arrive, the other silences what only informs.
    assert not {"Watchdog", "InfoInhibitor"} & set(disabled)


def test_two_grafanas_never_write_one_file(values: Values) -> None:
    assert values["grafana"]["deploymentStrategy"] == {"type": "Recreate"}


def test_pods_are_found_by_the_workloads_that_the_operator_names(cluster: Cluster) -> None:
    named = {pod: workload(MONITORING, pod) for pod in cluster.releases[MONITORING].pods}
    assert named.pop("prometheus") == "prometheus-monitoring-prometheus"
    assert named.pop("alertmanager") == "alertmanager-monitoring-alertmanager"
    assert all(pod == name for pod, name in named.items())


def test_a_pod_of_another_release_has_its_own_name_whatever_that_is() -> None:
    assert workload("metrics", "prometheus") == "prometheus"


def test_the_monitoring_comes_after_what_it_watches_and_before_what_is_made_of_its_kinds(cluster: Cluster) -> None:
    assert MONITORING in COMPONENTS
    *_, last, watching = layers(cluster)
    assert MONITORING in last
    assert watching == [WATCHING]


def test_what_the_chart_makes_fits_its_nodes_and_wants_no_secret_that_nobody_makes(
    site: Site, helm: Helm, heard: Heard, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.folder.parent / "bin").symlink_to(programs)
    with ChartRepository() as charts:
        monkeypatch.setenv(MIRRORS, json.dumps(charts.mirrors()))
        made = helm.rendered(heard.step(), component(site, MONITORING))
    assert {each["kind"] for each in made} >= {"Prometheus", "Alertmanager", "Deployment", "DaemonSet"}
    assert findings(site.cluster, {MONITORING: made}, {each.id for each in secrets_needed(site.cluster)}) == []
