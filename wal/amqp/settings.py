"""What the entrypoint and the publisher need to know."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wal.amqp.topology import Topology

CONFIG_KEY = "WAL"


@dataclass(frozen=True)
class TaskSettings:
    """Times in seconds. `directory` holds one journal file a worker; `database_url` is where it syncs to."""

    topology: Topology
    directory: Path
    database_url: str
    sync_interval_s: float = 1.0
    sync_batch: int = 4000
    retain_s: float = 7 * 86400.0
    retain_bytes: int = 1_000_000_000
    max_attempts: int = 5
    retry_base_s: float = 1.0
    retry_max_s: float = 60.0
    heartbeat_s: float = 10.0
    queue_limit: int = 10_000


def settings_of(container: Any) -> TaskSettings:
    """The settings in the Nameko configuration of `container`."""
    settings = container.config.get(CONFIG_KEY)
    if not isinstance(settings, TaskSettings):
        raise LookupError(f"Nameko's configuration has no {CONFIG_KEY}: a wal.amqp.TaskSettings is expected")
    return settings
