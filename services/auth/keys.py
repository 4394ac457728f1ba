"""The Ed25519 keys that sign access tokens: kept in PostgreSQL, shared by all processes.

next: published, signs nothing yet  -->  current: signs  -->  retired: verifies what it signed  -->  deleted
"""

import base64
import hashlib
import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from peewee import PeeweeException

from services.auth.tables import SigningKey

log = logging.getLogger(__name__)

RELOAD_S = 5.0
"""A process sees after so long what another has done to the keys."""

State = Literal["next", "current", "retired"]


@dataclass(frozen=True)
class Key:
    """A key pair and its id, the RFC 7638 thumbprint of the public half."""

    kid: str
    private: Ed25519PrivateKey
    state: State

    @cached_property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()

    def jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 8037)."""
        return {**_members(self.public), "kid": self.kid, "use": "sig", "alg": "EdDSA"}


class Keyring:
    """All keys, read again when they were read more than `RELOAD_S` seconds ago."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._read_at = float("-inf")

    def current(self) -> Key:
        """The key to sign with; the first caller ever makes it."""
        for fresh in (False, True):
            found = next((key for key in self.all(fresh) if key.state == "current"), None)
            if found:
                return found
        make(active=True)
        return next(key for key in self.all(fresh=True) if key.state == "current")

    def find(self, kid: str) -> Key | None:
        """The key of that id, which another process may just have made or deleted."""
        return next((key for key in self.all() if key.kid == kid), None)

    def all(self, fresh: bool = False) -> list[Key]:
        """Every key. While PostgreSQL does not answer, those that were there last."""
        if fresh or not self._keys or time.monotonic() - self._read_at > RELOAD_S:
            try:
                self._keys = {row.kid: _key(row) for row in SigningKey.select()}
            except PeeweeException as error:
                if not self._keys:
                    raise
                log.warning("the keys could not be read again: %s", error)
            self._read_at = time.monotonic()
        return list(self._keys.values())


def make(active: bool) -> None:
    """A new key: the current one when `active`, else the next one. Changes nothing where there is one already."""
    private = Ed25519PrivateKey.generate()
    members = _members(private.public_key())
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    now = datetime.now(UTC)
    # Of two processes that start together, the unique index lets one in; both then read its key.
    SigningKey.insert(
        kid=_base64(thumbprint),
        private_key=private.private_bytes_raw(),
        created_at=now,
        activated_at=now if active else None,
    ).on_conflict_ignore().execute()


def state(row: SigningKey) -> State:
    if row.retired_at is not None:
        return "retired"
    return "next" if row.activated_at is None else "current"


def _key(row: SigningKey) -> Key:
    return Key(row.kid, Ed25519PrivateKey.from_private_bytes(bytes(row.private_key)), state(row))


def _members(public: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
