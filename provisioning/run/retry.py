"""When a step that failed is tried again: a decision, with no clock in it."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Retry:
    """At most ``attempts`` in all, with waits of ``first_s``, doubled each time up to ``longest_s``.

    Jitter takes up to half of each wait away, so that nodes that failed together do not come back together.
    """

    attempts: int = 5
    first_s: float = 1.0
    longest_s: float = 30.0

    def wait_s(self, attempt: int, chance: random.Random) -> float | None:
        """Seconds to wait after this attempt (the first is 1) has failed; None when it was the last."""
        if attempt >= self.attempts:
            return None
        full = min(self.longest_s, self.first_s * 2.0 ** (attempt - 1))
        return full * (1 - chance.random() / 2)
