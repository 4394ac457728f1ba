"""What people do with the product besides scanning, and what they need not wait for."""

from __future__ import annotations

from provisioning.monitoring.dashboards.layout import GRAPHS, Section, line
from provisioning.monitoring.dashboards.panels import SHARE, Query, graph
from provisioning.monitoring.dashboards.queries import increase, rate, ratio


def people() -> Section:
    hits = rate("eco2_cache_requests_total", 'outcome="hit"', "cache")
    return Section(
        "People",
        (
            line(
                GRAPHS,
                graph(
                    "Sign-ins in an hour",
                    "Sign-ins by way and outcome. "
                    "Normal: mostly ok; many failures of one way are an outage or an attack.",
                    Query(increase("eco2_sign_ins_total", by="method, outcome", over="1h"), "{{method}} {{outcome}}"),
                    stacked=True,
                ),
                graph(
                    "Mails in an hour",
                    "What became of letters, by kind. Normal: all sent.",
                    Query(increase("eco2_mails_total", by="kind, outcome", over="1h"), "{{kind}} {{outcome}}"),
                    stacked=True,
                ),
                graph(
                    "Rewards in an hour",
                    "Rewards granted or taken back, by kind. Normal: follows the scans.",
                    Query(increase("eco2_rewards_total", by="kind", over="1h"), "{{kind}}"),
                    stacked=True,
                ),
            ),
            line(
                GRAPHS,
                graph(
                    "Chat answers in an hour",
                    "Answers that ended, by how and by whom. Normal: nearly all completed.",
                    Query(
                        increase("eco2_chat_answers_total", by="state, provider", over="1h"), "{{state}} {{provider}}"
                    ),
                    stacked=True,
                ),
                graph(
                    "Chat answers not passed on in an hour",
                    "Answers of a model that were refused, and those that another process had left behind. "
                    "Normal: near 0.",
                    Query(increase("eco2_chat_refused_total", by="why", over="1h"), "refused: {{why}}"),
                    Query(increase("eco2_chat_taken_over_total", over="1h"), "taken over"),
                ),
                graph(
                    "Found in a cache",
                    "Share of what was looked up in each cache that was there. Normal: steady.",
                    Query(ratio(hits, rate("eco2_cache_requests_total", by="cache")), "{{cache}}"),
                    unit=SHARE,
                    most=1,
                ),
            ),
        ),
    )
