"""What Helm is told of the components that the cluster itself needs: pure functions of the cluster and of its network.

The keys are those of each chart's own values.yaml, in the version that provisioning/cluster/versions.yaml names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from provisioning.cluster import Cluster, matrix
from provisioning.cluster.model import Pod
from provisioning.cluster.placement import Values, placement
from provisioning.cluster.quantities import cpu_text, memory_text
from provisioning.kubernetes import thanos
from provisioning.kubernetes.charts import ReleaseSpec
from provisioning.kubernetes.monitoring import MONITORING, monitoring
from provisioning.monitoring.receivers import NOBODY, Receivers
from provisioning.site import NetworkOutput, Site

CALICO = "calico"
CLOUD_CONTROLLER = "aws-cloud-controller-manager"
STORAGE = "aws-ebs-csi-driver"
LOAD_BALANCER = "aws-load-balancer-controller"
METRICS = "metrics-server"

INGRESS_CLASS = "alb"
# Set by the kubelet of a cluster with a cloud, and taken away by the cloud controller manager alone.
UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"
# Where the operator of Calico puts what it makes.
CALICO_NAMESPACE = "calico-system"

# What runs before there is a network or a cloud controller has to stand these taints of a node.
_BEFORE_READY = (
    {"key": UNINITIALIZED, "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"},
)
# The containers of a pod of the EBS driver; each gets the same part of what the pod requests. The controller: the
# plugin, provisioner, attacher, resizer, the probe, and one of the optional ones. The node: plugin, registrar, probe.
_CONTROLLER_CONTAINERS = 6
_NODE_CONTAINERS = 3


def calico(cluster: Cluster, network: NetworkOutput | None) -> Values:
    """Calico by its operator: VXLAN between all nodes, one pool, no BGP, nothing beside the network."""
    pods = placement(cluster, CALICO)
    operator = pods["tigera-operator"]
    installation = {
        "enabled": True,
        "kubernetesProvider": "",
        "cni": {"type": "Calico"},
        "calicoNetwork": {
            "bgp": "Disabled",
            "linuxDataplane": "Iptables",
            "ipPools": [
                {
                    "name": "default-ipv4-ippool",
                    "cidr": str(cluster.network.pods),
                    "encapsulation": "VXLAN",
                    "natOutgoing": "Enabled",
                    "nodeSelector": "all()",
                }
            ],
        },
        "calicoNodeDaemonSet": _pod_of_operator("calico-node", pods["calico-node"]),
        "calicoKubeControllersDeployment": _pod_of_operator(
            "calico-kube-controllers", pods["calico-kube-controllers"], ("nodeSelector", "tolerations")
        ),
        # Typha has to run before the first node of its own has joined, else no calico-node becomes ready: so its nodes
        # are a preference. How many there are, the operator decides by the number of nodes.
        "typhaDeployment": _pod_of_operator("calico-typha", pods["calico-typha"]),
    }
    if preferred := pods["calico-typha"]["nodeSelector"]:
        wanted = [{"key": key, "operator": "In", "values": [value]} for key, value in sorted(preferred.items())]
        term = {"weight": 100, "preference": {"matchExpressions": wanted}}
        installation["typhaAffinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
    return {
        "installation": installation,
        "apiServer": {"enabled": False},
        "goldmane": {"enabled": False},
        "whisker": {"enabled": False},
        # Without Calico's own CSI driver, which nobody here uses and which would run on every node.
        "kubeletVolumePluginPath": "None",
        "nodeSelector": operator["nodeSelector"],
        "tolerations": [*operator["tolerations"], *_BEFORE_READY],
        "resources": operator["resources"],
    }


def cloud_controller(cluster: Cluster, network: NetworkOutput | None) -> Values:
    """The cloud controller manager on the control planes, in the host's network: it runs before there is another."""
    pod = placement(cluster, CLOUD_CONTROLLER)[CLOUD_CONTROLLER]
    return {
        "image": {"tag": f"v{matrix().minors[cluster.kubernetes.version.line].cloud_controller}"},
        "args": [
            "--v=2",
            "--cloud-provider=aws",
            "--configure-cloud-routes=false",
            f"--cluster-name={cluster.name}",
        ],
        "hostNetworking": True,
        "nodeSelector": pod["nodeSelector"],
        "tolerations": [*pod["tolerations"], *_BEFORE_READY],
        "resources": pod["resources"],
    }


