"""What is in a cluster that kubeadm has just made, before anyone has joined it."""

from __future__ import annotations

from typing import Any

from tests.doubles.hosts.cluster import Made
from tests.doubles.kubernetes.objects import Objects
from tests.doubles.kubernetes.store import Object, Store

_EVERYTHING = [{"operator": "Exists"}]
_COREDNS = "v1.12.1"


def brought_up(store: Store, objects: Objects, made: Made) -> None:
    """Fills the store as ``kubeadm init`` does before its add-ons."""
    for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
        _put(store, objects, "Namespace", "", {"metadata": {"name": name}})
    for name, value in (("system-node-critical", 2000001000), ("system-cluster-critical", 2000000000)):
        _put(store, objects, "PriorityClass", "scheduling.k8s.io", {"metadata": {"name": name}, "value": value})
    _put(
        store, objects, "Service", "",
        {
            "metadata": {"name": "kubernetes", "namespace": "default"},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
        },
    )  # fmt: skip
    for name, data in _configuration(made).items():
        _put(store, objects, "ConfigMap", "", {"metadata": {"name": name, "namespace": "kube-system"}, "data": data})
    _put(
        store, objects, "ConfigMap", "",
        {"metadata": {"name": "cluster-info", "namespace": "kube-public"}, "data": {"kubeconfig": _cluster_info(made)}},
    )  # fmt: skip


def addons(store: Store, objects: Objects, version: str) -> None:
    """CoreDNS and kube-proxy, the last thing that ``kubeadm init`` does."""
    for name in ("coredns", "kube-proxy"):
        _put(store, objects, "ServiceAccount", "", {"metadata": {"name": name, "namespace": "kube-system"}})
    _put(
        store, objects, "Service", "",
        {
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {
                "clusterIP": "10.96.0.10", "selector": {"k8s-app": "kube-dns"},
                "ports": [
                    {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
                ],
            },
        },
    )  # fmt: skip
    _put(store, objects, "DaemonSet", "apps", _kube_proxy(version))
    _put(store, objects, "Deployment", "apps", _coredns())


def _put(store: Store, objects: Objects, kind: str, group: str, item: Object) -> None:
    resource = objects.resources.of_kind(kind, group)
    head = {"apiVersion": resource.group_version, "kind": kind}
    metadata: dict[str, Any] = {"generation": 1, **item["metadata"]} if "spec" in item else item["metadata"]
    store.put(resource.key, objects.defaults.filled({**head, **item, "metadata": metadata}, resource, None))


def _configuration(made: Made) -> dict[str, dict[str, str]]:
    text = (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
        f"clusterName: {made.name}\nkubernetesVersion: {made.version}\ncontrolPlaneEndpoint: {made.endpoint}\n"
        f"networking:\n  dnsDomain: cluster.local\n  podSubnet: {made.pod_cidr}\n  serviceSubnet: {made.service_cidr}\n"
    )
    return {
        "kubeadm-config": {"ClusterConfiguration": text},
        "kubelet-config": {"kubelet": "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"},
        "kube-proxy": {"config.conf": "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"},
        "coredns": {
            "Corefile": ".:53 {\n    errors\n    kubernetes cluster.local\n    forward . /etc/resolv.conf\n}\n"
        },
    }


def _cluster_info(made: Made) -> str:
    return f"apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://{made.endpoint}\n  name: ''\n"


def _kube_proxy(version: str) -> Object:
    labels = {"k8s-app": "kube-proxy"}
    return {
        "metadata": {"name": "kube-proxy", "namespace": "kube-system", "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "hostNetwork": True, "priorityClassName": "system-node-critical",
                    "serviceAccountName": "kube-proxy",
                    "nodeSelector": {"kubernetes.io/os": "linux"}, "tolerations": _EVERYTHING,
                    "containers": [{"name": "kube-proxy", "image": f"registry.k8s.io/kube-proxy:{version}"}],
                },
            },
        },
    }  # fmt: skip


def _coredns() -> Object:
    labels = {"k8s-app": "kube-dns"}
    tolerations = [
        {"key": "CriticalAddonsOnly", "operator": "Exists"},
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
    ]
    resources = {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}}
    return {
        "metadata": {"name": "coredns", "namespace": "kube-system", "labels": labels},
        "spec": {
            "replicas": 2,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "priorityClassName": "system-cluster-critical", "serviceAccountName": "coredns",
                    "tolerations": tolerations,
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    "containers": [
                        {
                            "name": "coredns", "image": f"registry.k8s.io/coredns/coredns:{_COREDNS}",
                            "resources": resources,
                        }
                    ],
                },
            },
        },
    }  # fmt: skip


def static_pods(version: str) -> list[tuple[str, str, dict[str, str]]]:
    """(name, image, requests) of what a control plane runs by itself."""
    return [
        ("kube-apiserver", f"registry.k8s.io/kube-apiserver:{version}", {"cpu": "250m"}),
        ("kube-controller-manager", f"registry.k8s.io/kube-controller-manager:{version}", {"cpu": "200m"}),
        ("kube-scheduler", f"registry.k8s.io/kube-scheduler:{version}", {"cpu": "100m"}),
        ("etcd", "registry.k8s.io/etcd:3.6.5-0", {"cpu": "100m", "memory": "100Mi"}),
    ]
