"""The object store (S3), as the workers use it."""

from typing import Any

from services.kernel import objects
from services.kernel.errors import Unavailable
from wal import TransientError


class ObjectStore(objects.ObjectStore):
    """One bucket. Every call is bounded in time; raises `TransientError` or `PermanentError` of `wal`."""

    def _call(self, act: Any, **arguments: Any) -> Any:
        try:
            return super()._call(act, **arguments)
        except Unavailable as error:
            raise TransientError(f"S3 cannot be reached: {error.__cause__}") from error