def storage(cluster: Cluster, network: NetworkOutput | None) -> Values:
    """The EBS driver. ``k8sTagClusterId`` is what its role's rights depend on."""
    pods = cluster.releases[STORAGE].pods
    places = placement(cluster, STORAGE)
    controller, node = places["ebs-csi-controller"], places["ebs-csi-node"]
    return {
        "controller": {
            "region": cluster.region,
            "k8sTagClusterId": cluster.name,
            "extraVolumeTags": resource_tags(cluster),
            "replicaCount": controller["replicas"],
            "nodeSelector": controller["nodeSelector"],
            "tolerations": controller["tolerations"],
            "resources": _shared(pods["ebs-csi-controller"], _CONTROLLER_CONTAINERS),
        },
        "node": {
            "tolerateAllTaints": True,
            "nodeSelector": node["nodeSelector"],
            "tolerations": node["tolerations"],
            "resources": _shared(pods["ebs-csi-node"], _NODE_CONTAINERS),
        },
        # Ours is applied beside the release: a class cannot be changed, and Helm would fail to.
        "storageClasses": [],
    }


def load_balancer(cluster: Cluster, network: NetworkOutput | None) -> Values:
    """The load balancer controller. It makes no security groups (Terraform has made one) and asks for no WAF or Shield:
    its role may not."""
    assert network is not None
    pod = placement(cluster, LOAD_BALANCER)[LOAD_BALANCER]
    return {
        "clusterName": cluster.name,
        "region": cluster.region,
        "vpcId": network.vpc_id,
        "defaultTags": {**resource_tags(cluster), f"kubernetes.io/cluster/{cluster.name}": "owned"},
        "ingressClass": INGRESS_CLASS,
        "createIngressClassResource": True,
        # Pods have no addresses of the VPC: the load balancer reaches them through the nodes' ports.
        "defaultTargetType": "instance",
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": False,
        "enableBackendSecurityGroup": False,
        "enableServiceMutatorWebhook": False,
        "replicaCount": pod["replicas"],
        "nodeSelector": pod["nodeSelector"],
        "tolerations": pod["tolerations"],
        "resources": pod["resources"],
    }


def metrics(cluster: Cluster, network: NetworkOutput | None) -> Values:
    """metrics-server. It verifies the kubelets: their certificates come from the cluster's CA."""
    pod = placement(cluster, METRICS)[METRICS]
    return {
        "args": ["--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"],
        "replicas": pod["replicas"],
        "nodeSelector": pod["nodeSelector"],
        "tolerations": pod["tolerations"],
        "resources": pod["resources"],
    }


COMPONENTS: Mapping[str, Callable[[Cluster, NetworkOutput | None], Values]] = {
    CALICO: calico,
    CLOUD_CONTROLLER: cloud_controller,
    STORAGE: storage,
    LOAD_BALANCER: load_balancer,
    METRICS: metrics,
    MONITORING: lambda cluster, network: monitoring(cluster),
}


def component(site: Site, release: str, receivers: Receivers = NOBODY) -> ReleaseSpec:
    """The release of a component; the monitoring's is told who hears of alerts.

    Raises `NotYet` where its values need a network or a bucket that does not exist yet.
    """
    chart = matrix().components[release].chart
    assert chart is not None
    if release == MONITORING:
        bucket = site.outputs().buckets["backups"] if thanos.is_wanted(site.cluster, release) else None
        values = monitoring(site.cluster, receivers, bucket)
    else:
        network = site.outputs().network if release == LOAD_BALANCER else None
        values = COMPONENTS[release](site.cluster, network)
    # Calico is ready only once there are nodes for all its pods; its phase waits for those that can be.
    waits = release != CALICO
    return ReleaseSpec(release, site.cluster.releases[release].namespace, chart, values, wait=waits)


def storage_class() -> dict[str, Any]:
    """The class that a claim gets which names none. A volume is made where its pod is, and goes with its claim."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "gp3", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "ebs.csi.aws.com",
        "parameters": {"type": "gp3", "encrypted": "true"},
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
    }


def resource_tags(cluster: Cluster) -> dict[str, str]:
    """The tags that Terraform gives everything, without the cluster's own, which some controllers set themselves."""
    return {**cluster.tags, "Cluster": cluster.name, "Environment": cluster.environment}


def _pod_of_operator(container: str, pod: Values, keys: Sequence[str] = ()) -> Values:
    """What the operator's Installation says of one workload."""
    containers = [{"name": container, "resources": pod["resources"]}]
    return {"spec": {"template": {"spec": {**{key: pod[key] for key in keys}, "containers": containers}}}}


def _shared(pod: Pod, containers: int) -> Values:
    """The same part of the pod's requests for each of its containers."""
    cpu, memory = pod.requests.cpu // containers, pod.requests.memory // containers
    return {"requests": {"cpu": cpu_text(cpu), "memory": memory_text(memory)}}
