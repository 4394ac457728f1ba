"""Check of a cluster that stands already: whether its Kubernetes may become the one that the file asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator

from provisioning.cluster import UpgradeRefused, Version, upgrade_path
from provisioning.kubernetes import Kubectl
from provisioning.preflight.check import Context, Finding, error, warning
from provisioning.run import NotYet, RunError

_WITHIN_S = 15.0


def running_version(context: Context) -> Iterator[Finding]:
    if not context.site.kubeconfig.exists():
        return
    wanted = context.cluster.kubernetes.version
    try:
        said = Kubectl(context.site).run(context.step, "version", "-o", "json", timeout_s=_WITHIN_S)
        running = Version.parse(json.loads(said)["serverVersion"]["gitVersion"])
    except NotYet:
        return
    except (RunError, ValueError, KeyError) as failed:
        yield warning(
            f"a kubeconfig is there, and its cluster does not say its version: {str(failed).splitlines()[0]}",
            "Whether it may become the one of the cluster file was not checked.",
            "Nothing, if its machines are gone; otherwise ./inv cluster.status",
        )
        return
    try:
        path = upgrade_path(running, wanted)
    except UpgradeRefused as refused:
        yield error(
            str(refused),
            "Kubernetes permits no such step.",
            f"kubernetes.version: {running} in the cluster file",
        )
        return
    if path:
        steps = " -> ".join(str(version) for version in (running, *path))
        yield error(
            f"the cluster runs Kubernetes {running}, the cluster file wants {wanted}",
            "A rebuild changes no version under running pods.",
            f"./inv cluster.upgrade ({steps}); or kubernetes.version: {running} in the cluster file",
        )
