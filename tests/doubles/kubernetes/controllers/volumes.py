"""Volumes: claims are bound when a driver is there, protected while they are used, deleted with their disk."""

from __future__ import annotations

from tests.doubles.kubernetes.pods import is_finished, is_going, workload_ready
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World

CLAIMS = "persistentvolumeclaims"
VOLUMES = "persistentvolumes"
_CLASSES = "storageclasses.storage.k8s.io"
_DRIVER = "ebs.csi.aws.com"
_SELECTED = "volume.kubernetes.io/selected-node"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
_VOLUME_PROTECTION = "kubernetes.io/pv-protection"


def reconcile(world: World) -> None:
    for claim in world.store.list(CLAIMS):
        if is_going(claim):
            if not _used(world, claim):
                world.without_finalizer(CLAIMS, claim, _CLAIM_PROTECTION)
        elif claim["status"].get("phase") != "Bound":
            _bind(world, claim)
    for volume in world.store.list(VOLUMES):
        _release(world, volume)


def _used(world: World, claim: Object) -> bool:
    metadata = claim["metadata"]
    return any(
        (volume.get("persistentVolumeClaim") or {}).get("claimName") == metadata["name"]
        for pod in world.store.list("pods", metadata["namespace"])
        if not is_finished(pod) and pod["spec"].get("nodeName")
        for volume in pod["spec"].get("volumes") or ()
    )


def _class_of(world: World, claim: Object) -> Object | None:
    name = claim["spec"].get("storageClassName")
    if name is not None:
        return world.store.get(_CLASSES, "", name)
    for each in world.store.list(_CLASSES):
        if (each["metadata"].get("annotations") or {}).get(_DEFAULT) == "true":
            return each
    return None


def _bind(world: World, claim: Object) -> None:
    found = _class_of(world, claim)
    if found is None:
        world.event(
            claim, "FailedBinding", "no persistent volumes available for this claim and no storage class is set"
        )
        return
    if "storageClassName" not in claim["spec"]:
        spec = {**claim["spec"], "storageClassName": found["metadata"]["name"]}
        claim = world.store.put(CLAIMS, {**claim, "spec": spec})
    node = (claim["metadata"].get("annotations") or {}).get(_SELECTED)
    if found["volumeBindingMode"] == "WaitForFirstConsumer" and not node:
        world.event(
            claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding", warning=False
        )
        return
    if (
        found["provisioner"] != _DRIVER
        or world.store.get("csidrivers.storage.k8s.io", "", _DRIVER) is None
        or not _controller(world)
    ):
        said = f"Waiting for a volume to be created by the external provisioner '{found['provisioner']}' or manually"
        world.event(claim, "ExternalProvisioning", said, warning=False)
        return
    _provision(world, claim, found, node)


def _controller(world: World) -> bool:
    """Whether EBS's controller runs: a pod of a Deployment with the provisioner beside the driver."""
    return workload_ready(world.store, None, "external-provisioner") and workload_ready(
        world.store, None, "aws-ebs-csi-driver"
    )


def _provision(world: World, claim: Object, found: Object, node: str | None) -> None:
    metadata = claim["metadata"]
    zone = None
    if node:
        on = world.store.get("nodes", "", node)
        zone = ((on or {}).get("metadata", {}).get("labels") or {}).get("topology.kubernetes.io/zone")
    name = f"pvc-{metadata['uid']}"
    terms = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}
    volume = {
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": _DRIVER}},
        "spec": {
            "accessModes": claim["spec"].get("accessModes", ["ReadWriteOnce"]),
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": metadata["namespace"],
                "name": metadata["name"], "uid": metadata["uid"],
            },
            "csi": {
                "driver": _DRIVER, "volumeHandle": f"vol-0{metadata['uid'].replace('-', '')[:16]}",
                "fsType": (found.get("parameters") or {}).get("csi.storage.k8s.io/fstype", "ext4"),
                "volumeAttributes": {"storage.kubernetes.io/csiProvisionerIdentity": "double"},
            },
            "persistentVolumeReclaimPolicy": found["reclaimPolicy"],
            "storageClassName": found["metadata"]["name"],
            **({"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [terms]}]}}} if zone else {}),
        },
    }  # fmt: skip
    made = world.create(VOLUMES, volume)
    world.status(VOLUMES, made, phase="Bound")
    world.settings.on_volume_created(made)
    spec = {**claim["spec"], "volumeName": name}
    status = {"phase": "Bound", "accessModes": spec.get("accessModes"), "capacity": volume["spec"]["capacity"]}
    world.store.put(CLAIMS, {**claim, "spec": spec, "status": status})


def _release(world: World, volume: Object) -> None:
    reference = volume["spec"].get("claimRef")
    claim = None
    if reference:
        claim = world.store.get(CLAIMS, reference["namespace"], reference["name"])
        if claim is not None and claim["metadata"]["uid"] != reference.get("uid"):
            claim = None
    if reference and claim is None:
        if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
            if not _controller(world):
                world.status(VOLUMES, volume, phase="Released")
                return
            world.settings.on_volume_deleted(volume)
            world.store.remove(VOLUMES, volume)
            return
        volume = world.status(VOLUMES, volume, phase="Released")
    if is_going(volume) and claim is None:
        world.without_finalizer(VOLUMES, volume, _VOLUME_PROTECTION)


def zone_refusal(world: World, pod: Object, node: Object) -> str | None:
    """Why the pod's volumes keep it from this node, if they do. A claim that waits for its first pod gets this node."""
    labels = node["metadata"].get("labels") or {}
    for volume in pod["spec"].get("volumes") or ():
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if not name:
            continue
        claim = world.store.get(CLAIMS, pod["metadata"]["namespace"], name)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        bound = world.store.get(VOLUMES, "", claim["spec"].get("volumeName", ""))
        if bound is not None:
            affinity = bound["spec"].get("nodeAffinity")
            if affinity:
                terms = affinity["required"]["nodeSelectorTerms"]
                zones = terms[0]["matchExpressions"][0]
                if labels.get(zones["key"]) not in zones["values"]:
                    return "node(s) had volume node affinity conflict"
            continue
        found = _class_of(world, claim)
        if found is None or found["volumeBindingMode"] != "WaitForFirstConsumer":
            return "pod has unbound immediate PersistentVolumeClaims"
        if not _driver_on(world, node):
            return "node(s) did not have the CSI driver ebs.csi.aws.com"
    return None


def select_node(world: World, pod: Object, node: Object) -> bool:
    """Tells the claims that wait for the pod which node it will have; False while one is still to be bound."""
    bound = True
    for volume in pod["spec"].get("volumes") or ():
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        claim = world.store.get(CLAIMS, pod["metadata"]["namespace"], name) if name else None
        if claim is None or claim["status"].get("phase") == "Bound":
            continue
        bound = False
        annotations = claim["metadata"].get("annotations") or {}
        if _SELECTED not in annotations:
            noted = {**annotations, _SELECTED: node["metadata"]["name"]}
            world.store.put(CLAIMS, {**claim, "metadata": {**claim["metadata"], "annotations": noted}})
    return bound


def _driver_on(world: World, node: Object) -> bool:
    found = world.store.get("csinodes.storage.k8s.io", "", node["metadata"]["name"])
    return found is not None and any(each["name"] == _DRIVER for each in found["spec"]["drivers"])
