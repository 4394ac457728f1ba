"""AWS's cloud controller manager, once a pod of it is ready: who the nodes are and how they are reached."""

from __future__ import annotations

from tests.doubles.kubernetes.pods import is_going, workload_ready
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import Kubelet, World

TAINT = "node.cloudprovider.kubernetes.io/uninitialized"
IMAGE = "cloud-controller-manager"


def reconcile(world: World) -> None:
    if not workload_ready(world.store, None, IMAGE, host_network=True):
        return
    for node in world.store.list("nodes"):
        kubelet = world.kubelets.get(node["metadata"]["name"])
        if kubelet is None or is_going(node):
            continue
        taints = node["spec"].get("taints") or []
        if any(taint["key"] == TAINT for taint in taints):
            _initialise(world, node, kubelet, [taint for taint in taints if taint["key"] != TAINT])


def _initialise(world: World, node: Object, kubelet: Kubelet, taints: list[Object]) -> None:
    provider = node["spec"].get("providerID", "")
    instance = provider.rpartition("/")[2]
    known = world.settings.known_instances
    if not instance.startswith("i-") or (known is not None and instance not in known):
        # Without a provider id it looks for an instance whose private DNS name is the node's name.
        said = f"error getting instance metadata for node {node['metadata']['name']}: instance not found"
        world.event(node, "CloudProviderError", said)
        return
    about = kubelet.registration
    zone = about.zone or provider.removeprefix("aws:///").partition("/")[0]
    region = zone.rstrip("abcdef")
    labels = {
        "node.kubernetes.io/instance-type": about.instance_type,
        "beta.kubernetes.io/instance-type": about.instance_type,
        "topology.kubernetes.io/zone": zone,
        "failure-domain.beta.kubernetes.io/zone": zone,
        "topology.kubernetes.io/region": region,
        "failure-domain.beta.kubernetes.io/region": region,
        "topology.k8s.aws/zone-id": f"{region}-z{zone[-1:]}",
    }
    metadata = {
        **node["metadata"],
        "labels": {**node["metadata"].get("labels", {}), **{k: v for k, v in labels.items() if v}},
    }
    spec = {key: value for key, value in node["spec"].items() if key != "taints"}
    status = {**node["status"], "addresses": addresses(world, kubelet, region)}
    world.store.put(
        "nodes",
        {**node, "metadata": metadata, "spec": {**spec, **({"taints": taints} if taints else {})}, "status": status},
    )


def addresses(world: World, kubelet: Kubelet, region: str) -> list[Object]:
    """What the cloud knows. The host's name becomes the private DNS name, as in cloud-provider-aws (instances.go)."""
    about = kubelet.registration
    private_name = f"ip-{about.internal_ip.replace('.', '-')}.{region}.compute.internal"
    public = world.settings.public_ips.get(about.name)
    found = [("InternalIP", about.internal_ip)]
    if public:
        found.append(("ExternalIP", public))
    found += [("InternalDNS", private_name), ("Hostname", private_name)]
    if public:
        found.append(("ExternalDNS", f"ec2-{public.replace('.', '-')}.{region}.compute.amazonaws.com"))
    return [{"type": type_, "address": address} for type_, address in found]
