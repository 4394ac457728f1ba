"""Which resources the API server serves: Kubernetes' own, and those that CustomResourceDefinitions add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.kubernetes.types import Type, builtin, custom

# group/version plural Kind scope [short names] [+subresources]. The API server of Kubernetes 1.34 has more.
_BUILTIN = """
v1 namespaces Namespace cluster ns +status +finalize
v1 nodes Node cluster no +status +proxy
v1 pods Pod namespaced po +status +eviction +log +exec
v1 services Service namespaced svc +status
v1 secrets Secret namespaced
v1 configmaps ConfigMap namespaced cm
v1 serviceaccounts ServiceAccount namespaced sa
v1 persistentvolumes PersistentVolume cluster pv +status
v1 persistentvolumeclaims PersistentVolumeClaim namespaced pvc +status
v1 events Event namespaced ev
v1 endpoints Endpoints namespaced ep
v1 resourcequotas ResourceQuota namespaced quota +status
v1 limitranges LimitRange namespaced limits
v1 replicationcontrollers ReplicationController namespaced rc +status +scale
apps/v1 deployments Deployment namespaced deploy +status +scale
apps/v1 daemonsets DaemonSet namespaced ds +status
apps/v1 statefulsets StatefulSet namespaced sts +status +scale
apps/v1 replicasets ReplicaSet namespaced rs +status +scale
apps/v1 controllerrevisions ControllerRevision namespaced
batch/v1 jobs Job namespaced +status
batch/v1 cronjobs CronJob namespaced cj +status
networking.k8s.io/v1 ingresses Ingress namespaced ing +status
networking.k8s.io/v1 ingressclasses IngressClass cluster
networking.k8s.io/v1 networkpolicies NetworkPolicy namespaced netpol
storage.k8s.io/v1 storageclasses StorageClass cluster sc
storage.k8s.io/v1 csidrivers CSIDriver cluster
storage.k8s.io/v1 csinodes CSINode cluster
storage.k8s.io/v1 volumeattachments VolumeAttachment cluster +status
policy/v1 poddisruptionbudgets PodDisruptionBudget namespaced pdb +status
autoscaling/v2 horizontalpodautoscalers HorizontalPodAutoscaler namespaced hpa +status
rbac.authorization.k8s.io/v1 roles Role namespaced
rbac.authorization.k8s.io/v1 rolebindings RoleBinding namespaced
rbac.authorization.k8s.io/v1 clusterroles ClusterRole cluster
rbac.authorization.k8s.io/v1 clusterrolebindings ClusterRoleBinding cluster
coordination.k8s.io/v1 leases Lease namespaced
events.k8s.io/v1 events Event namespaced ev
certificates.k8s.io/v1 certificatesigningrequests CertificateSigningRequest cluster csr +status +approval
scheduling.k8s.io/v1 priorityclasses PriorityClass cluster pc
node.k8s.io/v1 runtimeclasses RuntimeClass cluster
discovery.k8s.io/v1 endpointslices EndpointSlice namespaced
admissionregistration.k8s.io/v1 mutatingwebhookconfigurations MutatingWebhookConfiguration cluster
admissionregistration.k8s.io/v1 validatingwebhookconfigurations ValidatingWebhookConfiguration cluster
admissionregistration.k8s.io/v1 validatingadmissionpolicies ValidatingAdmissionPolicy cluster +status
admissionregistration.k8s.io/v1 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding cluster
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition cluster crd,crds +status
apiregistration.k8s.io/v1 apiservices APIService cluster +status
"""
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource in one version."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    type: Type
    short_names: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()
    custom: bool = False
    categories: tuple[str, ...] = ()

    @property
    def group_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As messages name it: deployments.apps."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def key(self) -> str:
        """Where its objects lie, whatever the version. The two groups of events are one store."""
        return "events" if self.plural == "events" else self.qualified


@dataclass
class Resources:
    """All resources that are served now."""

    _all: dict[tuple[str, str], Resource] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for resource in _builtin():
            self.add(resource)

    def add(self, resource: Resource) -> None:
        self._all[resource.group_version, resource.plural] = resource

    def drop(self, group: str, plural: str) -> None:
        for key in [key for key, each in self._all.items() if (each.group, each.plural) == (group, plural)]:
            del self._all[key]

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._all.values()))

    def find(self, group_version: str, plural: str) -> Resource | None:
        return self._all.get((group_version, plural))

    def of_kind(self, kind: str, group: str = "") -> Resource:
        """Raises KeyError."""
        for each in self:
            if (each.kind, each.group) == (kind, group):
                return each
        raise KeyError(f"{kind}.{group}")

    def of_key(self, key: str) -> Resource:
        """``deployments.apps`` -> its resource. Raises KeyError."""
        for each in self:
            if each.qualified == key:
                return each
        raise KeyError(key)


def _builtin() -> Iterator[Resource]:
    for line in _BUILTIN.strip().splitlines():
        group_version, plural, kind, scope, *rest = line.split()
        group, _, version = group_version.rpartition("/")
        subresources = frozenset(word[1:] for word in rest if word.startswith("+"))
        short = tuple(name for word in rest if not word.startswith("+") for name in word.split(","))
        workload = kind in ("Pod", "Service", "Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job", "CronJob")
        yield Resource(
            group,
            version,
            plural,
            kind,
            scope == "namespaced",
            builtin(group, version, kind),
            short,
            subresources,
            categories=("all",) if workload else (),
        )


def defined(definition: dict[str, Any]) -> Iterable[Resource]:
    """The resources that a CustomResourceDefinition adds, the version it is stored in last."""
    spec = definition["spec"]
    names = spec["names"]
    for version in sorted(spec["versions"], key=lambda version: bool(version.get("storage"))):
        if version.get("served"):
            yield Resource(
                spec["group"],
                version["name"],
                names["plural"],
                names["kind"],
                spec["scope"] == "Namespaced",
                custom((version.get("schema") or {}).get("openAPIV3Schema")),
                tuple(names.get("shortNames", ())),
                frozenset(version.get("subresources") or ()),
                custom=True,
                categories=tuple(names.get("categories", ())),
            )
