"""What the community's chart kube-prometheus-stack is told: pure functions of the cluster.

The keys are those of the chart's values.yaml and of the charts inside it. Rules, dashboards and monitors of ours are no
part of it: Prometheus and Grafana take them as objects of the release that comes after it (charts/monitoring).
"""

from __future__ import annotations

from typing import NamedTuple

from provisioning.cluster import Cluster
from provisioning.cluster.kubeadm import ETCD_METRICS_PORT
from provisioning.cluster.model import Pod
from provisioning.cluster.placement import Values, placement
from provisioning.cluster.quantities import MIB, Resources, cpu_text, memory_text
from provisioning.kubernetes import thanos
from provisioning.kubernetes.datasources import datasources
from provisioning.kubernetes.errors import ChartRefused
from provisioning.kubernetes.replaced_rules import REPLACED
from provisioning.monitoring.alertmanager import MESSAGES, configuration
from provisioning.monitoring.receivers import NOBODY, SECRET, Receivers

MONITORING = "monitoring"
# Ours, after it: monitors, rules, dashboards. In its namespace, and without pods unless there is Thanos.
WATCHING = "eco2-monitoring"

# Grafana's administrator: a Secret that is made once, beside the release.
CREDENTIALS = f"{MONITORING}-credentials"
USER_KEY = "grafana-username"
PASSWORD_KEY = "grafana-password"  # noqa: S105 - a key's name

RETENTION = "30d"
# Of the volume. What is older than fits goes; the rest is for what is being compacted.
_RETENTION_PERCENT = 80
# What Prometheus sees, the operator finds by these, whatever release brought it.
_OBJECTS = ("rule", "serviceMonitor", "podMonitor", "probe", "scrapeConfig")


class _Part(NamedTuple):
    """A container beside a pod's first one: what it takes of what the cluster file gives the pod."""

    name: str
    requests: Resources
    memory_limit: int


_RELOADER = _Part("config-reloader", Resources(5, 24 * MIB), 48 * MIB)
_SIDECAR = _Part("dashboards' sidecar", Resources(15, 64 * MIB), 128 * MIB)
_THANOS = _Part("Thanos' sidecar", thanos.SIDECAR_REQUESTS, thanos.SIDECAR_MEMORY_LIMIT)


def monitoring(cluster: Cluster, receivers: Receivers = NOBODY, bucket: str | None = None) -> Values:
    """Prometheus, Alertmanager, Grafana and the exporters. Raises `ChartRefused` for a pod that is given too little.

    ``bucket`` is that of the backups, which Thanos needs where the cluster file asks for it.
    The control plane's parts are found by the labels of their pods, so one that is replaced is scraped at once. They
    serve with certificates of their own making; the kubelets' are of the cluster's CA, and verified.
    """
    pods = placement(cluster, MONITORING)
    values: Values = {
        # The objects are monitoring-prometheus, monitoring-alertmanager …; pods have the names of the cluster file.
        "fullnameOverride": MONITORING,
        "prometheusOperator": _operator(pods["prometheus-operator"]),
        "prometheus": {"prometheusSpec": _prometheus(cluster, pods["prometheus"])},
        "alertmanager": {
            "config": configuration(receivers),
            "templateFiles": {"eco2.tmpl": MESSAGES.read_text(encoding="utf-8")},
            "alertmanagerSpec": _alertmanager(cluster, pods["alertmanager"], receivers),
        },
        "grafana": _grafana(cluster, pods["grafana"]),
        "kube-state-metrics": {
            **_place(pods["kube-state-metrics"]),
            "fullnameOverride": "kube-state-metrics",
            "resources": pods["kube-state-metrics"]["resources"],
            "replicas": pods["kube-state-metrics"]["replicas"],
        },
        "prometheus-node-exporter": {
            **_place(pods["node-exporter"]),
            "fullnameOverride": "node-exporter",
            "resources": pods["node-exporter"]["resources"],
        },
        "kubelet": {"serviceMonitor": {"insecureSkipVerify": False}},
        "kubeEtcd": {"service": {"port": ETCD_METRICS_PORT, "targetPort": ETCD_METRICS_PORT}},
        # kubeadm's kube-proxy shows its metrics to its own node alone.
        "kubeProxy": {"enabled": False},
        "defaultRules": {
            "rules": {"kubeProxy": False, "windows": False},
            "disabled": dict.fromkeys(REPLACED, True),
        },
        "windowsMonitoring": {"enabled": False},
        "thanosRuler": {"enabled": False},
    }
    if thanos.is_wanted(cluster, MONITORING):
        assert bucket is not None
        values["extraManifests"] = [thanos.bucket(cluster, bucket, cluster.releases[MONITORING].namespace)]
    return values


def workload(release: str, pod: str) -> str:
    """The workload behind a pod of the cluster file: the operator names those that it makes after its objects."""
    if release == MONITORING and pod in ("prometheus", "alertmanager"):
        return f"{pod}-{MONITORING}-{pod}"
    return pod


def _operator(pod: Values) -> Values:
    return {
        **_place(pod),
        "fullnameOverride": "prometheus-operator",
        "resources": pod["resources"],
        # Their certificate would come from Jobs at each install and upgrade; a rule that is wrong the operator leaves
        # out and reports.
        "admissionWebhooks": {"enabled": False},
        "tls": {"enabled": False},
        "prometheusConfigReloader": {"resources": _taken(_RELOADER)},
    }


