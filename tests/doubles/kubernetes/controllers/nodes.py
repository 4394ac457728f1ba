"""What the kubelets say of their nodes, and the taints that follow from it."""

from __future__ import annotations

from tests.doubles.kubernetes.pods import condition as condition_of
from tests.doubles.kubernetes.pods import is_going, is_ready
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import Kubelet, World, condition, with_conditions

_NOT_READY = "node.kubernetes.io/not-ready"
_UNREACHABLE = "node.kubernetes.io/unreachable"
_CORDONED = "node.kubernetes.io/unschedulable"
_OURS = (_NOT_READY, _UNREACHABLE, _CORDONED)


def reconcile(world: World) -> None:
    for node in world.store.list("nodes"):
        name = node["metadata"]["name"]
        kubelet = world.kubelets.get(name)
        if kubelet and kubelet.runs and _network_there(world, name):
            kubelet.network = True
        node = _told(world, node, kubelet)
        node = _tainted(world, node)
        csi_node(world, node, kubelet)


def _network_there(world: World, name: str) -> bool:
    """Whether calico-node has been ready here: it then has written the CNI's configuration."""
    for pod in world.store.list("pods"):
        labels = pod["metadata"].get("labels") or {}
        if pod["spec"].get("nodeName") == name and labels.get("k8s-app") == "calico-node" and is_ready(pod):
            return True
    return False


def _told(world: World, node: Object, kubelet: Kubelet | None) -> Object:
    status = node.get("status") or {}
    if kubelet is None or not kubelet.runs:
        said = "Kubelet stopped posting node status."
        conditions = [
            condition(type_, "Unknown", "NodeStatusUnknown", said)
            for type_ in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
        ]
        return world.status("nodes", node, conditions=with_conditions(status, *conditions))
    conditions = [
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")
        if kubelet.network
        else condition(
            "Ready", "False", "KubeletNotReady",
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
            "message:Network plugin returns error: cni plugin not initialized",
        ),
    ]  # fmt: skip
    info = {**status.get("nodeInfo", {}), "kubeletVersion": kubelet.version}
    return world.status("nodes", node, conditions=with_conditions(status, *conditions), nodeInfo=info)


def _tainted(world: World, node: Object) -> Object:
    ready = condition_of(node, "Ready")
    wanted: list[Object] = []
    if ready == "False":
        wanted = [{"key": _NOT_READY, "effect": effect} for effect in ("NoSchedule", "NoExecute")]
    elif ready == "Unknown":
        wanted = [{"key": _UNREACHABLE, "effect": effect} for effect in ("NoSchedule", "NoExecute")]
    if node["spec"].get("unschedulable"):
        wanted.append({"key": _CORDONED, "effect": "NoSchedule"})
    before = node["spec"].get("taints") or []
    after = [taint for taint in before if taint["key"] not in _OURS] + wanted
    if [(t["key"], t["effect"]) for t in before] == [(t["key"], t["effect"]) for t in after]:
        return node
    spec = {key: value for key, value in node["spec"].items() if key != "taints"}
    return world.store.put("nodes", {**node, "spec": {**spec, **({"taints": after} if after else {})}})


def csi_node(world: World, node: Object, kubelet: Kubelet | None) -> None:
    """The CSINode, with EBS's driver while its pod is ready here."""
    if kubelet is None or is_going(node):
        return
    name = node["metadata"]["name"]
    driver = any(
        pod["spec"].get("nodeName") == name and is_ready(pod) and not is_going(pod) and _is_ebs_node(pod)
        for pod in world.store.list("pods")
    )
    drivers = []
    if driver:
        drivers = [
            {
                "name": "ebs.csi.aws.com", "nodeID": kubelet.registration.provider_id.rpartition("/")[2] or name,
                "topologyKeys": ["kubernetes.io/os", "topology.ebs.csi.aws.com/zone", "topology.kubernetes.io/zone"],
                "allocatable": {"count": 25},
            }
        ]  # fmt: skip
    key = "csinodes.storage.k8s.io"
    reference = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}
    found = world.store.get(key, "", name)
    item = {
        "apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
        "metadata": {**((found or {}).get("metadata") or {"name": name}), "ownerReferences": [reference]},
        "spec": {"drivers": drivers},
    }  # fmt: skip
    world.store.put(key, item)


def _is_ebs_node(pod: Object) -> bool:
    above = pod["metadata"].get("ownerReferences") or ()
    daemon = any(each["kind"] == "DaemonSet" for each in above)
    return daemon and any("aws-ebs-csi-driver" in container["image"] for container in pod["spec"]["containers"])
