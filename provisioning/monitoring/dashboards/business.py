"""What the product does for people, how right it is, and what that costs."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from provisioning.monitoring.dashboards.frame import board
from provisioning.monitoring.dashboards.layout import FIGURES, GRAPHS, Section, line
from provisioning.monitoring.dashboards.panels import SHARE, Limits, Query, bars, graph, stat_panel
from provisioning.monitoring.dashboards.people import people
from provisioning.monitoring.dashboards.queries import increase, mean, quantile, rate, ratio

NAME: Final = "business"

_WON = units.SouthKoreanWon
_DAY = "1d"
# As in charts/monitoring/files/rules/slo.yaml: the share of the scans that may fail.
_COMPLETION_ROOM = 0.01


def business() -> str:
    return board(
        NAME,
        "Business",
        "What Eco² does for people, how right it is, and what that costs.",
        [_today(), _scans(), _accuracy(), _money(), people()],
        since="now-24h",
    )


def _today() -> Section:
    scans = increase("eco2_scans_total", over=_DAY)
    verdicts = increase("eco2_scan_feedback_total", over=_DAY)
    return Section(
        "The last 24 hours",
        (
            line(
                FIGURES,
                stat_panel(
                    "Scans",
                    "Scans that ended. Normal: as many as on this day of last week.",
                    Query(scans),
                    decimals=0,
                ),
                stat_panel(
                    "Scans completed",
                    "Share of the scans that gave an answer. Normal: above 99 %.",
                    Query(ratio(increase("eco2_scans_total", 'state="completed"', over=_DAY), scans)),
                    unit=SHARE,
                    limits=Limits(warning=0.99, bad=0.95, low=True),
                    decimals=1,
                    nothing="no scans",
                ),
                stat_panel(
                    "Called right",
                    "Share of the verdicts of users that call the answer right. Normal: above 80 %.",
                    Query(ratio(increase("eco2_scan_feedback_total", 'verdict="right"', over=_DAY), verdicts)),
                    unit=SHARE,
                    limits=Limits(warning=0.8, bad=0.7, low=True),
                    nothing="no verdicts",
                ),
                stat_panel(
                    "Cost of a scan",
                    "What a scan cost in the mean, in won. Normal: steady; 0 for the local model.",
                    Query(mean("eco2_ai_scan_cost_won", over=_DAY)),
                    unit=_WON,
                    decimals=2,
                    nothing="no scans",
                ),
                stat_panel(
                    "Spent today",
                    "Won paid to the provider since midnight, and what may be spent. Normal: below 80 % of it.",
                    Query("max(eco2_ai_spent_today_won)", "spent"),
                    Query("max(eco2_ai_budget_won)", "budget"),
                    unit=_WON,
                    nothing="no provider",
                ),
                stat_panel(
                    "Sign-ins",
                    "Sign-ins that succeeded. Normal: as many as on this day of last week.",
                    Query(increase("eco2_sign_ins_total", 'outcome="ok"', over=_DAY)),
                    decimals=0,
                ),
            ),
        ),
    )


def _scans() -> Section:
    return Section(
        "Scans",
        (
            line(
                GRAPHS,
                graph(
                    "Scans a minute",
                    "Scans that ended, by how. Normal: follows the day; hardly any failed.",
                    Query(f"60 * {rate('eco2_scans_total', by='state')}", "{{state}}"),
                    stacked=True,
                ),
                graph(
                    "Time to the answer",
                    "Half and 95 of 100 completed scans took less than this, from opening to end. "
                    "Normal: half below 8 seconds.",
                    Query(quantile(0.5, "eco2_scan_seconds", 'state="completed"'), "50%"),
                    Query(quantile(0.95, "eco2_scan_seconds", 'state="completed"'), "95%"),
                    unit=units.Seconds,
                    limits=Limits(warning=15, bad=30),
                ),
                graph(
                    "Why scans failed",
                    "Failed scans in an hour, by reason. Normal: a few photos that show nothing usable.",
                    Query(increase("eco2_scans_total", 'state="failed"', "reason", "1h"), "{{reason}}"),
                    stacked=True,
                ),
            ),
            line(
                GRAPHS,
                bars(
                    "What was scanned",
                    "Classified scans in the time shown, by major class. "
                    "Normal: mostly recyclable; unknown below a tenth.",
                    Query(f"sort_desc({increase('eco2_scans_classified_total', by='major')})", "{{major}}"),
                ),
                graph(
                    "Confidence",
                    "How sure the models were: half of the scans, and the least sure tenth, were below this. "
                    "Normal: half above 0.7.",
                    Query(quantile(0.5, "eco2_scan_confidence", by="provider", over="1h"), "{{provider}} half"),
                    Query(
                        quantile(0.1, "eco2_scan_confidence", by="provider", over="1h"), "{{provider}} least sure tenth"
                    ),
                    most=1,
                ),
                graph(
                    "Who classified",
                    "Scans a minute by the provider of the class. "
                    "Normal: the paid model; local only in an outage or over budget.",
                    Query(f"60 * {rate('eco2_scans_classified_total', by='provider')}", "{{provider}}"),
                    stacked=True,
                ),
            ),
        ),
    )


def _accuracy() -> Section:
    right = increase("eco2_scan_feedback_total", 'verdict="right"', over=_DAY)
    return Section(
        "How right it is",
        (
            line(
                GRAPHS,
                graph(
                    "Verdicts of users",
                    "Verdicts in an hour, right and wrong. Normal: many more right than wrong.",
                    Query(increase("eco2_scan_feedback_total", by="verdict", over="1h"), "{{verdict}}"),
                    stacked=True,
                ),
                graph(
                    "Called right over time",
                    "Share of the verdicts of the last 24 hours that call the answer right. Normal: above 80 %.",
                    Query(ratio(right, increase("eco2_scan_feedback_total", over=_DAY)), "right"),
                    unit=SHARE,
                    limits=Limits(warning=0.8, bad=0.7, low=True),
                    most=1,
                ),
                graph(
                    "Error budget: failed scans",
                    "How fast it is used up: at 1 it lasts just for the month. Photos that were refused do not count. "
                    "Normal: below 1.",
                    Query(f"eco2_completion_errors:ratio_rate1h / {_COMPLETION_ROOM}", "1 hour"),
                    Query(f"eco2_completion_errors:ratio_rate6h / {_COMPLETION_ROOM}", "6 hours"),
                    limits=Limits(warning=6, bad=14.4),
                ),
                graph(
                    "Share of the local model",
                    "Share of the model calls that the local model answered. Normal: steady; a rise means fallbacks.",
                    Query(ratio(rate("eco2_ai_calls_total", 'provider="local"'), rate("eco2_ai_calls_total")), "local"),
                    unit=SHARE,
                    most=1,
                ),
            ),
        ),
    )


def _money() -> Section:
    return Section(
        "What it costs",
        (
            line(
                GRAPHS,
                graph(
                    "Spent today and the budget",
                    "Won since midnight, with what is reserved, and what may be spent. "
                    "Normal: below 80 % of the budget.",
                    Query("max(eco2_ai_spent_today_won)", "spent"),
                    Query("max(eco2_ai_budget_won)", "budget"),
                    unit=_WON,
                ),
                graph(
                    "Cost of a scan over time",
                    "Won for a scan: the mean, and what 95 of 100 stayed below. Normal: steady.",
                    Query(mean("eco2_ai_scan_cost_won", over="1h"), "mean"),
                    Query(quantile(0.95, "eco2_ai_scan_cost_won", over="1h"), "95%"),
                    unit=_WON,
                ),
                graph(
                    "Cost of a day",
                    "Won of the last 24 hours by model. Normal: follows the scans.",
                    Query(increase("eco2_ai_cost_won_total", by="model", over=_DAY), "{{model}}"),
                    unit=_WON,
                    stacked=True,
                ),
                graph(
                    "Saved by earlier results",
                    "Stages in an hour that were answered from an earlier result and cost nothing. Normal: steady.",
                    Query(increase("eco2_ai_cached_total", by="stage", over="1h"), "{{stage}}"),
                    stacked=True,
                ),
            ),
        ),
    )
