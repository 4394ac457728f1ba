"""Whether there is a cluster to speak to, found out before anything else, and in one line when there is none."""

from __future__ import annotations

from collections.abc import Sequence

from provisioning.cluster import Cluster
from provisioning.deploy.errors import NoCluster
from provisioning.kubernetes import Kubectl
from provisioning.kubernetes.errors import ApiUnreachable
from provisioning.kubernetes.release_table import layers
from provisioning.operations.looking import look
from provisioning.run import NotYet
from provisioning.run.errors import SelectionError, StepTimeout
from provisioning.site import Site

_WITHIN_S = 45.0


def present(site: Site, kubectl: Kubectl) -> None:
    """Raises `NoCluster` before a cluster was made, `ApiUnreachable` when its API server stays silent for 45 s."""
    if not site.kubeconfig.exists():
        raise NoCluster(f"there is no cluster {site.cluster.name}: {site.kubeconfig} does not exist")
    try:
        site.outputs()
    except NotYet as error:
        raise NoCluster(f"there is no cluster {site.cluster.name}: {error}") from error
    step = look(site, "API server", timeout_s=_WITHIN_S)
    try:
        kubectl.repeated(step, "get", "--raw", "/readyz")
    except (ApiUnreachable, StepTimeout) as error:
        [*_, said] = str(error).splitlines()
        raise ApiUnreachable(f"the API server of {site.cluster.name} does not answer: {said}") from error


def known(cluster: Cluster, names: Sequence[str]) -> tuple[str, ...]:
    """These releases. Raises `SelectionError` for a name that is none."""
    every = [name for layer in layers(cluster) for name in layer]
    if unknown := [name for name in names if name not in every]:
        raise SelectionError(f"there is no release {', '.join(unknown)}; there are {', '.join(every)}")
    return tuple(names)
