"""What the product stands on: broker and databases, control plane and nodes, what is kept, and Prometheus itself."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from provisioning.cluster import Cluster
from provisioning.monitoring.dashboards.frame import board, choice
from provisioning.monitoring.dashboards.layout import FIGURES, GRAPHS, Section, line
from provisioning.monitoring.dashboards.panels import SHARE, UP, Limits, Query, graph, stat_panel
from provisioning.monitoring.dashboards.queries import increase, quantile, rate, ratio, top, total
from provisioning.monitoring.dashboards.stores import postgresql, rabbitmq, redis

NAME: Final = "infrastructure"

_NODE = 'node=~"$node"'
_FULL = Limits(warning=0.8, bad=0.9)
_HOURS, _DAYS = 3600, 86400


def infrastructure(cluster: Cluster) -> str:
    return board(
        NAME,
        "Infrastructure",
        "What the product stands on: broker, databases, control plane, nodes, volumes, certificates, backups, "
        "Prometheus.",
        [_up(), rabbitmq(), postgresql(), redis(), _control_plane(), _nodes(), _kept(), _prometheus()],
        [choice("node", "Node", "The nodes of the cluster file", [node.name for node in cluster.nodes])],
    )


def _up() -> Section:
    parts = {
        "RabbitMQ": 'max(up{job="rabbitmq"})',
        "PostgreSQL": "max(pg_up)",
        "Redis": "max(redis_up)",
        "etcd": "min(etcd_server_has_leader)",
        "API server": 'max(up{job="apiserver"})',
        "Prometheus": 'max(up{job=~".*prometheus"})',
        "Alertmanager": 'max(up{job=~".*alertmanager"})',
    }
    return Section(
        "Is it up",
        (
            line(
                FIGURES,
                stat_panel(
                    "Parts",
                    "Whether each part answers; what Prometheus does not know counts as down. Normal: all up.",
                    *(Query(f"{expression} or vector(0)", name) for name, expression in parts.items()),
                    words=UP,
                    limits=Limits(bad=1, low=True),
                    cells=True,
                ),
                stat_panel(
                    "Targets that do not answer",
                    "Targets of Prometheus that are down, by job. Normal: none.",
                    Query("count by (job) (up == 0)", "{{job}}"),
                    limits=Limits(bad=1),
                    nothing="none",
                ),
                widths=(18, 6),
            ),
        ),
    )


def _control_plane() -> Section:
    errors = ratio(rate("apiserver_request_total", 'code=~"5.."'), rate("apiserver_request_total"))
    # A watch is open for minutes, and what is slow by its nature would hide what is not.
    answered = 'verb!~"WATCH|CONNECT|WATCHLIST"'
    return Section(
        "Control plane",
        (
            line(
                GRAPHS,
                graph(
                    "API server: requests that failed",
                    "Share of the requests that were answered with a 5xx. Normal: below 1 %.",
                    Query(errors, "failed"),
                    unit=SHARE,
                    limits=Limits(warning=0.01, bad=0.05),
                ),
                graph(
                    "API server: time to answer",
                    "99 of 100 requests were faster than this, by verb. Normal: below a second.",
                    Query(quantile(0.99, "apiserver_request_duration_seconds", answered, "verb"), "{{verb}}"),
                    unit=units.Seconds,
                    limits=Limits(warning=1, bad=5),
                ),
                graph(
                    "etcd: time of its disk",
                    "99 of 100 writes to etcd's log and commits took less than this. Normal: below 10 and 25 ms.",
                    Query(quantile(0.99, "etcd_disk_wal_fsync_duration_seconds"), "log"),
                    Query(quantile(0.99, "etcd_disk_backend_commit_duration_seconds"), "commit"),
                    unit=units.Seconds,
                    limits=Limits(warning=0.025, bad=0.25),
                ),
                graph(
                    "etcd: size of its quota",
                    "Share of the quota that the database takes; full, the cluster takes no change. "
                    "Normal: below 50 %.",
                    Query("max(etcd_mvcc_db_total_size_in_bytes / etcd_server_quota_backend_bytes)", "used"),
                    unit=SHARE,
                    limits=_FULL,
                ),
            ),
        ),
    )


def _nodes() -> Section:
    disks = f'{_NODE}, fstype=~"ext[234]|xfs|btrfs"'
    network = f'{_NODE}, device!~"lo|veth.*|cali.*|vxlan.*|tunl.*"'
    memory = f"node_memory_MemAvailable_bytes{{{_NODE}}} / node_memory_MemTotal_bytes{{{_NODE}}}"
    return Section(
        "Nodes",
        (
            line(
                GRAPHS,
                graph(
                    "CPU",
                    "Share of the cores at work, by node. Normal: below 80 %.",
                    Query(
                        f'1 - avg by (node) (rate(node_cpu_seconds_total{{mode="idle", {_NODE}}}[$__rate_interval]))',
                        "{{node}}",
                    ),
                    unit=SHARE,
                    limits=_FULL,
                    most=1,
                ),
                graph(
                    "Memory",
                    "Share of the memory that is not available, by node. Normal: below 80 %.",
                    Query(f"1 - max by (node) ({memory})", "{{node}}"),
                    unit=SHARE,
                    limits=_FULL,
                    most=1,
                ),
                graph(
                    "Disks",
                    "Share of each file system that is used: the ten fullest. Normal: below 80 %.",
                    Query(
                        top(
                            10,
                            f"1 - max by (node, mountpoint) (node_filesystem_avail_bytes{{{disks}}}) "
                            f"/ max by (node, mountpoint) (node_filesystem_size_bytes{{{disks}}})",
                        ),
                        "{{node}} {{mountpoint}}",
                    ),
                    unit=SHARE,
                    limits=_FULL,
                    most=1,
                ),
                graph(
                    "Network",
                    "Bytes a second received and sent, by node. Normal: follows the scans.",
                    Query(rate("node_network_receive_bytes_total", network, "node"), "{{node}} received"),
                    Query(rate("node_network_transmit_bytes_total", network, "node"), "{{node}} sent"),
                    unit=units.BytesPerSecondIEC,
                ),
            ),
        ),
    )


def _kept() -> Section:
    volume = "namespace, persistentvolumeclaim"
    return Section(
        "Volumes, certificates, backups",
        (
            line(
                GRAPHS,
                graph(
                    "Volumes",
                    "Share of each volume that is used. Normal: below 80 %.",
                    Query(
                        f"1 - max by ({volume}) (kubelet_volume_stats_available_bytes) "
                        f"/ max by ({volume}) (kubelet_volume_stats_capacity_bytes)",
                        "{{namespace}} {{persistentvolumeclaim}}",
                    ),
                    unit=SHARE,
                    limits=_FULL,
                    most=1,
                ),
                graph(
                    "Certificates end in",
                    "Time left of the kubelets' certificates, and of those that clients of the API server show. "
                    "Normal: above 30 days.",
                    Query("min by (node) (kubelet_certificate_manager_client_ttl_seconds)", "{{node}}"),
                    Query(quantile(0.01, "apiserver_client_certificate_expiration_seconds"), "clients, the shortest"),
                    unit=units.Seconds,
                    limits=Limits(warning=30 * _DAYS, bad=7 * _DAYS, low=True),
                ),
                graph(
                    "Age of the last backup",
                    "Time since each backup in the cluster last succeeded. Normal: below 26 hours. etcd's is taken by "
                    "./inv and is not seen here.",
                    Query(
                        "time() - max by (namespace, cronjob) "
                        '(kube_cronjob_status_last_successful_time{cronjob=~".+-backup"})',
                        "{{namespace}} {{cronjob}}",
                    ),
                    unit=units.Seconds,
                    limits=Limits(warning=26 * _HOURS, bad=50 * _HOURS),
                ),
            ),
        ),
    )


def _prometheus() -> Section:
    return Section(
        "Prometheus itself",
        (
            line(
                GRAPHS,
                graph(
                    "Series in memory",
                    "What Prometheus keeps in memory grows with it. Normal: flat; a climb means labels without bounds.",
                    Query(total("prometheus_tsdb_head_series"), "series"),
                ),
                graph(
                    "Rules and messages that failed in an hour",
                    "Rules that could not be computed, alerts that were dropped, messages that did not go out. "
                    "Normal: 0.",
                    Query(increase("prometheus_rule_evaluation_failures_total", over="1h"), "rules"),
                    Query(increase("prometheus_notifications_dropped_total", over="1h"), "alerts dropped"),
                    Query(
                        increase("alertmanager_notifications_failed_total", by="integration", over="1h"),
                        "not sent: {{integration}}",
                    ),
                    limits=Limits(bad=1),
                ),
            ),
        ),
    )
