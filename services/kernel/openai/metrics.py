"""Prometheus metrics of the calls of models, in every process that asks one.

The provider is ``openai``, or ``local``: the model that the AI worker has with it.
"""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("eco2_ai_calls_total", "Calls of a model, by how they ended", ["provider", "model", "outcome"])
SECONDS = Histogram(
    "eco2_ai_call_seconds",
    "Duration of one call of a model",
    ["provider", "model"],
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 8, 13, 20, 30),
)
TOKENS = Counter("eco2_ai_tokens_total", "Tokens that were paid for", ["provider", "model", "kind"])
WON = Counter("eco2_ai_cost_won_total", "What the calls cost, in won", ["provider", "model"])
SPENT = Gauge(
    "eco2_ai_spent_today_won", "Today's won of all processes by Korea's calendar, with what is reserved; NaN: not known"
)
BUDGET = Gauge("eco2_ai_budget_won", "What may be spent in a day, in won; 0 where no model is paid for")
BREAKER_OPEN = Gauge("eco2_ai_breaker_open", "1 while nobody asks the model because its server failed", ["model"])
