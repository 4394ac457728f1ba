"""The machines' side of the API server: nodes that register, kubelets that start and stop, tokens to join with."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime

from tests.doubles.hosts.cluster import BootstrapToken, Registration
from tests.doubles.kubernetes.kubeadm import static_pods
from tests.doubles.kubernetes.objects import Objects
from tests.doubles.kubernetes.pods import is_ready
from tests.doubles.kubernetes.store import Object, Store, now
from tests.doubles.kubernetes.world import Kubelet, Settings

_TOKEN = "bootstrap-token-"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_FIXED = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
          "beta.kubernetes.io/arch": "amd64"}  # fmt: skip


class Membership:
    """Half of `tests.doubles.hosts.cluster.Cluster`; the other half is the server's own."""

    store: Store
    objects: Objects

    def __init__(self) -> None:
        self.settings = Settings()
        self.kubelets: dict[str, Kubelet] = {}
        self.name = self.version = self.endpoint = ""

    def register_node(self, node: Registration) -> None:
        with self.store.lock:
            before = self.store.get("nodes", "", node.name)
            known = self.kubelets.get(node.name)
            fresh = before is None or known is None
            self.kubelets[node.name] = Kubelet(
                node, True, node.kubelet_version, network=bool(known and known.network and not fresh),
                asked_for=known.asked_for if known and not fresh else (),
            )  # fmt: skip
            labels = {**_FIXED, "kubernetes.io/hostname": node.name, **node.labels}
            if node.control_plane:
                labels |= {_CONTROL_PLANE: "", "node.kubernetes.io/exclude-from-external-load-balancers": ""}
            if before is not None:
                metadata = {**before["metadata"], "labels": {**before["metadata"].get("labels", {}), **labels}}
                self.store.put("nodes", {**before, "metadata": metadata})
            else:
                self.store.put("nodes", self._new_node(node, labels))
            if node.control_plane:
                self._static_pods(node.name)

    def _new_node(self, node: Registration, labels: dict[str, str]) -> Object:
        settings = self.settings
        room = {"pods": str(node.max_pods), "ephemeral-storage": "20Gi"}
        memory = node.memory_bytes - settings.reserved_memory
        spec: Object = {"taints": [dict(taint) for taint in node.taints]}
        if node.provider_id:
            spec["providerID"] = node.provider_id
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": node.name,
                "labels": labels,
                "annotations": {"alpha.kubernetes.io/provided-node-ip": node.internal_ip},
            },
            "spec": spec,
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": node.internal_ip}, {"type": "Hostname", "address": node.name},
                ],
                "capacity": {**room, "cpu": str(node.cpus), "memory": f"{node.memory_bytes // 1024}Ki"},
                "allocatable": {
                    **room, "cpu": f"{node.cpus * 1000 - settings.reserved_cpu_m}m", "memory": f"{memory // 1024}Ki",
                },
                "nodeInfo": {
                    "kubeletVersion": node.kubelet_version, "kubeProxyVersion": "", "operatingSystem": "linux",
                    "containerRuntimeVersion": node.container_runtime, "osImage": node.os_image,
                    "kernelVersion": node.kernel, "architecture": "amd64", "bootID": "", "machineID": "",
                    "systemUUID": "",
                },
                "conditions": [
                    {
                        "type": "Ready", "status": "False", "reason": "KubeletNotReady", "lastTransitionTime": now(),
                        "message": "container runtime network not ready: NetworkReady=false",
                    }
                ],
            },
        }  # fmt: skip

    def _static_pods(self, node: str) -> None:
        found = self.store.get("nodes", "", node)
        assert found is not None
        resource = self.objects.resources.of_kind("Pod")
        for name, image, requests in static_pods(self.version):
            pod: Object = {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": f"{name}-{node}", "namespace": "kube-system",
                    "labels": {"component": name, "tier": "control-plane"},
                    "annotations": {
                        "kubernetes.io/config.mirror": "double", "kubernetes.io/config.source": "file",
                        "kubernetes.io/config.hash": "double",
                    },
                    "ownerReferences": [
                        {
                            "apiVersion": "v1", "kind": "Node", "name": node, "uid": found["metadata"]["uid"],
                            "controller": True,
                        }
                    ],
                },
                "spec": {
                    "hostNetwork": True, "nodeName": node, "priorityClassName": "system-node-critical",
                    "tolerations": [{"effect": "NoExecute", "operator": "Exists"}],
                    "containers": [{"name": name, "image": image, "resources": {"requests": requests}}],
                },
            }  # fmt: skip
            before = self.store.get("pods", "kube-system", pod["metadata"]["name"])
            if before is not None:
                pod["metadata"] = {**pod["metadata"], "uid": before["metadata"]["uid"]}
                pod["status"] = before.get("status", {})
            self.store.put("pods", self.objects.defaults.filled(pod, resource, before))

    def _note_version(self, version: str) -> None:
        """After an upgrade of the control plane: its static pods, kube-proxy, and what kubeadm notes."""
        with self.store.lock:
            for name, kubelet in self.kubelets.items():
                if kubelet.registration.control_plane and self.store.get("nodes", "", name):
                    self._static_pods(name)
            proxy = self.store.get("daemonsets.apps", "kube-system", "kube-proxy")
            if proxy is not None:
                template = proxy["spec"]["template"]
                container = {**template["spec"]["containers"][0], "image": f"registry.k8s.io/kube-proxy:{version}"}
                template = {**template, "spec": {**template["spec"], "containers": [container]}}
                metadata = {**proxy["metadata"], "generation": proxy["metadata"]["generation"] + 1}
                self.store.put(
                    "daemonsets.apps", {**proxy, "metadata": metadata, "spec": {**proxy["spec"], "template": template}}
                )
            noted = self.store.get("configmaps", "kube-system", "kubeadm-config")
            if noted is not None:
                lines = noted["data"]["ClusterConfiguration"].splitlines()
                text = "\n".join(
                    f"kubernetesVersion: {version}" if line.startswith("kubernetesVersion:") else line for line in lines
                )
                self.store.put("configmaps", {**noted, "data": {"ClusterConfiguration": f"{text}\n"}})

    def node_ready(self, name: str) -> bool | None:
        node = self.store.get("nodes", "", name)
        return None if node is None else is_ready(node)

    def set_kubelet(self, name: str, *, runs: bool, version: str) -> None:
        with self.store.changed:
            kubelet = self.kubelets.get(name)
            if kubelet is not None:
                kubelet.runs = runs
                if runs:
                    kubelet.version = version
                if runs and self.store.get("nodes", "", name) is None:
                    self.register_node(replace(kubelet.registration, kubelet_version=version))
                self.poke()

    def poke(self) -> None:
        """Something outside of the API has changed (a kubelet, a setting): the controllers look again."""
        with self.store.changed:
            self.store.version += 1
            self.store.changed.notify_all()

    def tokens(self) -> list[BootstrapToken]:
        return [
            _token(item)
            for item in self.store.list("secrets", "kube-system")
            if item.get("type") == "bootstrap.kubernetes.io/token"
        ]

    def add_token(self, token: BootstrapToken) -> None:
        with self.store.lock:
            if self.store.get("secrets", "kube-system", f"{_TOKEN}{token.id}") is not None:
                raise KeyError(token.id)
            data = {"token-id": token.id, "token-secret": token.secret}
            if token.expires is not None:
                data["expiration"] = token.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            if token.description:
                data["description"] = token.description
            data |= {f"usage-bootstrap-{usage}": "true" for usage in token.usages}
            data["auth-extra-groups"] = ",".join(token.groups)
            encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
            self.store.put(
                "secrets",
                {
                    "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
                    "metadata": {"name": f"{_TOKEN}{token.id}", "namespace": "kube-system"}, "data": encoded,
                },
            )  # fmt: skip

    def remove_token(self, token_id: str) -> None:
        with self.store.lock:
            found = self.store.get("secrets", "kube-system", f"{_TOKEN}{token_id}")
            if found is None:
                raise KeyError(token_id)
            self.store.remove("secrets", found)


def _token(item: Object) -> BootstrapToken:
    data = {key: base64.b64decode(value).decode() for key, value in item["data"].items()}
    expires = data.get("expiration")
    usages = tuple(
        key.removeprefix("usage-bootstrap-")
        for key in data
        if key.startswith("usage-bootstrap-") and data[key] == "true"
    )
    return BootstrapToken(
        data["token-id"],
        data["token-secret"],
        datetime.fromisoformat(expires) if expires else None,
        data.get("description", ""),
        usages,
        tuple(filter(None, data.get("auth-extra-groups", "").split(","))),
    )
