"""The first page to open: is every node there, does anything burn, is work being done."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import units

from provisioning.cluster import Cluster
from provisioning.monitoring.dashboards.frame import board, uid
from provisioning.monitoring.dashboards.layout import FIGURES, GRAPHS, Section, line
from provisioning.monitoring.dashboards.panels import READY, SHARE, UP, Limits, Query, graph, stat_panel
from provisioning.monitoring.dashboards.queries import rate, total
from provisioning.monitoring.dashboards.tables import Column, table_panel

NAME: Final = "overview"

_READY = 'max by (node) (kube_node_status_condition{condition="Ready", status="true"})'
_PRESENT = f"(eco2:node_expected * on (node) group_left () {_READY})"
# Both always or never fire and say nothing about the cluster.
_FIRING = 'alertstate="firing", alertname!~"Watchdog|InfoInhibitor"'
# Recorded by the rules of charts/monitoring, without probes.
_REQUESTS = "domain:eco2_http_requests:rate5m"
_ERRORS = "domain:eco2_http_errors:ratio_rate5m"

_CPU = '1 - avg by (node) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))'
_MEMORY = "1 - max by (node) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)"
_DISK = (
    '1 - max by (node) (node_filesystem_avail_bytes{mountpoint="/"}) '
    '/ max by (node) (node_filesystem_size_bytes{mountpoint="/"})'
)
_PODS = (
    'count by (node) (kube_pod_info * on (namespace, pod) group_left () (kube_pod_status_phase{phase="Running"} == 1))'
)

_WORTH_A_LOOK = Limits(warning=0.8, bad=0.9)


def overview(cluster: Cluster) -> str:
    return board(
        NAME,
        f"{len(cluster.nodes)}-Node Overview",
        "Is every node there, does anything burn, is work being done.",
        [_now(), _nodes(cluster), _work(), _over_time(), _runs()],
    )


def _now() -> Section:
    errors = f"sum({_ERRORS} * {_REQUESTS}) / (sum({_REQUESTS}) > 0)"
    return Section(
        "Now",
        (
            line(
                FIGURES,
                stat_panel(
                    "Nodes ready",
                    "Nodes that Kubernetes calls Ready, of those in the cluster file. Normal: both figures are equal.",
                    Query(f"sum({_PRESENT}) or vector(0)", "ready"),
                    Query("sum(eco2:node_expected)", "expected"),
                ),
                stat_panel(
                    "Nodes missing",
                    "Nodes of the cluster file that are not there or not Ready. Normal: 0.",
                    Query(f"sum(eco2:node_expected) - (sum({_PRESENT}) or vector(0))"),
                    limits=Limits(bad=1),
                ),
                stat_panel(
                    "Alerts",
                    "Alerts that fire now, by severity; the list is below. Normal: none.",
                    Query(f'count(ALERTS{{{_FIRING}, severity="critical"}}) or vector(0)', "critical"),
                    Query(f'count(ALERTS{{{_FIRING}, severity="warning"}}) or vector(0)', "warning"),
                    limits=Limits(bad=1),
                ),
                stat_panel(
                    "Requests",
                    "HTTP requests a second at all gateways. Normal: as much as at this time of the day before.",
                    Query(total(_REQUESTS)),
                    unit=units.RequestsPerSecond,
                    decimals=1,
                ),
                stat_panel(
                    "Requests that failed",
                    "Share of the requests that were answered with a 5xx. Normal: below 0.5 %.",
                    Query(errors),
                    unit=SHARE,
                    limits=Limits(warning=0.005, bad=0.05),
                    decimals=2,
                    nothing="no traffic",
                ),
                stat_panel(
                    "Scans a minute",
                    "Scans that ended, completed or failed. Normal: above 0 during the day.",
                    Query(f"60 * {rate('eco2_scans_total')}"),
                    decimals=1,
                ),
            ),
        ),
    )


def _nodes(cluster: Cluster) -> Section:
    cell = f"({_file_nodes(cluster)}) * on (node) group_left () {_READY}"
    rows = len(cluster.nodes)
    return Section(
        "Nodes and alerts",
        (
            line(
                # Five cells side by side are readable.
                max(GRAPHS, 3 * -(-rows // 5)),
                stat_panel(
                    "Each node",
                    "One cell for each node of the cluster file. Normal: all are green.",
                    Query(f"{cell} or 0 * ({_file_nodes(cluster)})", "{{node}}"),
                    words=READY,
                    limits=Limits(bad=1, low=True),
                    cells=True,
                ),
                table_panel(
                    "Alerts that fire",
                    "All alerts that fire now; each of ours has a page of its name under docs/runbooks. Normal: none.",
                    f"sum by (severity, alertname, domain, node) (ALERTS{{{_FIRING}}})",
                    {"severity": "Severity", "alertname": "Alert", "domain": "Domain", "node": "Node"},
                    nothing="no alert fires",
                ),
                widths=(14, 10),
            ),
            line(
                # A row of the table is 36 pixels high, a unit of the grid 38 with its gap; the rest is heading.
                rows + 3,
                table_panel(
                    "What each node has left",
                    "One row for each node of the cluster file, with what it uses of what it has. "
                    "Normal: Ready and below 80 %.",
                    _file_nodes(cluster),
                    {"node": "Node", "role": "Role", "zone": "Zone"},
                    Column("Ready", _READY, words=READY),
                    Column("Exporter", 'max by (node) (up{job="node-exporter"})', words=UP),
                    Column("CPU", _CPU, SHARE, _WORTH_A_LOOK),
                    Column("Memory", _MEMORY, SHARE, _WORTH_A_LOOK),
                    Column("Disk", _DISK, SHARE, _WORTH_A_LOOK),
                    Column("Pods", _PODS),
                    Column(
                        "Pods of limit",
                        f'{_PODS} / max by (node) (kube_node_status_allocatable{{resource="pods"}})',
                        SHARE,
                        _WORTH_A_LOOK,
                    ),
                    links={"Node": f"/d/{uid('infrastructure')}?var-node=${{__value.text}}"},
                ),
            ),
        ),
    )


def _work() -> Section:
    return Section(
        "Work",
        (
            line(
                GRAPHS,
                graph(
                    "Requests by domain",
                    "HTTP requests a second at each domain's gateways. Normal: no domain falls to 0 while others work.",
                    Query(_REQUESTS, "{{domain}}"),
                    unit=units.RequestsPerSecond,
                    stacked=True,
                ),
                graph(
                    "Slow requests by domain",
                    "95 of 100 requests were faster than this. Normal: below a second.",
                    Query("domain:eco2_http_request_seconds:p95_rate5m", "{{domain}}"),
                    unit=units.Seconds,
                    limits=Limits(warning=1),
                ),
                graph(
                    "Scans a minute by state",
                    "Scans that ended, by how. Normal: hardly any failed.",
                    Query(f"60 * {rate('eco2_scans_total', by='state')}", "{{state}}"),
                    stacked=True,
                ),
                graph(
                    "Tasks that wait or run",
                    "Tasks in each worker's journal that are not finished. "
                    "Normal: a few; a line that only climbs is a fault.",
                    Query("domain:eco2_journal_backlog:sum", "{{domain}}"),
                ),
            ),
        ),
    )


def _over_time() -> Section:
    panels: list[models.Panel] = [
        graph(title, about, Query(expression, "{{node}}"), unit=SHARE, limits=_WORTH_A_LOOK, most=1)
        for title, about, expression in (
            ("CPU by node", "Share of the cores at work. Normal: below 80 %; workers may be higher for minutes.", _CPU),
            ("Memory by node", "Share of the memory that is not available. Normal: below 80 %.", _MEMORY),
            ("Disk by node", "Share of the root disk that is used. Normal: below 80 % and flat.", _DISK),
        )
    ]
    return Section("Nodes over time", (line(GRAPHS, *panels),))


def _runs() -> Section:
    return Section(
        "What runs",
        (
            line(
                GRAPHS,
                table_panel(
                    "Nodes by role",
                    "How many of each role the cluster file names, and how many are Ready. Normal: equal.",
                    "sum by (role) (eco2:node_expected)",
                    {"role": "Role"},
                    Column("Expected", "sum by (role) (eco2:node_expected)"),
                    Column("Ready", f"sum by (role) ({_PRESENT})"),
                ),
                table_panel(
                    "Versions that run",
                    "Processes of each version. Normal: one version; two while a release is being rolled out.",
                    "sum by (version, commit) (eco2_build_info)",
                    {"version": "Version", "commit": "Commit"},
                    Column("Processes", "count by (version, commit) (eco2_build_info)"),
                ),
            ),
        ),
    )


def _file_nodes(cluster: Cluster) -> str:
    """One series of 1 for each node of the cluster file, whether Prometheus knows of it or not."""
    labelled = []
    for node in cluster.nodes:
        one = "vector(1)"
        for label, value in (("node", node.name), ("role", node.role), ("zone", node.zone)):
            one = f'label_replace({one}, "{label}", "{value}", "", "")'
        labelled.append(one)
    return " or ".join(labelled)
