"""How a Nameko extension finds the process's configuration."""

from typing import Any

from services.kernel.config import Config, config
from wal.amqp.settings import TaskSettings
from wal.amqp.topology import Topology

CONFIG_KEY = "eco2"

TASKS = Topology(workers={"storage": ("image",), "ai": ("scan",)})
"""Which worker owns which types of task."""


def config_of(container: Any) -> Config:
    """The configuration of `container`; a container started by ``nameko run`` reads the environment."""
    found = container.config.get(CONFIG_KEY)
    return found if isinstance(found, Config) else config()


def nameko_config(settings: Config) -> dict[str, Any]:
    """What Nameko itself wants to know, derived from our `settings`."""
    return {
        "AMQP_URI": str(settings.amqp_url),
        "WEB_SERVER_ADDRESS": f"{settings.http_host}:{settings.http_port}",
        "max_workers": settings.max_workers,
        "heartbeat": 30,
        CONFIG_KEY: settings,
        "WAL": TaskSettings(
            topology=TASKS,
            directory=settings.state_dir,
            database_url=str(settings.database_url or ""),
            **settings.wal.model_dump(),
        ),
    }
