"""What follows from a cluster file: kubeadm's files, labels, placement, targets, as golden files and as rules."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from provisioning.cluster.diagram import diagram
from provisioning.cluster.kubeadm import init_configuration, join_configuration
from provisioning.cluster.loading import examine_text
from provisioning.cluster.machines import Machine, host_names
from provisioning.cluster.model import Cluster
from provisioning.cluster.placement import expected_pods, namespaces, placement
from provisioning.cluster.registration import labels_to_set, may_register, node_labels, node_taints, registration_labels
from provisioning.cluster.report import as_dict
from provisioning.cluster.targets import expected_targets, targets

Golden = Callable[[str, str], None]
Made = Callable[[Cluster], dict[str, Machine]]

TOKEN = "abcdef.0123456789abcdef"
CA_HASH = "sha256:" + "0" * 64
CERTIFICATE_KEY = "f" * 64


@pytest.fixture
def three_masters(small_text: str) -> Cluster:
    another = "".join(
        f"  - {{name: master-{index}, role: control-plane, type: t3a.medium, disk_gb: 40, zone: ap-northeast-2c, "
        "labels: {workload: control-plane}, taints: ['node-role.kubernetes.io/control-plane:NoSchedule']}\n"
        for index in (2, 3)
    )
    cluster = examine_text(small_text.replace("releases:\n", f"{another}releases:\n")).cluster
    assert cluster is not None
    return cluster


def flags(registration: Mapping[str, Any]) -> dict[str, str]:
    return {argument["name"]: argument["value"] for argument in registration["kubeletExtraArgs"]}


def pretty(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def test_the_file_that_makes_the_cluster(cluster: Cluster, made: Made, golden: Golden) -> None:
    golden("kubeadm-init.yaml", init_configuration(cluster, "k8s-master", made(cluster), TOKEN))


def test_the_file_of_a_node_that_joins(cluster: Cluster, made: Made, golden: Golden) -> None:
    golden("kubeadm-join.yaml", join_configuration(cluster, "k8s-worker-ai", made(cluster), TOKEN, CA_HASH))


def test_the_file_of_a_control_plane_that_joins(three_masters: Cluster, made: Made, golden: Golden) -> None:
    text = join_configuration(three_masters, "master-2", made(three_masters), TOKEN, CA_HASH, CERTIFICATE_KEY)
    golden("kubeadm-join-control-plane.yaml", text)


def test_labels_and_taints(cluster: Cluster, golden: Golden) -> None:
    told = {
        node.name: {
            "at_registration": registration_labels(node),
            "to_set": labels_to_set(node),
            "taints": [str(taint) for taint in node.taints],
        }
        for node in cluster.nodes
    }
    golden("labels.json", pretty(told))


def test_the_placement_of_every_release(cluster: Cluster, golden: Golden) -> None:
    golden("placement.json", pretty({name: placement(cluster, name) for name in cluster.releases}))


def test_prometheus_targets(cluster: Cluster, made: Made, golden: Golden) -> None:
    golden("targets.json", pretty(targets(cluster, made(cluster))))


def test_everything_as_json(small: Cluster, golden: Golden) -> None:
    golden("show.json", pretty(as_dict(small)))


def test_the_diagram(cluster: Cluster, golden: Golden) -> None:
    golden("diagram.mmd", diagram(cluster))


def test_a_diagram_without_a_domain_names_no_host(small: Cluster) -> None:
    nameless = small.model_copy(update={"domain": small.domain.model_copy(update={"name": None})})
    assert 'balancer["Load balancer<br/>its own name"]' in diagram(nameless)


def test_the_api_server_is_never_given_a_cloud_provider(cluster: Cluster, made: Made) -> None:
    """From 1.33 on it does not start with one; the kubelets and the controller manager need it."""
    init, settings, kubelet = yaml.safe_load_all(init_configuration(cluster, "k8s-master", made(cluster), TOKEN))
    assert "extraArgs" not in settings["apiServer"]
    assert {"name": "cloud-provider", "value": "external"} in settings["controllerManager"]["extraArgs"]
    assert flags(init["nodeRegistration"])["cloud-provider"] == "external"
    assert "cloudProvider" not in kubelet


def test_every_node_says_its_provider_id_before_it_is_first_seen(cluster: Cluster, made: Made) -> None:
    machines = made(cluster)
    for node in cluster.nodes[1:]:
        document = yaml.safe_load(join_configuration(cluster, node.name, machines, TOKEN, CA_HASH))
        told = flags(document["nodeRegistration"])["provider-id"]
        assert told == f"aws:///{node.zone}/{machines[node.name].instance_id}"
        assert document["nodeRegistration"]["taints"] == [taint.as_dict() for taint in node.taints]


def test_no_node_joins_without_verifying_the_ca(cluster: Cluster, made: Made) -> None:
    document = yaml.safe_load(join_configuration(cluster, "k8s-redis", made(cluster), TOKEN, CA_HASH))
    assert document["discovery"]["bootstrapToken"]["caCertHashes"] == [CA_HASH]
    assert "unsafeSkipCAVerification" not in document["discovery"]["bootstrapToken"]


def test_no_kubelet_is_told_to_give_itself_a_label_that_is_not_its_to_give(cluster: Cluster, made: Made) -> None:
    for node in cluster.nodes[1:]:
        document = yaml.safe_load(join_configuration(cluster, node.name, made(cluster), TOKEN, CA_HASH))
        for label in flags(document["nodeRegistration"])["node-labels"].split(","):
            assert may_register(label.partition("=")[0])


def test_several_control_planes_share_one_name_and_one_certificate(three_masters: Cluster, made: Made) -> None:
    machines = made(three_masters)
    text = init_configuration(three_masters, "master", machines, TOKEN, CERTIFICATE_KEY)
    init, settings, _ = yaml.safe_load_all(text)
    assert init["certificateKey"] == CERTIFICATE_KEY
    assert settings["controlPlaneEndpoint"] == "k8s-api.small.internal:6443"
    for name in ("master", "master-2", "master-3"):
        assert {str(machines[name].private_ip), str(machines[name].public_ip)} <= set(settings["apiServer"]["certSANs"])


@pytest.mark.parametrize("token", ["", "abcdef.short", "ABCDEF.0123456789abcdef", f"{TOKEN}\nx: y"])
def test_a_token_of_the_wrong_form_is_refused_and_not_repeated(cluster: Cluster, made: Made, token: str) -> None:
    with pytest.raises(ValueError, match="the token has not the form") as caught:
        init_configuration(cluster, "k8s-master", made(cluster), token)
    assert not token or token not in str(caught.value)


def test_a_ca_hash_of_the_wrong_form_is_refused(cluster: Cluster, made: Made) -> None:
    with pytest.raises(ValueError, match="the CA hash has not the form"):
        join_configuration(cluster, "k8s-redis", made(cluster), TOKEN, "sha256:0")


def test_a_certificate_key_is_for_control_planes_and_only_for_them(three_masters: Cluster, made: Made) -> None:
    machines = made(three_masters)
    with pytest.raises(ValueError, match="certificate key has not the form"):
        join_configuration(three_masters, "master-2", machines, TOKEN, CA_HASH)
    with pytest.raises(ValueError, match="is no control plane"):
        join_configuration(three_masters, "api", machines, TOKEN, CA_HASH, CERTIFICATE_KEY)
    with pytest.raises(ValueError, match="is no control plane"):
        init_configuration(three_masters, "api", machines, TOKEN)


@pytest.mark.parametrize(
    ("key", "permitted"),
    [
        ("workload", True),
        ("eco2.example/x", True),
        ("node.kubernetes.io/pool", True),
        ("kubelet.kubernetes.io/x", True),
        ("node-role.kubernetes.io/api", False),
        ("node-restriction.kubernetes.io/x", False),
        ("kubernetes.io/x", False),
        ("x.k8s.io/y", False),
        ("notkubernetes.io/x", True),
    ],
)
def test_a_kubelet_may_set_labels_outside_kubernetes_own_name_spaces(key: str, permitted: bool) -> None:
    assert may_register(key) is permitted


def test_registration_and_what_is_set_later_make_up_all_labels(cluster: Cluster) -> None:
    for node in cluster.nodes:
        own = {**registration_labels(node), **labels_to_set(node)}
        if node.role == "control-plane":
            own["node-role.kubernetes.io/control-plane"] = ""
        assert own == node_labels(cluster)[node.name]
        assert node_taints(cluster)[node.name] == node.taints


def test_a_pod_tolerates_every_taint_of_the_nodes_it_selects(small: Cluster) -> None:
    assert placement(small, "ai")["ai"]["tolerations"] == [
        {"key": "quiet", "operator": "Exists", "effect": "PreferNoSchedule"},
        {"key": "workload", "operator": "Equal", "value": "worker", "effect": "NoSchedule"},
    ]
    assert placement(small, "waste")["waste"]["tolerations"] == []
    assert placement(small, "calico")["calico-node"] == {
        "nodeSelector": {},
        "tolerations": [{"operator": "Exists"}],
        "resources": {"requests": {"cpu": "150m", "memory": "128Mi"}},
    }


def test_each_domain_and_worker_of_the_product_has_a_node_of_its_own(cluster: Cluster) -> None:
    for name in ("waste", "auth", "userinfo", "location", "recycle", "chat", "storage", "ai"):
        ((pod, values),) = placement(cluster, name).items()
        assert pod == name
        nodes = [node for node in cluster.nodes if node.matches(values["nodeSelector"])]
        assert len(nodes) == 1, name


def test_a_worker_has_one_pod_with_a_volume_since_two_cannot_share_a_journal(cluster: Cluster) -> None:
    for name in ("storage", "ai"):
        values = placement(cluster, name)[name]
        assert (values["replicas"], values["storage"]) == (1, "10Gi")


def test_expected_pods_and_targets_are_counted_from_the_nodes(small: Cluster) -> None:
    assert expected_pods(small) == {"tigera-operator/calico-node": 3, "eco2/waste": 2, "eco2/ai": 1}
    assert expected_targets(small) == {
        "node-exporter": 3,
        "kubelet": 3,
        "kube-apiserver": 1,
        "kube-controller-manager": 1,
        "kube-scheduler": 1,
        "etcd": 1,
    }


def test_namespaces_stand_once_each_in_the_order_of_the_file(small: Cluster) -> None:
    assert namespaces(small) == ["tigera-operator", "eco2"]


def test_host_names_are_in_the_private_zone(small: Cluster) -> None:
    assert host_names(small)["api"] == "api.small.internal"


def test_the_images_name_is_the_registrys(small: Cluster) -> None:
    assert small.registry.image == "ghcr.io/someone/small"


def test_a_cluster_cannot_be_changed_once_it_is_read(small: Cluster) -> None:
    with pytest.raises(ValueError, match="frozen"):
        small.nodes[0].role = "api"  # type: ignore[misc]


def test_an_unknown_node_is_no_node(small: Cluster) -> None:
    with pytest.raises(KeyError):
        small.node("nobody")
