"""The workers: what they do with their tasks, their journals, and the models that they ask."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from provisioning.cluster import Cluster
from provisioning.kubernetes.own_releases import worker_releases
from provisioning.monitoring.dashboards.frame import board, choice
from provisioning.monitoring.dashboards.layout import FIGURES, GRAPHS, Section, line
from provisioning.monitoring.dashboards.model_calls import model_calls
from provisioning.monitoring.dashboards.panels import BAD, GOOD, SHARE, Limits, Query, Words, graph, stat_panel
from provisioning.monitoring.dashboards.pods import namespaces, pod_panels
from provisioning.monitoring.dashboards.queries import increase, mean, quantile, rate, series, share_of, total

NAME: Final = "worker-services"

# Of the workers that are chosen.
_HERE = 'domain=~"$domain"'
_TASK = "eco2_task_seconds"
# As they are now: a counter's first step, from nothing to 1, is seen by no rate.
_DEAD = 'rabbitmq_detailed_queue_messages_ready{queue=~".+[.]dead|tasks[.]unroutable"}'
_CONSUMING: Words = {0: ("stopped", BAD), 1: ("working", GOOD)}
_BREAKER: Words = {0: ("closed", GOOD), 1: ("open", BAD)}


def worker_services(cluster: Cluster) -> str:
    workers = worker_releases(cluster)
    return board(
        NAME,
        "Worker Services",
        "What the workers do with their tasks, their journals, and the models that they ask.",
        [
            _now(),
            _tasks(),
            _journal(),
            model_calls(),
            Section("Pods", (line(GRAPHS, *pod_panels(namespaces(cluster, workers))),)),
        ],
        [choice("domain", "Worker", "The workers of the cluster file", workers)],
    )


def _now() -> Section:
    return Section(
        "Now",
        (
            line(
                FIGURES,
                stat_panel(
                    "Taking tasks",
                    "A worker stops by itself when its journal cannot be written. Normal: working.",
                    Query(f"min by (domain) ({series('eco2_journal_consuming', _HERE)})", "{{domain}}"),
                    words=_CONSUMING,
                    limits=Limits(bad=1, low=True),
                    cells=True,
                ),
                stat_panel(
                    "Not finished",
                    "Tasks in the journals that wait or run. Normal: a few.",
                    Query(total(series("domain:eco2_journal_backlog:sum", _HERE))),
                ),
                stat_panel(
                    "Dead letters",
                    "Messages that were given up and wait for a person, in all dead-letter queues. Normal: 0.",
                    Query(total(_DEAD)),
                    limits=Limits(bad=1),
                    nothing="none",
                ),
                stat_panel(
                    "Refused by PostgreSQL",
                    "Finished rows that PostgreSQL would not take and that wait for somebody. Normal: 0.",
                    Query(total(series("eco2_journal_parked_rows", _HERE))),
                    limits=Limits(bad=1),
                ),
                stat_panel(
                    "Spent of today's budget",
                    "Won paid to the provider today, of what may be spent. "
                    "Normal: below 80 %; at 100 % the local model answers.",
                    Query(share_of("max(eco2_ai_spent_today_won)", "max(eco2_ai_budget_won)")),
                    unit=SHARE,
                    limits=Limits(warning=0.8, bad=1),
                    nothing="no budget",
                ),
                stat_panel(
                    "Provider's breaker",
                    "Open: so many calls failed that the local model answers for a while. Normal: closed.",
                    Query("max by (model) (eco2_ai_breaker_open)", "{{model}}"),
                    words=_BREAKER,
                    limits=Limits(bad=1),
                    cells=True,
                    nothing="no provider",
                ),
            ),
        ),
    )


def _tasks() -> Section:
    return Section(
        "Tasks",
        (
            line(
                GRAPHS,
                graph(
                    "Changes of state",
                    "Tasks a second that came into each state. Normal: as many completed as pending.",
                    Query(rate("eco2_journal_transitions_total", _HERE, "task_type, state"), "{{task_type}} {{state}}"),
                    unit=units.CountsPerSecond,
                ),
                graph(
                    "Time to run",
                    "Half and 95 of 100 attempts took less than this. Normal: scans below 10 seconds, others below 2.",
                    Query(quantile(0.5, _TASK, _HERE, "task_type"), "{{task_type}} 50%"),
                    Query(series("domain:eco2_task_seconds:p95_rate10m", _HERE), "{{task_type}} 95%"),
                    unit=units.Seconds,
                    limits=Limits(warning=30),
                ),
                graph(
                    "Wait for a start",
                    "95 of 100 tasks were begun within this time after the worker had them. Normal: below a second.",
                    Query(series("domain:eco2_task_queue_seconds:p95_rate10m", _HERE), "{{task_type}}"),
                    unit=units.Seconds,
                    limits=Limits(warning=30),
                ),
            ),
            line(
                GRAPHS,
                graph(
                    "Tasks that failed",
                    "Share of the tasks that ended as failed, in 15 minutes. Normal: below 1 %.",
                    Query(series("domain:eco2_task_failures:ratio_rate15m", _HERE), "{{task_type}}"),
                    unit=SHARE,
                    limits=Limits(warning=0.01, bad=0.1),
                ),
                graph(
                    "Running and not finished",
                    "Tasks that run now, and all in the journal that are not finished. "
                    "Normal: both low; only climbing is a fault.",
                    Query(total(series("eco2_tasks_in_flight", _HERE), "domain"), "{{domain}} running"),
                    Query(series("domain:eco2_journal_backlog:sum", _HERE), "{{domain}} not finished"),
                ),
                graph(
                    "Dead, recovered and repeated",
                    "Messages in dead-letter queues, tasks found unfinished at the start of the worker, and deliveries "
                    "in an hour that the journal knew. Normal: none dead; others only after a restart.",
                    Query(total(_DEAD, "queue"), "{{queue}}"),
                    # Counted once, at the start: a rate would never see it.
                    Query(total(series("eco2_journal_recovered_total", _HERE), "task_type"), "recovered {{task_type}}"),
                    Query(
                        increase("eco2_journal_deduplicated_total", _HERE, "task_type", "1h"), "repeated {{task_type}}"
                    ),
                ),
            ),
        ),
    )


def _journal() -> Section:
    def size(metric: str) -> str:
        return f"max by (domain) ({series(metric, _HERE)})"

    last_sync = series("eco2_journal_last_sync_timestamp_seconds", _HERE)
    since_sync = f"time() - min by (domain) ({last_sync} > 0)"
    return Section(
        "Journal",
        (
            line(
                GRAPHS,
                graph(
                    "Time of a commit",
                    "Half and 99 of 100 commits to the journal took less than this, the disk's confirmation included. "
                    "Normal: below 20 ms.",
                    Query(quantile(0.5, "eco2_journal_commit_seconds", _HERE, "domain"), "{{domain}} 50%"),
                    Query(series("domain:eco2_journal_commit_seconds:p99_rate10m", _HERE), "{{domain}} 99%"),
                    unit=units.Seconds,
                    limits=Limits(warning=0.1),
                ),
                graph(
                    "Steps in a commit",
                    "How many steps share one commit, in the mean. Normal: 1 when quiet, more under load.",
                    Query(mean("eco2_journal_batch_size", _HERE, "domain"), "{{domain}}"),
                ),
                graph(
                    "Not yet in PostgreSQL",
                    "Finished rows that PostgreSQL does not have yet, and those that it refused. "
                    "Normal: falls to 0 at each sync.",
                    Query(series("domain:eco2_journal_unsynced:sum", _HERE), "{{domain}} waiting"),
                    Query(total(series("eco2_journal_parked_rows", _HERE), "domain"), "{{domain}} refused"),
                ),
            ),
            line(
                GRAPHS,
                graph(
                    "Age of what is not in PostgreSQL",
                    "Age of the oldest such row, and the time since PostgreSQL last answered a sync. "
                    "Normal: below a minute.",
                    Query(series("domain:eco2_journal_oldest_unsynced_seconds:max", _HERE), "{{domain}} oldest row"),
                    Query(since_sync, "{{domain}} last sync"),
                    unit=units.Seconds,
                    limits=Limits(warning=300, bad=900),
                ),
                graph(
                    "Size of the journal",
                    "The journal's file and SQLite's write-ahead log beside it. Normal: both flat.",
                    Query(size("eco2_journal_file_bytes"), "{{domain}} journal"),
                    Query(size("eco2_journal_wal_bytes"), "{{domain}} write-ahead log"),
                    unit=units.BytesIEC,
                ),
                graph(
                    "Journal's disk",
                    "Share of the journal's volume that is used. Normal: below 80 %; when it is full the worker stops.",
                    Query(
                        f"1 - min by (domain) ({series('eco2_journal_disk_free_bytes', _HERE)}) / "
                        f"{size('eco2_journal_disk_bytes')}",
                        "{{domain}}",
                    ),
                    unit=SHARE,
                    limits=Limits(warning=0.8, bad=0.9),
                    most=1,
                ),
            ),
        ),
    )
