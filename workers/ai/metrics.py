"""Prometheus metrics of the AI worker."""

from prometheus_client import Counter, Gauge, Histogram

CALLS = Counter("eco2_ai_calls_total", "Calls of a model, by how they ended", ["model", "outcome"])
SECONDS = Histogram(
    "eco2_ai_call_seconds", "Duration of one call of a model", ["model"], buckets=(0.5, 1, 2, 3, 5, 8, 13, 20, 30)
)
TOKENS = Counter("eco2_ai_tokens_total", "Tokens that were paid for", ["model", "kind"])
WON = Counter("eco2_ai_cost_won_total", "What the calls cost, in won", ["model"])
SCAN_WON = Histogram("eco2_ai_scan_cost_won", "What one scan cost, in won", buckets=(0, 0.1, 0.3, 1, 3, 10, 30, 100))
DEGRADED = Counter("eco2_ai_degraded_total", "Stages that fell back to the local provider", ["stage", "reason"])
CACHED = Counter("eco2_ai_cached_total", "Stages answered from an earlier result", ["stage"])
REJECTED = Counter("eco2_ai_answers_rejected_total", "Answers that said more or else than the rules", ["why"])
SPENT = Gauge("eco2_ai_spent_today_won", "Today's won of all workers, with what is reserved")
