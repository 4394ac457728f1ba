"""What the models are asked, how long they take, what they cost, and when they are done without."""

from __future__ import annotations

from grafana_foundation_sdk.models import units

from provisioning.monitoring.dashboards.layout import GRAPHS, Section, line
from provisioning.monitoring.dashboards.panels import Limits, Query, graph
from provisioning.monitoring.dashboards.queries import increase, quantile, rate


def model_calls() -> Section:
    return Section(
        "Models",
        (
            line(
                GRAPHS,
                graph(
                    "Calls of models",
                    "Calls a minute by model and outcome. Normal: nearly all answered.",
                    Query(
                        f"60 * {rate('eco2_ai_calls_total', '', 'provider, model, outcome')}",
                        "{{provider}} {{model}} {{outcome}}",
                    ),
                    stacked=True,
                ),
                graph(
                    "Time of a call",
                    "95 of 100 calls took less than this, by model. Normal: below 10 seconds; the local one below 1.",
                    Query(quantile(0.95, "eco2_ai_call_seconds", "", "provider, model"), "{{provider}} {{model}}"),
                    unit=units.Seconds,
                    limits=Limits(warning=13),
                ),
                graph(
                    "Tokens and won",
                    "Tokens a minute by kind, and won an hour by model. Normal: both follow the scans.",
                    Query(f"60 * {rate('eco2_ai_tokens_total', '', 'kind')}", "{{kind}} tokens a minute"),
                    Query(
                        f"3600 * {rate('eco2_ai_cost_won_total', '', 'model')}",
                        "{{model}} an hour",
                        other_unit=units.SouthKoreanWon,
                    ),
                ),
                graph(
                    "Fallbacks and rejected answers in an hour",
                    "Stages that the local model did instead, by reason, and answers that were not used. "
                    "Normal: a few at most.",
                    Query(increase("eco2_ai_degraded_total", "", "stage, reason", "1h"), "{{stage}} local: {{reason}}"),
                    Query(increase("eco2_ai_answers_rejected_total", "", "why", "1h"), "rejected: {{why}}"),
                ),
            ),
        ),
    )
