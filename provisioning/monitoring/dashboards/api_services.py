"""The services behind the API: what comes in, how it goes, and which limit is near."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from provisioning.cluster import Cluster
from provisioning.kubernetes.own_releases import api_releases
from provisioning.monitoring.dashboards.frame import board, choice
from provisioning.monitoring.dashboards.layout import GRAPHS, Section, line
from provisioning.monitoring.dashboards.panels import SHARE, Limits, Query, graph
from provisioning.monitoring.dashboards.pods import namespaces, pod_panels
from provisioning.monitoring.dashboards.queries import NO_PROBES, quantile, rate, ratio, series, share_of, total
from provisioning.monitoring.dashboards.service_calls import calls, pools
from provisioning.monitoring.dashboards.tables import Column, table_panel

NAME: Final = "api-services"

# Of the domains that are chosen.
_HERE = 'domain=~"$domain"'
_USERS = f"{_HERE}, {NO_PROBES}"
_HTTP = "eco2_http_request_seconds"
_FULL = Limits(warning=0.8, bad=1)
_A_SECOND = Limits(warning=1)

# As in charts/monitoring/files/rules/slo.yaml: the share of the requests that may fail, or take over a second.
_AVAILABILITY_ROOM = 0.005
_LATENCY_ROOM = 0.05
# From which factors on somebody is told, and woken.
_BURN = Limits(warning=6, bad=14.4)


def api_services(cluster: Cluster) -> str:
    domains = api_releases(cluster)
    return board(
        NAME,
        "API Services",
        "What comes in at each domain, how it goes, and which limit is near.",
        [
            _requests(),
            _objectives(),
            _edge(),
            calls(),
            pools(),
            Section("Pods", (line(GRAPHS, *pod_panels(namespaces(cluster, domains))),)),
        ],
        [choice("domain", "Domain", "The domains of the cluster file", domains)],
    )


def _requests() -> Section:
    routes = "domain, method, route"
    return Section(
        "Requests",
        (
            line(
                GRAPHS,
                graph(
                    "Requests",
                    "HTTP requests a second by domain. Normal: as much as at this time of the day before.",
                    Query(series("domain:eco2_http_requests:rate5m", _HERE), "{{domain}}"),
                    unit=units.RequestsPerSecond,
                    stacked=True,
                ),
                graph(
                    "Requests that failed",
                    "Share of the requests that were answered with a 5xx. Normal: below 0.5 %.",
                    Query(series("domain:eco2_http_errors:ratio_rate5m", _HERE), "{{domain}}"),
                    unit=SHARE,
                    limits=Limits(warning=0.005, bad=0.05),
                ),
                graph(
                    "Answers by status",
                    "Requests a second by the class of their status. Normal: mostly 2xx; many 4xx mean a client errs.",
                    Query(rate(f"{_HTTP}_count", _USERS, "status"), "{{status}}"),
                    unit=units.RequestsPerSecond,
                    stacked=True,
                ),
                graph(
                    "Time to answer",
                    "50, 95 and 99 of 100 requests were faster than these. Normal: 95 of 100 below a second.",
                    *(Query(quantile(share, _HTTP, _USERS), f"{share:.0%}") for share in (0.5, 0.95, 0.99)),
                    unit=units.Seconds,
                    limits=_A_SECOND,
                ),
            ),
            line(
                10,
                table_panel(
                    "Each route",
                    "Requests, failures and time of each route in the last minutes. Normal: 95 of 100 below a second.",
                    rate(f"{_HTTP}_count", _USERS, routes),
                    {"domain": "Domain", "method": "Method", "route": "Route"},
                    Column("Requests", rate(f"{_HTTP}_count", _USERS, routes), units.RequestsPerSecond),
                    Column(
                        "Failed",
                        ratio(
                            rate(f"{_HTTP}_count", f'{_USERS}, status="5xx"', routes),
                            rate(f"{_HTTP}_count", _USERS, routes),
                        ),
                        SHARE,
                        Limits(warning=0.005, bad=0.05),
                    ),
                    *(
                        Column(f"{share:.0%} below", quantile(share, _HTTP, _USERS, routes), units.Seconds, _A_SECOND)
                        for share in (0.5, 0.95, 0.99)
                    ),
                    sort="Requests",
                    nothing="no requests",
                ),
            ),
        ),
    )


def _objectives() -> Section:
    def burn(kind: str, room: float, over: str) -> str:
        return f"{series(f'domain:eco2_{kind}_errors:ratio_rate{over}', _HERE)} / {room}"

    def kept(kind: str, over: str) -> str:
        return f"1 - {series(f'domain:eco2_{kind}_errors:ratio_rate{over}', _HERE)}"

    in_full, in_time = Limits(bad=1 - _AVAILABILITY_ROOM, low=True), Limits(bad=1 - _LATENCY_ROOM, low=True)
    return Section(
        "Objectives",
        (
            line(
                GRAPHS,
                table_panel(
                    "What was kept",
                    "Share of each domain's requests that did not fail, and of those answered within a second. "
                    "Normal: above 99.5 % and above 95 %.",
                    kept("availability", "1d"),
                    {"domain": "Domain"},
                    Column("Not failed, 1 day", kept("availability", "1d"), SHARE, in_full),
                    Column("Not failed, 3 days", kept("availability", "3d"), SHARE, in_full),
                    Column("In a second, 1 day", kept("latency", "1d"), SHARE, in_time),
                    Column("In a second, 3 days", kept("latency", "3d"), SHARE, in_time),
                    nothing="no requests",
                ),
                graph(
                    "Error budget: failed requests",
                    "How fast it is used up in the last hour and 6 hours: at 1 it lasts just for the month. "
                    "Normal: below 1.",
                    Query(burn("availability", _AVAILABILITY_ROOM, "1h"), "{{domain}} 1 hour"),
                    Query(burn("availability", _AVAILABILITY_ROOM, "6h"), "{{domain}} 6 hours"),
                    limits=_BURN,
                ),
                graph(
                    "Error budget: slow requests",
                    "How fast it is used up in the last hour and 6 hours: at 1 it lasts just for the month. "
                    "Normal: below 1.",
                    Query(burn("latency", _LATENCY_ROOM, "1h"), "{{domain}} 1 hour"),
                    Query(burn("latency", _LATENCY_ROOM, "6h"), "{{domain}} 6 hours"),
                    limits=_BURN,
                ),
                widths=(10, 7, 7),
            ),
        ),
    )


def _edge() -> Section:
    return Section(
        "At the gateway",
        (
            line(
                GRAPHS,
                graph(
                    "Places in use",
                    "Share of the places for requests of each domain that are taken. Normal: below 80 %; at 100 % "
                    "others wait and are then refused.",
                    Query(
                        share_of(
                            total(series("eco2_gateway_places_in_use", _HERE), "domain"),
                            total(series("eco2_gateway_places_limit", _HERE), "domain"),
                        ),
                        "{{domain}}",
                    ),
                    unit=SHARE,
                    limits=_FULL,
                ),
                graph(
                    "Wait for a place",
                    "95 of 100 requests got a place within this time. Normal: near 0.",
                    Query(quantile(0.95, "eco2_gateway_place_wait_seconds", _HERE, "domain"), "{{domain}}"),
                    unit=units.Seconds,
                    limits=Limits(warning=0.1, bad=0.5),
                ),
                graph(
                    "Requests refused",
                    "Requests a second that a gateway turned away, by reason. Normal: none, or a few rate_limited.",
                    Query(rate("eco2_gateway_refused_total", _HERE, "reason"), "{{reason}}"),
                    unit=units.RequestsPerSecond,
                    stacked=True,
                ),
                graph(
                    "Open streams",
                    "Clients that follow a scan or a chat answer now. Normal: follows the scans; never only climbs.",
                    Query(total(series("eco2_gateway_streams", _HERE), "kind"), "{{kind}}"),
                    stacked=True,
                ),
            ),
        ),
    )