def _prometheus(cluster: Cluster, pod: Values) -> Values:
    said = cluster.releases[MONITORING].pods["prometheus"]
    has_thanos = thanos.is_wanted(cluster, MONITORING)
    values = {
        **_place(pod),
        "replicas": pod["replicas"],
        "resources": _rest("prometheus", said, _RELOADER, *((_THANOS,) if has_thanos else ())),
        "retention": RETENTION,
        # Whose alerts and metrics these are, wherever they arrive.
        "externalLabels": {"cluster": cluster.name},
        **{f"{kind}SelectorNilUsesHelmValues": False for kind in _OBJECTS},
    }
    if said.volume_gib is not None:
        values["retentionSize"] = f"{said.volume_gib * 1024 * _RETENTION_PERCENT // 100}MiB"
        values["storageSpec"] = _claim(pod)
    if has_thanos:
        values["thanos"] = thanos.sidecar(_taken(_THANOS))
    return values


def _alertmanager(cluster: Cluster, pod: Values, receivers: Receivers) -> Values:
    values = {
        **_place(pod),
        "replicas": pod["replicas"],
        "resources": _rest("alertmanager", cluster.releases[MONITORING].pods["alertmanager"], _RELOADER),
        # Else receivers would hear only of alerts from the namespace that they stand in.
        "alertmanagerConfigMatcherStrategy": {"type": "None"},
        # Mounted as files; the pod waits for a Secret that is not there.
        "secrets": [SECRET] if receivers else [],
    }
    if "storage" in pod:
        values["storage"] = _claim(pod)
    return values


def _grafana(cluster: Cluster, pod: Values) -> Values:
    namespace, host = cluster.releases[MONITORING].namespace, cluster.domain.host("grafana")
    asked = datasources(cluster, MONITORING, WATCHING)
    ini: Values = {"analytics": {"reporting_enabled": False, "check_for_updates": False}}
    values = {
        **_place(pod),
        "fullnameOverride": "grafana",
        "replicas": pod["replicas"],
        "resources": _rest("grafana", cluster.releases[MONITORING].pods["grafana"], _SIDECAR),
        # One database file, so never two of them.
        "deploymentStrategy": {"type": "Recreate"},
        "admin": {"existingSecret": CREDENTIALS, "userKey": USER_KEY, "passwordKey": PASSWORD_KEY},
        # It would run as root; the volume's group is set by the kubelet.
        "initChownData": {"enabled": False},
        "testFramework": {"enabled": False},
        # ConfigMaps of its own namespace, and no right to read any others.
        "rbac": {"namespaced": True},
        "sidecar": {
            "resources": _taken(_SIDECAR),
            "dashboards": {"searchNamespace": namespace, "resource": "configmap"},
            "datasources": {"enabled": False},
        },
        "datasources": {"datasources.yaml": {"apiVersion": 1, "datasources": asked}},
        "grafana.ini": ini,
    }
    if "storage" in pod:
        values["persistence"] = {"enabled": True, "size": pod["storage"], "accessModes": ["ReadWriteOnce"]}
    if host:
        ini["server"] = {"domain": host, "root_url": f"https://{host}"}
        ini["security"] = {"cookie_secure": True}
        # The load balancer reaches pods through the nodes' ports.
        labels = ",".join(f"{key}={value}" for key, value in sorted(pod["nodeSelector"].items()))
        annotations = {"alb.ingress.kubernetes.io/target-node-labels": labels} if labels else {}
        values["service"] = {"type": "NodePort", "port": 80, "annotations": annotations}
    return values


def _place(pod: Values) -> Values:
    return {"nodeSelector": pod["nodeSelector"], "tolerations": pod["tolerations"]}


def _claim(pod: Values) -> Values:
    """A volume of the cluster's default class for each replica."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": pod["storage"]}}}
    return {"volumeClaimTemplate": {"spec": spec}}


def _taken(part: _Part) -> Values:
    requests = {"cpu": cpu_text(part.requests.cpu), "memory": memory_text(part.requests.memory)}
    return {"requests": requests, "limits": {"memory": memory_text(part.memory_limit)}}


def _rest(name: str, pod: Pod, *parts: _Part) -> Values:
    """What the first container has, so that all together have what the cluster file says of the pod."""
    taken = Resources.total([part.requests for part in parts])
    limits = sum(part.memory_limit for part in parts)
    left = Resources(pod.requests.cpu, pod.requests.memory) - taken
    limit = pod.limits.memory - limits if pod.limits else None
    if left.cpu <= 0 or left.memory <= 0 or (limit is not None and limit < left.memory):
        raise ChartRefused(
            f"{MONITORING}: the cluster file gives {name} too little, since its "
            f"{' and '.join(part.name for part in parts)} takes {taken} of it and {memory_text(limits)} of its limit"
        )
    resources: Values = {"requests": {"cpu": cpu_text(left.cpu), "memory": memory_text(left.memory)}}
    if pod.limits and limit is not None:
        resources["limits"] = {"memory": memory_text(limit)}
        if pod.limits.cpu is not None:
            resources["limits"]["cpu"] = cpu_text(pod.limits.cpu)
    return resources
