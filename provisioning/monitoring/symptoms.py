"""Which alerts say less than another that stands, or follow from it: beside it they would only bury it.

The names are those of the rules in charts/monitoring/files/rules; a test keeps the two together.
"""

from __future__ import annotations

from typing import NamedTuple


class Silence(NamedTuple):
    """While the alert ``cause`` stands, nobody is told of ``alerts``; of those alone that are alike in ``equal``."""

    cause: str
    alerts: tuple[str, ...]
    equal: tuple[str, ...] = ()


# What users meet, whatever is behind it.
_BURNS = tuple(
    f"{of}Burn{speed}" for of in ("APIAvailability", "APILatency", "ScanCompletion") for speed in ("Fast", "Slow")
)
_REQUESTS = ("HighAPIErrorRate", "HighAPILatency", "CallQueueWait", "RPCFailing", "ServiceWorkersExhausted", *_BURNS)
_SCANS = ("ScansDropped", "ScansSlow", "ScanCompletionBurnFast", "ScanCompletionBurnSlow")

SILENCES: tuple[Silence, ...] = (
    # The same thing, less bad.
    Silence("APIDown", ("APIPodDown", "HighAPIErrorRate", "HighAPILatency"), ("domain",)),
    Silence("APIAvailabilityBurnFast", ("APIAvailabilityBurnSlow", "HighAPIErrorRate"), ("domain",)),
    Silence("APILatencyBurnFast", ("APILatencyBurnSlow", "HighAPILatency"), ("domain",)),
    Silence("ScanCompletionBurnFast", ("ScanCompletionBurnSlow",)),
    Silence("PostgreSQLConnectionsExhausted", ("HighPostgreSQLConnectionPoolUsage",), ("instance",)),
    Silence("RedisMemoryFull", ("HighRedisMemoryUsage",), ("instance",)),
    Silence("RabbitMQMemoryAlarm", ("RabbitMQMemoryHigh",), ("instance",)),
    Silence("RabbitMQDiskAlarm", ("RabbitMQDiskLow",), ("instance",)),
    Silence("VolumeNearlyFull", ("VolumeWillFill",), ("namespace", "persistentvolumeclaim")),
    Silence("JournalDiskNearlyFull", ("JournalDiskWillFill",), ("domain",)),
    Silence("AIBudgetSpent", ("AIBudgetNearlySpent",)),
    # What follows from it.
    Silence(
        "RabbitMQDown", (*_REQUESTS, *_SCANS, "RabbitMQQueueWithoutConsumers", "WorkerQueueSizeHigh", "WorkerQueueWait")
    ),
    Silence(
        "PostgreSQLDown",
        (
            *_REQUESTS,
            *_SCANS,
            "DatabasePoolExhausted",
            "HighPostgreSQLConnectionPoolUsage",
            "JournalSyncStopped",
            "JournalUnsyncedOld",
            "MailsFailing",
            "PostgreSQLExporterFailing",
            "SignInsFailing",
        ),
    ),
    Silence(
        "RedisDown",
        (*_REQUESTS, "HighRedisMemoryUsage", "RedisPersistenceFailing", "RedisPoolExhausted", "SignInsFailing"),
    ),
    Silence("WorkerPodDown", _SCANS),
)
