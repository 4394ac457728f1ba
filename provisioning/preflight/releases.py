"""Checks of what Helm would install: charts that render, pods that fit, Secrets and ports that are there, and somebody
who hears of alerts."""

from __future__ import annotations

import os
from collections.abc import Iterator

from provisioning.cluster.capacity import Load
from provisioning.cluster.quantities import MIB
from provisioning.kubernetes import Kubectl
from provisioning.kubernetes.components import COMPONENTS
from provisioning.kubernetes.monitoring import MONITORING
from provisioning.kubernetes.own_releases import worker_releases
from provisioning.kubernetes.release_table import chart_of, image_tag, missing_charts
from provisioning.kubernetes.render import FITS, PLACED, REFERS, SCRAPED
from provisioning.monitoring.receivers import EMAIL_TO, SECRET, SLACK, SMTP, Receivers
from provisioning.preflight import configuration
from provisioning.preflight.check import Context, Finding, error, note, warning
from provisioning.preflight.registry import answer, findings
from provisioning.run import RunError
from provisioning.run.redaction import SHORTEST_SECRET

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
    yield note("\n".join(["reserved, of what each node has for pods:", *map(_figures, context.rendering.loads)]))


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


def images_are_there(context: Context) -> Iterator[Finding]:
    """Ours: that of the services, and where there are workers theirs."""
    registry = context.cluster.registry
    images = [registry.image, *([registry.workers_image] if worker_releases(context.cluster) else [])]
    for image in images:
        yield from findings(answer(context.site, image, image_tag()))


def alerts_reach_somebody(context: Context) -> Iterator[Finding]:
    """Raises `ReceiversRefused` for what is given wrongly."""
    given = Receivers.given(os.environ)
    for secret in given.secrets:
        if len(secret.strip()) >= SHORTEST_SECRET:
            context.site.redactor.register(secret)
    if MONITORING in context.cluster.releases and not given and not _given_before(context):
        yield warning(
            "nobody hears of alerts: neither Slack nor e-mail is given",
            "They show in Alertmanager and Grafana alone.",
            f"export {SLACK}=https://hooks.slack.com/services/…, or {SMTP} and {EMAIL_TO}",
        )


def _given_before(context: Context) -> bool:
    """Whether the cluster keeps what an earlier run was given; not, where there is none or it does not say."""
    namespace = context.cluster.releases[MONITORING].namespace
    try:
        return context.site.kubeconfig.exists() and Kubectl(context.site).exists(
            context.step, "secret", SECRET, namespace=namespace
        )
    except RunError:
        return False


def _figures(load: Load) -> str:
    taken, room = load.requested, load.allocatable
    return (
        f"{load.node.name}: {taken.cpu}m of {room.cpu}m CPU, {taken.memory // MIB} of {room.memory // MIB} Mi, "
        f"{taken.pods} of {room.pods} pods"
    )


def _rendered(context: Context, number: int, why: str, remedy: str) -> Iterator[Finding]:
    """Charts of others may do what these checks do not understand, so what is found in them only warns."""
    for found in context.rendering.findings:
        if found.number == number:
            yield (warning if found.release in COMPONENTS else error)(found.text, why, remedy)
