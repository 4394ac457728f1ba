"""Checks of the cluster file and of what Kubernetes says about its versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from provisioning.cluster import examples_left, matrix
from provisioning.cluster.capacity import fit
from provisioning.cluster.placement import tolerations
from provisioning.cluster.versions import mismatches
from provisioning.preflight.check import Context, Finding, error, warning

_EDIT = "Edit it in the cluster file, then ./inv cluster.check"


def no_examples(context: Context) -> Iterator[Finding]:
    for path in examples_left(context.cluster):
        yield error(
            f"{path} is still the example of the cluster file",
            "That address belongs to nobody, so nobody could reach the machines.",
            "Put your own address there: curl https://checkip.amazonaws.com, with /32 after it",
        )


def kubernetes_version(context: Context) -> Iterator[Finding]:
    version = context.cluster.kubernetes.version
    for mismatch in mismatches(version):
        yield error(mismatch, "Its makers do not say that these go together.", _EDIT)
    end = matrix().minors[version.line].end_of_life
    if end < date.today():
        yield warning(
            f"Kubernetes {version.line} gets no more fixes since {end}",
            "Holes that are found in it stay open.",
            "Choose a newer kubernetes.version in the cluster file, or go on knowingly",
        )


def requests_fit(context: Context) -> Iterator[Finding]:
    for shortage in fit(context.cluster.nodes, context.cluster.kubernetes, context.cluster.releases).shortages:
        yield error(
            shortage.message,
            "The pod would stay Pending for ever.",
            "Lower the requests in the cluster file or give the node a larger type, then ./inv cluster.check",
        )


def pods_have_places(context: Context) -> Iterator[Finding]:
    """By the cluster file; what the charts make of it is looked at once they are rendered."""
    for name, release in context.cluster.releases.items():
        for pod_name, pod in release.pods.items():
            nodes = [node for node in context.cluster.nodes if node.matches(pod.nodes)]
            if not nodes:
                yield error(f"no node has the labels of {name}/{pod_name}", "It would stay Pending for ever.", _EDIT)
            given = tolerations(context.cluster, pod)
            if given == [{"operator": "Exists"}]:
                continue
            for node in nodes:
                missing = [taint for taint in node.taints if taint.toleration() not in given]
                if missing:
                    yield error(
                        f"{name}/{pod_name} does not tolerate {missing[0]} of {node.name}",
                        "It would stay Pending for ever.",
                        _EDIT,
                    )
