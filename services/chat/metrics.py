"""Prometheus metrics of the chat service; those of its calls of a model are `services.kernel.openai.metrics`."""

from prometheus_client import Counter, Gauge

ANSWERS = Counter("eco2_chat_answers_total", "Answers that ended, by how and by whom", ["state", "provider", "reason"])
REFUSED = Counter("eco2_chat_refused_total", "Answers of a model that were not passed on", ["why"])
TAKEN_OVER = Counter("eco2_chat_taken_over_total", "Answers that another process had left behind")
WRITING = Gauge("eco2_chat_writing", "Answers that this process writes now")
