"""Nameko dependencies that both workers need."""

from typing import Any

from nameko.extensions import DependencyProvider

from services.kernel.settings import config_of
from workers.objects import ObjectStore


class Objects(DependencyProvider):
    """Gives a worker the object store."""

    def setup(self) -> None:
        self.store = ObjectStore(config_of(self.container))

    def get_dependency(self, worker_ctx: Any) -> ObjectStore:
        return self.store

    def check(self) -> None:
        """Raises when the bucket cannot be reached."""
        self.store.check()
