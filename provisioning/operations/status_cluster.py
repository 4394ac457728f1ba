"""What the API tells of a cluster's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from provisioning.cluster import matrix
from provisioning.kubernetes import Helm, Kubectl, Status
from provisioning.kubernetes.components import COMPONENTS, component
from provisioning.kubernetes.reasons import not_ready
from provisioning.kubernetes.release_table import missing_charts, own_releases, release
from provisioning.operations.api import api_version
from provisioning.operations.backups import age
from provisioning.operations.nodes import node_states
from provisioning.phases.verify import Verify
from provisioning.run import RunError, Step
from provisioning.site import Site


@dataclass(frozen=True)
class Reading:
    """What was read: for programs, for people, and what of it is not well."""

    facts: Any
    lines: Sequence[str] = ()
    problems: Sequence[str] = ()


def api(kubectl: Kubectl, step: Step) -> Reading:
    """The API server's own checks, etcd's among them."""
    try:
        said = kubectl.run(step, "get", "--raw", "/readyz?verbose", timeout_s=15)
    except RunError as error:
        return Reading({"ready": False}, problems=[str(error)])
    failed = [line for line in said.splitlines() if line.startswith("[-]")]
    return Reading({"ready": not failed}, problems=failed)


def nodes(site: Site, kubectl: Kubectl, step: Step) -> Reading:
    """Each node of the file and each of the API."""
    found, machines, now = node_states(kubectl, step), site.machines(), datetime.now(UTC)
    rows, lines, problems = [], [], []
    for name in dict.fromkeys([*site.nodes, *found]):
        state = found.get(name)
        role = site.cluster.node(name).role if name in site.nodes else "unknown"
        if state is None:
            problems.append(f"{name} has not joined")
            continue
        right = name in machines and state.provider_id == machines[name].provider_id
        since = age(now - datetime.fromisoformat(state.created)) if state.created else "?"
        rows.append(
            {
                "name": name,
                "role": role,
                "ready": state.ready,
                "schedulable": state.schedulable,
                "cordoned_by": state.cordoned_by,
                "version": str(state.version),
                "provider_id": state.provider_id,
                "provider_id_right": right,
                "created": state.created,
            }
        )
        word = "Ready" if state.ready else "NotReady"
        lines.append(f"{name:24} {role:14} {word:9} {state.version!s:9} {since}")
        problems += [f"{name} is not Ready"] if not state.ready else []
        problems += (
            [f"{name} takes no pods ({state.cordoned_by or 'cordoned by hand'})"] if not state.schedulable else []
        )
        problems += [f"{name} is not the machine that Terraform made"] if not right else []
    return Reading(rows, lines, problems)


def pods(kubectl: Kubectl, step: Step) -> Reading:
    """The pods that do not run, each with its reason."""
    all_pods = kubectl.items(step, "pods", all_namespaces=True)
    wrong = not_ready(all_pods, kubectl.items(step, "events", all_namespaces=True))
    return Reading({"pods": len(all_pods), "not_running": list(wrong)}, [f"{len(all_pods)} pods"], list(wrong))


def versions(site: Site, kubectl: Kubectl, step: Step) -> Reading:
    """What runs, against the cluster file and the version matrix."""
    running, wanted = api_version(kubectl, step), site.cluster.kubernetes.version
    facts: dict[str, Any] = {"running": str(running), "cluster_file": str(wanted), "end_of_life": None}
    problems = []
    if running != wanted:
        problems.append(f"Kubernetes {running} runs, the file says {wanted} (./inv cluster.upgrade --to {wanted})")
    lines = [f"Kubernetes {running}"]
    if (minor := matrix().minors.get(running.line)) is not None:
        days = (minor.end_of_life - datetime.now(UTC).date()).days
        facts["end_of_life"] = minor.end_of_life.isoformat()
        # Said, not counted as a problem: the cluster runs as well as the day before.
        lines.append(f"{running.line} {'is' if days >= 0 else 'was'} supported until {minor.end_of_life}")
    else:
        problems.append(f"Kubernetes {running.line} is not in the version matrix")
    return Reading(facts, lines, problems)


def releases(site: Site, helm: Helm, step: Step) -> Reading:
    """Helm's releases: those of the cluster file, against what they should be. One without a chart is named."""
    cluster = site.cluster
    specs = [component(site, name) for name in COMPONENTS if name in cluster.releases]
    has_own = any(name not in COMPONENTS for name in cluster.releases)
    missing = missing_charts(cluster) if has_own else []
    if has_own and not missing:
        specs += [release(site, name) for name in own_releases(cluster)]
    states = helm.states(step, specs)
    rows, lines = [], []
    problems = [f"there is no chart {name}" for name in missing]
    for spec in specs:
        state = states[spec.name]
        rows.append(
            {
                "name": spec.name,
                "namespace": spec.namespace,
                "status": state.status,
                "chart": state.chart,
                "wanted": spec.chart_text,
                "revision": state.revision,
            }
        )
        lines.append(f"{spec.name:32} {state.status:9} {state.chart or '-'}")
        if state.status is not Status.DEPLOYED:
            problems.append(f"{spec.name} is {state.said or state.status}")
        elif state.chart != spec.chart_text:
            problems.append(f"{spec.name} is {state.chart}, {spec.chart_text} is wanted")
    return Reading(rows, lines, problems)


def load_balancer(kubectl: Kubectl, step: Step) -> Reading:
    """Where the world comes in: the host names of every Ingress and every Service of the kind LoadBalancer."""
    found = {}
    problems = []
    things = [
        *kubectl.items(step, "ingresses", all_namespaces=True),
        *(
            each
            for each in kubectl.items(step, "services", all_namespaces=True)
            if each["spec"].get("type") == "LoadBalancer"
        ),
    ]
    for thing in things:
        name = f"{thing['metadata']['namespace']}/{thing['metadata']['name']}"
        balancers = thing.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        hosts = [each["hostname"] for each in balancers if each.get("hostname")]
        found[name] = hosts
        problems += [] if hosts else [f"{name} has no load balancer yet"]
    names = sorted({host for hosts in found.values() for host in hosts})
    return Reading(found, names or ["none"], problems)


def drift(verify: Verify, step: Step) -> Reading:
    """Every difference from the cluster file."""
    problems = [problem.text for problem in verify.facts(step)]
    return Reading({"differences": problems}, problems=problems)
