"""Passwords: Argon2id, computed away from the caller's thread, and as slow for nobody as for somebody."""

import unicodedata
from collections.abc import Callable
from functools import cached_property
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

# The first choice of the OWASP Password Storage Cheat Sheet; 19 MiB and some 30 ms a hash.
MEMORY_KIB, ITERATIONS, LANES = 19 * 1024, 2, 1

Offload = Callable[..., Any]


class Passwords:
    """Makes and compares hashes. `offload` runs a function elsewhere and returns its result."""

    def __init__(self, offload: Offload) -> None:
        self._offload = offload
        self._hasher = PasswordHasher(time_cost=ITERATIONS, memory_cost=MEMORY_KIB, parallelism=LANES)

    def hash(self, password: str) -> str:
        hashed: str = self._offload(self._hasher.hash, _normal(password))
        return hashed

    def matches(self, hashed: str | None, password: str) -> bool:
        """Whether `password` made `hashed`. None, for an unknown user, takes the same time and is false."""
        same: bool = self._offload(self._verify, hashed or self._decoy, _normal(password))
        return same and hashed is not None

    def outdated(self, hashed: str) -> bool:
        """Whether `hashed` was made with other costs than today's."""
        return self._hasher.check_needs_rehash(hashed)

    @cached_property
    def _decoy(self) -> str:
        return self.hash("nobody has this password")

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (Argon2Error, InvalidHashError):
            return False


def _normal(password: str) -> str:
    # macOS sends Hangul taken apart, Windows composed: NIST SP 800-63B asks for NFKC before hashing.
    return unicodedata.normalize("NFKC", password)
