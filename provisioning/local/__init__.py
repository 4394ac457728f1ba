"""The embedded stack: RabbitMQ, PostgreSQL, Redis, SeaweedFS and the Eco² processes, private to one home folder.

``tasks.py`` calls ``up``, ``down``, ``status`` and ``logs``; tests may also read ``urls`` and ``survey``. Every error
meant for a person is a :class:`LocalError` whose text says what to do next and whose ``exit_code`` is the shell's.
"""

from provisioning.local.down import down
from provisioning.local.errors import (
    ForeignHome,
    LeftBehind,
    LocalError,
    MissingPackages,
    NotReady,
    PortTaken,
    StepFailed,
)
from provisioning.local.home import Home
from provisioning.local.logs import logs
from provisioning.local.settings import urls
from provisioning.local.status import StackStatus, status, survey
from provisioning.local.up import up

__all__ = [
    "ForeignHome",
    "Home",
    "LeftBehind",
    "LocalError",
    "MissingPackages",
    "NotReady",
    "PortTaken",
    "StackStatus",
    "StepFailed",
    "down",
    "logs",
    "status",
    "survey",
    "up",
    "urls",
]
