"""``./inv deploy`` and ``./inv deploy-monitoring``: this tree's Secrets and releases to a cluster that stands."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from provisioning.deploy.images import ImagesPushed
from provisioning.deploy.present import known, present
from provisioning.deploy.results import tell
from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.monitoring import MONITORING
from provisioning.kubernetes.release_table import CHARTS, VERSION, layers
from provisioning.operations.performing import Asked, perform
from provisioning.phases.releases import Releases
from provisioning.run import AnyPhase, ExitCode, Screen, Selection
from provisioning.site import Site

# The stack of Prometheus, and what is ours to it: rules, dashboards, what is scraped.
_MONITORING = (MONITORING, f"eco2-{MONITORING}")


def deploy(
    site: Site,
    asked: Asked,
    *,
    only: Sequence[str] = (),
    version: str | None = None,
    charts: Path = CHARTS,
    screen: Screen | None = None,
) -> ExitCode:
    """``deploy``: layer after layer, waiting until pods are ready. ``only`` names releases; ``version`` is the tag of
    our images instead of the tree's."""
    words = ["./inv", "deploy"]
    words += ["--only", ",".join(only)] if only else []
    words += ["--version", version] if version else []
    use(version)
    return _deploy(site, asked, tuple(words), only, charts, screen)


def deploy_monitoring(site: Site, asked: Asked, *, charts: Path = CHARTS, screen: Screen | None = None) -> ExitCode:
    """``deploy-monitoring``: the same for the monitoring alone; the CRDs of its chart go first, new fields too."""
    there = [name for layer in layers(site.cluster) for name in layer if name in _MONITORING]
    return _deploy(site, asked, ("./inv", "deploy-monitoring"), there or _MONITORING, charts, screen)


def use(version: str | None) -> None:
    """From here on this is the tag of our images; None: what it was."""
    if version:
        os.environ[VERSION] = version


def _deploy(
    site: Site, asked: Asked, words: tuple[str, ...], only: Sequence[str], charts: Path, screen: Screen | None
) -> ExitCode:
    screen = screen or Screen()
    kubectl = Kubectl(site)
    releases = Releases(site, kubectl, Helm(site, kubectl), charts, only)

    def begin() -> tuple[list[AnyPhase], Selection]:
        chosen = known(site.cluster, only)
        present(site, kubectl)
        return [ImagesPushed(site, charts, chosen, anyway=asked.yes), releases], Selection()

    code = perform(site, words, asked, begin, screen)
    if not asked.plan:
        tell(screen, releases.results(), as_json=asked.json)
    return code
