"""Prometheus metrics of the AI worker; those of its calls of a model are `services.kernel.openai.metrics`."""

from prometheus_client import Counter, Histogram

SCAN_WON = Histogram("eco2_ai_scan_cost_won", "What one scan cost, in won", buckets=(0, 0.1, 0.3, 1, 3, 10, 30, 100))
DEGRADED = Counter("eco2_ai_degraded_total", "Stages that fell back to the local provider", ["stage", "reason"])
CACHED = Counter("eco2_ai_cached_total", "Stages answered from an earlier result", ["stage"])
REJECTED = Counter("eco2_ai_answers_rejected_total", "Answers that said more or else than the rules", ["why"])
