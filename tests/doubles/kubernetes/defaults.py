"""What the API server fills in where an object says nothing, so that what is read back is what a real one says."""

import base64
import copy
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.doubles.kubernetes.pod_defaults import pod_spec, stay_a_while
from tests.doubles.kubernetes.resources import Resource

Object = dict[str, Any]
CRD_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


class Defaults:
    """``service_cidr`` is where cluster addresses come from; only a prefix of it is used."""

    def __init__(self, service_prefix: str = "10.96") -> None:
        self._prefix = service_prefix
        self._address = count(257)
        self._port = count(30001)

    def filled(self, item: Object, resource: Resource, before: Object | None) -> Object:
        """The object with what it lacks; `before` is what is there, whose addresses are kept."""
        item = copy.deepcopy(item)
        fill: Callable[[Object, Object | None], None] | None = getattr(self, f"_{resource.kind.lower()}", None)
        if fill and not resource.custom:
            fill(item, before)
        return item

    def _namespace(self, item: Object, before: Object | None) -> None:
        item["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = item["metadata"]["name"]
        item.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
        item.setdefault("status", {"phase": "Active"})

    def _secret(self, item: Object, before: Object | None) -> None:
        item.setdefault("type", "Opaque")
        for key, value in (item.pop("stringData", None) or {}).items():
            item.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()

    def _pod(self, item: Object, before: Object | None) -> None:
        pod_spec(item["spec"])
        item["spec"].setdefault("serviceAccountName", "default")
        stay_a_while(item["spec"])
        item.setdefault("status", {"phase": "Pending", "qosClass": "Burstable"})

    def _deployment(self, item: Object, before: Object | None) -> None:
        spec = item["spec"]
        spec.setdefault("replicas", 1)
        spec.setdefault("revisionHistoryLimit", 10)
        spec.setdefault("progressDeadlineSeconds", 600)
        strategy = spec.setdefault("strategy", {})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            rolling = strategy.setdefault("rollingUpdate", {})
            rolling.setdefault("maxSurge", "25%")
            rolling.setdefault("maxUnavailable", "25%")
        _template(spec)

    def _daemonset(self, item: Object, before: Object | None) -> None:
        spec = item["spec"]
        spec.setdefault("revisionHistoryLimit", 10)
        strategy = spec.setdefault("updateStrategy", {})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            rolling = strategy.setdefault("rollingUpdate", {})
            rolling.setdefault("maxSurge", 0)
            rolling.setdefault("maxUnavailable", 1)
        _template(spec)

    def _statefulset(self, item: Object, before: Object | None) -> None:
        spec = item["spec"]
        spec.setdefault("replicas", 1)
        spec.setdefault("podManagementPolicy", "OrderedReady")
        spec.setdefault("revisionHistoryLimit", 10)
        retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
        retention.setdefault("whenDeleted", "Retain")
        retention.setdefault("whenScaled", "Retain")
        strategy = spec.setdefault("updateStrategy", {})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
        for claim in spec.get("volumeClaimTemplates") or ():
            claim.setdefault("apiVersion", "v1")
            claim.setdefault("kind", "PersistentVolumeClaim")
            claim["spec"].setdefault("volumeMode", "Filesystem")
            claim.setdefault("status", {"phase": "Pending"})
        _template(spec)

    def _replicaset(self, item: Object, before: Object | None) -> None:
        item["spec"].setdefault("replicas", 1)
        _template(item["spec"])

    def _job(self, item: Object, before: Object | None) -> None:
        spec = item["spec"]
        for name, value in {
            "parallelism": 1, "completions": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False,
            "manualSelector": False, "podReplacementPolicy": "TerminatingOrFailed",
        }.items():  # fmt: skip
            spec.setdefault(name, value)
        if before:
            spec.setdefault("selector", before["spec"]["selector"])
        uid = (before or item)["metadata"]["uid"]
        spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})
        labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
        for key in ("batch.kubernetes.io/", ""):
            labels[f"{key}controller-uid"] = uid
            labels[f"{key}job-name"] = item["metadata"]["name"]
        _template(spec)

    def _cronjob(self, item: Object, before: Object | None) -> None:
        spec = item["spec"]
        spec.setdefault("concurrencyPolicy", "Allow")
        spec.setdefault("suspend", False)
        spec.setdefault("successfulJobsHistoryLimit", 3)
        spec.setdefault("failedJobsHistoryLimit", 1)
        pod_spec(spec["jobTemplate"]["spec"]["template"]["spec"])

    def _service(self, item: Object, before: Object | None) -> None:
        spec = item["spec"]
        old = (before or {}).get("spec", {})
        kind = spec.setdefault("type", "ClusterIP")
        spec.setdefault("sessionAffinity", "None")
        if kind != "ExternalName":
            if "clusterIP" not in spec:
                spec["clusterIP"] = old.get("clusterIP") or self._next_address()
            spec.setdefault("clusterIPs", [spec["clusterIP"]])
            spec.setdefault("ipFamilies", ["IPv4"])
            spec.setdefault("ipFamilyPolicy", "SingleStack")
            spec.setdefault("internalTrafficPolicy", "Cluster")
        known = {port["port"]: port.get("nodePort") for port in old.get("ports", ())}
        for port in spec.get("ports") or ():
            port.setdefault("protocol", "TCP")
            port.setdefault("targetPort", port["port"])
            if kind in ("NodePort", "LoadBalancer") and not port.get("nodePort"):
                port["nodePort"] = known.get(port["port"]) or next(self._port)
        if kind in ("NodePort", "LoadBalancer"):
            spec.setdefault("externalTrafficPolicy", "Cluster")
        if kind == "LoadBalancer":
            spec.setdefault("allocateLoadBalancerNodePorts", True)
        item.setdefault("status", {"loadBalancer": {}})

    def _next_address(self) -> str:
        number = next(self._address)
        return f"{self._prefix}.{number // 256}.{number % 256}"

    def _ingress(self, item: Object, before: Object | None) -> None:
        item.setdefault("status", {"loadBalancer": {}})

    def _persistentvolumeclaim(self, item: Object, before: Object | None) -> None:
        item["spec"].setdefault("volumeMode", "Filesystem")
        item.setdefault("status", {"phase": "Pending"})
        _finalizer(item, "kubernetes.io/pvc-protection", before)

    def _persistentvolume(self, item: Object, before: Object | None) -> None:
        item["spec"].setdefault("persistentVolumeReclaimPolicy", "Retain")
        item["spec"].setdefault("volumeMode", "Filesystem")
        item.setdefault("status", {"phase": "Pending"})
        _finalizer(item, "kubernetes.io/pv-protection", before)

    def _storageclass(self, item: Object, before: Object | None) -> None:
        item.setdefault("reclaimPolicy", "Delete")
        item.setdefault("volumeBindingMode", "Immediate")

    def _csidriver(self, item: Object, before: Object | None) -> None:
        spec = item["spec"]
        for name, value in {
            "attachRequired": True, "podInfoOnMount": False, "storageCapacity": False, "requiresRepublish": False,
            "fsGroupPolicy": "ReadWriteOnceWithFSType", "volumeLifecycleModes": ["Persistent"], "seLinuxMount": False,
        }.items():  # fmt: skip
            spec.setdefault(name, value)

    def _customresourcedefinition(self, item: Object, before: Object | None) -> None:
        spec = item["spec"]
        spec.setdefault("conversion", {"strategy": "None"})
        names = spec["names"]
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
        _finalizer(item, CRD_FINALIZER, before)

    def _apiservice(self, item: Object, before: Object | None) -> None:
        if service := item["spec"].get("service"):
            service.setdefault("port", 443)

    def _rolebinding(self, item: Object, before: Object | None) -> None:
        for subject in item.get("subjects") or ():
            if subject["kind"] in ("User", "Group"):
                subject.setdefault("apiGroup", "rbac.authorization.k8s.io")
        item["roleRef"].setdefault("apiGroup", "rbac.authorization.k8s.io")

    _clusterrolebinding = _rolebinding

    def _priorityclass(self, item: Object, before: Object | None) -> None:
        item.setdefault("preemptionPolicy", "PreemptLowerPriority")

    def _mutatingwebhookconfiguration(self, item: Object, before: Object | None) -> None:
        for hook in item.get("webhooks") or ():
            for name, value in {
                "failurePolicy": "Fail", "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {},
                "timeoutSeconds": 10,
            }.items():  # fmt: skip
                hook.setdefault(name, value)
            if service := hook["clientConfig"].get("service"):
                service.setdefault("port", 443)
            for rule in hook.get("rules") or ():
                rule.setdefault("scope", "*")

    _validatingwebhookconfiguration = _mutatingwebhookconfiguration


def _finalizer(item: Object, name: str, before: Object | None) -> None:
    if before is None:
        finalizers = item["metadata"].setdefault("finalizers", [])
        if name not in finalizers:
            finalizers.append(name)


def _template(spec: Object) -> None:
    pod_spec(spec["template"]["spec"])
