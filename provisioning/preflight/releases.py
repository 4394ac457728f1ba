"""Checks of what Helm would install: charts that render, pods that fit, Secrets and ports that are there."""

from __future__ import annotations

from collections.abc import Iterator

from provisioning.kubernetes.components import COMPONENTS
from provisioning.kubernetes.release_table import chart_of, missing_charts
from provisioning.kubernetes.render import FITS, PLACED, REFERS, SCRAPED
from provisioning.preflight import configuration
from provisioning.preflight.check import Context, Finding, error, warning

_PENDING = "The pod would stay Pending for ever."


def charts_render(context: Context) -> Iterator[Finding]:
    missing = missing_charts(context.cluster)
    for name in missing:
        yield error(
            f"there is no chart charts/{name}",
            "Releases of the cluster file come from it.",
            "Take the whole repository: git checkout -- charts",
        )
    for name, failed in context.rendering.failures.items():
        if name in COMPONENTS or chart_of(context.cluster, name) not in missing:
            yield error(str(failed), failed.cause, failed.remedy)


def requests_fit(context: Context) -> Iterator[Finding]:
    yield from configuration.requests_fit(context)
    yield from _rendered(context, FITS, _PENDING, "Lower requests in the cluster file, or give the node a larger type")


def pods_have_places(context: Context) -> Iterator[Finding]:
    yield from configuration.pods_have_places(context)
    remedy = "Let the release's nodes in the cluster file and its chart's nodeSelector and tolerations agree"
    yield from _rendered(context, PLACED, _PENDING, remedy)


def references_exist(context: Context) -> Iterator[Finding]:
    yield from _rendered(
        context,
        REFERS,
        "The pod would wait in CreateContainerConfigError.",
        "Correct the name in the chart, or set the variable that the Secret is made from",
    )


def monitors_find_ports(context: Context) -> Iterator[Finding]:
    yield from _rendered(
        context, SCRAPED, "Prometheus would see nothing of it.", "Let the ServiceMonitor and the Service's ports agree"
    )


def _rendered(context: Context, number: int, why: str, remedy: str) -> Iterator[Finding]:
    """Charts of others may do what these checks do not understand, so what is found in them only warns."""
    for found in context.rendering.findings:
        if found.number == number:
            yield (warning if found.release in COMPONENTS else error)(found.text, why, remedy)
