"""How the services call each other, and the pools and caches that their work goes through."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from provisioning.monitoring.dashboards.layout import GRAPHS, Section, line
from provisioning.monitoring.dashboards.panels import SHARE, Limits, Query, graph
from provisioning.monitoring.dashboards.queries import mean, quantile, rate, ratio, series, share_of, top, total

# Of the domains that are chosen.
_HERE: Final = 'domain=~"$domain"'
_RPC: Final = "eco2_rpc_request_seconds"
_CALLS: Final = "eco2_call_seconds"
_FULL: Final = Limits(warning=0.8, bad=1)


def calls() -> Section:
    callee = f'{_HERE}, kind="rpc"'
    return Section(
        "Calls between services",
        (
            line(
                GRAPHS,
                graph(
                    "Calls that did not come back well",
                    "RPCs a second at the caller, by the called service and what became of them. Normal: none; "
                    "problem is an expected refusal.",
                    Query(
                        rate(f"{_RPC}_count", f'{_HERE}, outcome!="ok"', "service, outcome"), "{{service}} {{outcome}}"
                    ),
                    unit=units.CountsPerSecond,
                ),
                graph(
                    "Time at the caller",
                    "95 of 100 RPCs came back within this time, waiting included: the ten slowest. "
                    "Normal: below half a second.",
                    Query(top(10, quantile(0.95, _RPC, _HERE, "service, method")), "{{service}}.{{method}}"),
                    unit=units.Seconds,
                    limits=Limits(warning=0.5),
                ),
                graph(
                    "Time at the callee",
                    "95 of 100 RPCs took this time at work, without waiting: the ten slowest. "
                    "Normal: near the time at the caller; much less means that calls wait.",
                    Query(top(10, quantile(0.95, _CALLS, callee, "service, method")), "{{service}}.{{method}}"),
                    unit=units.Seconds,
                    limits=Limits(warning=0.5),
                ),
            ),
            line(
                GRAPHS,
                graph(
                    "Wait in the queue",
                    "95 of 100 messages were begun within this time after they were sent. Normal: some milliseconds.",
                    Query(quantile(0.95, "eco2_call_queue_seconds", _HERE, "service, kind"), "{{service}} {{kind}}"),
                    unit=units.Seconds,
                    limits=Limits(warning=0.1, bad=1),
                ),
                graph(
                    "Workers busy of the limit",
                    "Share of each service's workers that are busy. Normal: below 80 %; at 100 % calls wait.",
                    Query(
                        share_of(
                            total(series("eco2_workers_busy", _HERE), "service"),
                            total(series("eco2_workers_limit", _HERE), "service"),
                        ),
                        "{{service}}",
                    ),
                    unit=SHARE,
                    limits=_FULL,
                ),
                graph(
                    "Calls that raised an error",
                    "Calls, events and timers a second that ended otherwise than ok, by service and error. "
                    "Normal: only expected ones, such as what was not found.",
                    Query(
                        top(10, rate(f"{_CALLS}_count", f'{_HERE}, outcome!="ok"', "service, outcome")),
                        "{{service}} {{outcome}}",
                    ),
                    unit=units.CountsPerSecond,
                ),
            ),
        ),
    )


def pools() -> Section:
    def used(kind: str) -> str:
        in_use = total(series(f"eco2_{kind}_connections", f'{_HERE}, state="in_use"'), "domain, job")
        return share_of(in_use, total(series(f"eco2_{kind}_connections_limit", _HERE), "domain, job"))

    hits = rate("eco2_cache_requests_total", f'{_HERE}, outcome="hit"', "cache")
    return Section(
        "Pools and caches",
        (
            line(
                GRAPHS,
                graph(
                    "Connections in use of the limit",
                    "Share of each pool of connections that is in use. Normal: below 80 %; at 100 % calls wait.",
                    Query(used("database"), "{{domain}} PostgreSQL ({{job}})"),
                    Query(used("redis"), "{{domain}} Redis ({{job}})"),
                    unit=SHARE,
                    limits=_FULL,
                ),
                graph(
                    "Wait for a database connection",
                    "Mean time until a connection was free. Normal: near 0.",
                    Query(mean("eco2_database_wait_seconds", _HERE, "domain"), "{{domain}}"),
                    unit=units.Seconds,
                    limits=Limits(warning=0.01, bad=0.1),
                ),
                graph(
                    "Found in a cache",
                    "Share of what was looked up in each cache that was there. "
                    "Normal: steady; a fall means more work behind.",
                    Query(ratio(hits, rate("eco2_cache_requests_total", _HERE, "cache")), "{{cache}}"),
                    unit=SHARE,
                    most=1,
                ),
                graph(
                    "Memory for photos",
                    "Share of the memory set aside for photos that is taken. "
                    "Normal: below 80 %; at 100 % uploads are refused.",
                    Query(
                        share_of(
                            total(series("eco2_photo_memory_bytes", _HERE), "domain"),
                            total(series("eco2_photo_memory_limit_bytes", _HERE), "domain"),
                        ),
                        "{{domain}}",
                    ),
                    unit=SHARE,
                    limits=_FULL,
                ),
            ),
        ),
    )
