"""Whether what was asked for was kept already: one counter for the caches of all processes."""

from prometheus_client import Counter

REQUESTS = Counter(
    "eco2_cache_requests", "What was looked up in a cache, by whether it was there", ["cache", "outcome"]
)


def hit(cache: str) -> None:
    REQUESTS.labels(cache, "hit").inc()


def miss(cache: str) -> None:
    REQUESTS.labels(cache, "miss").inc()
