"""Prometheus metrics of scans. Each fact counts once, when it is committed, however often its event comes."""

from typing import Any

from prometheus_client import Counter, Histogram

from services.waste.tables import Scan

SCANS = Counter(
    "eco2_scans_total",
    "Scans that came to an end, by why they failed; one that was too late and then completed counts as both",
    ["state", "reason"],
)
SECONDS = Histogram(
    "eco2_scan_seconds",
    "From the opening of a scan to its end",
    ["state"],
    buckets=(0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300, 600),
)
CLASSIFIED = Counter("eco2_scans_classified_total", "Completed scans by what they show", ["major", "provider"])
CONFIDENCE = Histogram(
    "eco2_scan_confidence",
    "The probability that the answer of a completed scan is right, as its provider says",
    ["provider"],
    buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1),
)
FEEDBACK = Counter(
    "eco2_scan_feedback", "What people said of answers: each word once, and each change of mind", ["verdict"]
)

MAJORS = frozenset({"recyclable", "general", "non_combustible", "food", "construction", "bulky", "hazardous"})
"""The knowledge base's, which another domain owns."""
PROVIDERS = frozenset({"openai", "local"})
REASONS = frozenset(
    {
        "deadline_exceeded",
        "recognition_failed",
        "storage_failed",
        # of the storage worker, which refuses an upload for what it is
        "image_damaged",
        "image_empty",
        "image_too_large",
        "image_too_many_pixels",
        "image_too_small",
        "image_type_mismatch",
        "image_type_unsupported",
        "not_an_image",
        "upload_missing",
    }
)

# From the start, at 0: of a series that begins with 1, Prometheus does not see the first event.
SCANS.labels("completed", "")
for _reason in (*REASONS, "other"):
    SCANS.labels("failed", _reason)
for _verdict in ("right", "wrong"):
    FEEDBACK.labels(_verdict)


def ended(scan: Scan) -> None:
    """The scan is completed or failed, since this very change."""
    SCANS.labels(scan.state, _one_of(REASONS, scan.error_code, "other") if scan.error_code else "").inc()
    if scan.finished_at is not None:
        SECONDS.labels(scan.state).observe(max(0.0, (scan.finished_at - scan.created_at).total_seconds()))


def classified(result: Any) -> None:
    """A scan was completed with this result."""
    told = result if isinstance(result, dict) else {}
    provider = _one_of(PROVIDERS, told.get("provider"), "unknown")
    CLASSIFIED.labels(_one_of(MAJORS, told.get("major"), "unknown"), provider).inc()
    confidence = told.get("confidence")
    if isinstance(confidence, int | float) and 0 <= confidence <= 1:
        CONFIDENCE.labels(provider).observe(confidence)


def _one_of(known: frozenset[str], told: Any, otherwise: str) -> str:
    """Workers tell it in events, and no event may make a series of its own."""
    return told if isinstance(told, str) and told in known else otherwise
