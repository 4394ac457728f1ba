"""Nameko dependencies that both workers need."""

from services.kernel import objects
from services.kernel.settings import config_of
from workers.objects import ObjectStore


class Objects(objects.Objects):
    """Gives a worker the object store, without which it is not ready."""

    def __init__(self) -> None:
        super().__init__(objects.WORKER)

    def setup(self) -> None:
        self.store = ObjectStore(config_of(self.container), self.patience)

    def check(self) -> None:
        """Raises when the bucket cannot be reached."""
        self.store.check()
