"""Prometheus metrics of the calls of models, in every process that asks one."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("eco2_ai_calls_total", "Calls of a model, by how they ended", ["model", "outcome"])
SECONDS = Histogram(
    "eco2_ai_call_seconds", "Duration of one call of a model", ["model"], buckets=(0.5, 1, 2, 3, 5, 8, 13, 20, 30)
)
TOKENS = Counter("eco2_ai_tokens_total", "Tokens that were paid for", ["model", "kind"])
WON = Counter("eco2_ai_cost_won_total", "What the calls cost, in won", ["model"])
SPENT = Gauge("eco2_ai_spent_today_won", "Today's won of all processes, with what is reserved")
