"""Serving certificates of the kubelets: what they ask for, and the signing of what was approved."""

from __future__ import annotations

import base64

from tests.doubles.kubernetes.certificates import serving_request
from tests.doubles.kubernetes.making import random_name
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import Kubelet, World

_KEY = "certificatesigningrequests.certificates.k8s.io"
SIGNER = "kubernetes.io/kubelet-serving"
SERVED = "double.test/serving-certificate"


def reconcile(world: World) -> None:
    for name, kubelet in sorted(world.kubelets.items()):
        node = world.store.get("nodes", "", name)
        if node is not None and kubelet.runs and kubelet.registration.serving_csr:
            _ask(world, node, kubelet)
    for item in world.store.list(_KEY):
        status = item.get("status") or {}
        said = {each["type"] for each in status.get("conditions") or ()}
        if "Approved" in said and "Denied" not in said and not status.get("certificate"):
            _sign(world, item)


def _ask(world: World, node: Object, kubelet: Kubelet) -> None:
    """Anew whenever the node's addresses have changed."""
    names = tuple(dict.fromkeys(each["address"] for each in node["status"].get("addresses") or ()))
    if not names or names == kubelet.asked_for:
        return
    kubelet.asked_for = names
    name = kubelet.registration.name
    request = serving_request(name, list(names))
    world.create(
        _KEY,
        {
            "metadata": {"name": f"csr-{random_name()}", "generateName": "csr-"},
            "spec": {
                "groups": ["system:nodes", "system:authenticated"],
                "request": base64.b64encode(request.encode()).decode(),
                "signerName": SIGNER,
                "usages": ["digital signature", "server auth"],
                "username": f"system:node:{name}",
            },
            "status": {},
        },
    )


def _sign(world: World, item: Object) -> None:
    request = base64.b64decode(item["spec"]["request"]).decode()
    certificate = base64.b64encode(world.authority.signed(request).encode()).decode()
    world.status(_KEY, item, certificate=certificate)
    username = item["spec"].get("username", "")
    node = world.store.get("nodes", "", username.removeprefix("system:node:"))
    if item["spec"]["signerName"] == SIGNER and node is not None:
        annotations = {**(node["metadata"].get("annotations") or {}), SERVED: item["metadata"]["name"]}
        world.store.put("nodes", {**node, "metadata": {**node["metadata"], "annotations": annotations}})
