"""Whether what Helm would make can run: found in the rendered manifests, before there is a machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.cluster import Cluster
from provisioning.cluster.capacity import Load, allocatable, fit
from provisioning.cluster.quantities import MIB, Resources
from provisioning.kubernetes.components import COMPONENTS
from provisioning.kubernetes.manifests import Workload, mounted, references, selects, untolerated, workloads
from provisioning.kubernetes.release_table import namespace_of

Object = dict[str, Any]

# The numbers of the preflight's checks.
FITS, PLACED, REFERS, SCRAPED = 19, 20, 22, 23


@dataclass(frozen=True)
class RenderFinding:
    """One thing that would not run; ``number`` is that of the check in the preflight."""

    number: int
    release: str
    text: str


def findings(
    cluster: Cluster, manifests: Mapping[str, Sequence[Object]], secrets: Iterable[str] = ()
) -> list[RenderFinding]:
    """All findings over the rendered releases (name -> objects, as `Helm.rendered` returns them).

    ``secrets`` are those that are made beside the releases, as ``namespace/name`` (see `secrets.secrets_needed`).
    """
    made = _made(cluster, manifests)
    return [
        *_not_placed(cluster, made),
        *_scheduled(cluster, made)[1],
        *_dangling(cluster, manifests, made, set(secrets)),
        *_not_scraped(cluster, manifests),
    ]


def loads(cluster: Cluster, manifests: Mapping[str, Sequence[Object]]) -> list[Load]:
    """Each node with what would run on it: the rendered releases, and of the others what the cluster file says."""
    return _scheduled(cluster, _made(cluster, manifests))[0]


def _made(cluster: Cluster, manifests: Mapping[str, Sequence[Object]]) -> list[Workload]:
    return [
        workload
        for release, objects in manifests.items()
        for workload in workloads(release, namespace_of(cluster, release), objects)
    ]


def _not_placed(cluster: Cluster, made: Sequence[Workload]) -> Iterator[RenderFinding]:
    for workload in made:
        chosen = [node for node in cluster.nodes if selects(workload.node_selector, node)]
        kept_away = {node.name: taints for node in chosen if (taints := untolerated(workload, node))}
        selector = ", ".join(f"{key}={value}" for key, value in workload.node_selector.items()) or "any label"
        if not chosen:
            yield RenderFinding(PLACED, workload.release, f"{workload.text}: no node has {selector}")
        elif kept_away and (workload.replicas is None or len(kept_away) == len(chosen)):
            away = "; ".join(f"{node}: {', '.join(taints)}" for node, taints in kept_away.items())
            yield RenderFinding(PLACED, workload.release, f"{workload.text} does not tolerate the taints of {away}")


def _scheduled(cluster: Cluster, made: Sequence[Workload]) -> tuple[list[Load], list[RenderFinding]]:
    """Places every pod as `capacity.fit` does: what Kubernetes itself runs first, then the choosiest and largest.
    With those that find no room."""
    nodes = list(fit(cluster.nodes, cluster.kubernetes, _unrendered(cluster, made)).loads)
    left: list[RenderFinding] = []
    wanted = [(workload, _candidates(workload, nodes)) for workload in made]
    for workload, candidates in wanted:
        if workload.replicas is None:
            for load in candidates:
                left += _placed(workload, [load], cluster)
    chosen = [(workload, candidates) for workload, candidates in wanted if workload.replicas is not None]
    chosen.sort(key=lambda item: (len(item[1]), -item[0].requests.memory, -item[0].requests.cpu, item[0].name))
    for workload, candidates in chosen:
        for _ in range(workload.replicas or 0):
            left += _placed(workload, candidates, cluster)
    return nodes, left


def _unrendered(cluster: Cluster, made: Sequence[Workload]) -> dict[str, Any]:
    """Of the cluster file, the pods that no manifest makes (an operator does): they want their room too."""
    names = {workload.name for workload in made}
    left = {
        name: release.model_copy(update={"pods": {pod: said for pod, said in release.pods.items() if pod not in names}})
        for name, release in cluster.releases.items()
    }
    return {name: release for name, release in left.items() if release.pods}


def _candidates(workload: Workload, loads: Sequence[Load]) -> list[Load]:
    return [
        load for load in loads if selects(workload.node_selector, load.node) and not untolerated(workload, load.node)
    ]


def _placed(workload: Workload, candidates: Sequence[Load], cluster: Cluster) -> Iterator[RenderFinding]:
    requests = workload.requests
    fitting = [load for load in candidates if load.free.holds(requests)]
    if fitting:
        emptiest = min(fitting, key=lambda load: (load.pods.get(workload.name, 0), -load.free.memory, -load.free.cpu))
        emptiest.put(workload.name, requests)
    elif candidates:
        best = max(candidates, key=lambda load: (load.free.memory, load.free.cpu))
        room = allocatable(best.node, cluster.kubernetes)
        text = f"{workload.text} wants {_text(requests)}; {best.node.name} has {_text(best.free)} left of {_text(room)}"
        yield RenderFinding(FITS, workload.release, text)


def _text(resources: Resources) -> str:
    return f"{resources.cpu}m CPU and {resources.memory // MIB}Mi"


def _dangling(
    cluster: Cluster, manifests: Mapping[str, Sequence[Object]], made: Sequence[Workload], secrets: set[str]
) -> Iterator[RenderFinding]:
    there = {("Secret", *secret.split("/", 1)) for secret in secrets}
    there |= {
        (each["kind"], each["metadata"].get("namespace", namespace_of(cluster, release)), each["metadata"]["name"])
        for release, objects in manifests.items()
        for each in objects
        if each["kind"] in ("Secret", "ConfigMap")
    }
    for workload in made:
        for kind, name in dict.fromkeys(references(workload)):
            if (kind, workload.namespace, name) not in there:
                text = f"{workload.text} wants the {kind} {name}, which nobody makes in {workload.namespace}"
                yield RenderFinding(REFERS, workload.release, text)
    for release, objects in manifests.items():
        for each in objects:
            namespace = each["metadata"].get("namespace", namespace_of(cluster, release))
            for name in mounted(each):
                if ("Secret", namespace, name) not in there:
                    which = f"{release}: {each['kind']} {namespace}/{each['metadata']['name']}"
                    text = f"{which} wants the Secret {name}, which nobody makes in {namespace}"
                    yield RenderFinding(REFERS, release, text)


def _not_scraped(cluster: Cluster, manifests: Mapping[str, Sequence[Object]]) -> Iterator[RenderFinding]:
    """Each ServiceMonitor of ours finds a Service, with a port of each name that it scrapes.

    Those of the components also watch Services that Kubernetes and operators make.
    """
    placed = [
        (release, each["metadata"].get("namespace", namespace_of(cluster, release)), each)
        for release, objects in manifests.items()
        for each in objects
    ]
    services = [(namespace, each) for _, namespace, each in placed if each["kind"] == "Service"]
    for release, namespace, monitor in placed:
        if monitor["kind"] != "ServiceMonitor" or release in COMPONENTS:
            continue
        spec, name = monitor["spec"], f"ServiceMonitor {namespace}/{monitor['metadata']['name']}"
        chosen = [each for where, each in services if _is_chosen(spec, namespace, where, each)]
        if not chosen:
            yield RenderFinding(SCRAPED, release, f"{release}: {name} finds no Service")
            continue
        ports = {port.get("name") for service in chosen for port in service["spec"].get("ports", [])}
        for endpoint in spec.get("endpoints", []):
            if "port" in endpoint and endpoint["port"] not in ports:
                has = ", ".join(sorted(filter(None, ports))) or "no named port"
                text = f"{release}: {name} scrapes the port {endpoint['port']}; its Services have {has}"
                yield RenderFinding(SCRAPED, release, text)


def _is_chosen(spec: Object, own: str, where: str, service: Object) -> bool:
    namespaces = spec.get("namespaceSelector") or {}
    selector = spec.get("selector") or {}
    labels = service["metadata"].get("labels") or {}
    is_there = namespaces.get("any") or where in (namespaces.get("matchNames") or [own])
    is_one_of = all(
        labels.get(each["key"]) in each["values"]
        for each in selector.get("matchExpressions") or []
        if each["operator"] == "In"
    )
    return bool(is_there) and is_one_of and (selector.get("matchLabels") or {}).items() <= labels.items()
