"""The broker and the two databases."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from provisioning.monitoring.dashboards.layout import GRAPHS, Section, line
from provisioning.monitoring.dashboards.panels import SHARE, Limits, Query, graph
from provisioning.monitoring.dashboards.queries import increase, rate, top, total


def rabbitmq() -> Section:
    messages = {
        "received": "rabbitmq_global_messages_received_total",
        "delivered": "rabbitmq_global_messages_delivered_total",
        "returned": "rabbitmq_global_messages_unroutable_returned_total",
    }
    return Section(
        "RabbitMQ",
        (
            line(
                GRAPHS,
                graph(
                    "Messages that wait",
                    "Messages ready in each queue: the ten longest. Normal: near 0; dead-letter queues (….dead) empty.",
                    Query(top(10, total("rabbitmq_detailed_queue_messages_ready", "queue")), "{{queue}}"),
                    limits=Limits(warning=100, bad=1000),
                ),
                graph(
                    "Messages a second",
                    "What came in and went out. Normal: both lines alike, and none returned for want of a queue.",
                    *(Query(rate(metric), name) for name, metric in messages.items()),
                    unit=units.MessagesPerSecond,
                ),
                graph(
                    "Connections and consumers",
                    "Who is connected and who takes messages. Normal: flat; a fall means a service went away.",
                    Query(total("rabbitmq_connections"), "connections"),
                    Query(total("rabbitmq_consumers"), "consumers"),
                ),
                graph(
                    "Memory and disk of the alarm",
                    "How near the alarms are at which publishers must wait: at 100 % they do. Normal: below 80 %.",
                    Query(
                        "max(rabbitmq_process_resident_memory_bytes / rabbitmq_resident_memory_limit_bytes)", "memory"
                    ),
                    Query(
                        "max(rabbitmq_disk_space_available_limit_bytes / rabbitmq_disk_space_available_bytes)", "disk"
                    ),
                    unit=SHARE,
                    limits=Limits(warning=0.8, bad=1),
                ),
            ),
        ),
    )


def postgresql() -> Section:
    return Section(
        "PostgreSQL",
        (
            line(
                GRAPHS,
                graph(
                    "Connections",
                    "Connections by state, and the most that are allowed. Normal: below 80 % of it, hardly any idle in "
                    "transaction.",
                    Query("sum by (state) (pg_stat_activity_count)", "{{state}}"),
                    Query("max(pg_settings_max_connections)", "allowed"),
                ),
                graph(
                    "Transactions",
                    "Transactions a second that were kept and that were rolled back. Normal: few rolled back.",
                    Query(rate("pg_stat_database_xact_commit"), "kept"),
                    Query(rate("pg_stat_database_xact_rollback"), "rolled back"),
                    unit=units.OpsPerSecond,
                ),
                graph(
                    "Longest transaction and deadlocks",
                    "Age of the longest open transaction, and at the right how many deadlocks there were in an hour. "
                    "Normal: below a minute, and none.",
                    Query("max(pg_stat_activity_max_tx_duration)", "longest"),
                    Query(increase("pg_stat_database_deadlocks", over="1h"), "deadlocks", other_unit=units.Short),
                    unit=units.Seconds,
                    limits=Limits(warning=60, bad=300),
                ),
                graph(
                    "Size of the databases",
                    "Bytes of each database. Normal: grows slowly; the volumes below say what is left.",
                    Query("sum by (datname) (pg_database_size_bytes)", "{{datname}}"),
                    unit=units.BytesIEC,
                ),
            ),
        ),
    )


def redis() -> Section:
    return Section(
        "Redis",
        (
            line(
                GRAPHS,
                graph(
                    "Memory used of the limit",
                    "Share of Redis' memory that is used. Normal: below 80 %; full, it drops keys or refuses writes.",
                    Query("max(redis_memory_used_bytes / (redis_memory_max_bytes > 0))", "used"),
                    unit=SHARE,
                    limits=Limits(warning=0.8, bad=0.9),
                ),
                graph(
                    "Commands",
                    "Commands a second. Normal: follows the requests.",
                    Query(rate("redis_commands_processed_total"), "commands"),
                    unit=units.OpsPerSecond,
                ),
                graph(
                    "Dropped and refused in an hour",
                    "Keys that were dropped for want of memory, and connections that were refused. Normal: 0.",
                    Query(increase("redis_evicted_keys_total", over="1h"), "keys dropped"),
                    Query(increase("redis_rejected_connections_total", over="1h"), "connections refused"),
                    limits=Limits(bad=1),
                ),
            ),
        ),
    )
