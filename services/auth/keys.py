"""The Ed25519 keys that sign access tokens: made once, kept in PostgreSQL, shared by all processes."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.auth.tables import SigningKey

RELOAD_S = 5.0


@dataclass(frozen=True)
class Key:
    """A key pair and its id, the RFC 7638 thumbprint of the public half."""

    kid: str
    private: Ed25519PrivateKey
    current: bool

    @cached_property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()

    def jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 8037)."""
        return {**_members(self.public), "kid": self.kid, "use": "sig", "alg": "EdDSA"}


class Keyring:
    """All keys, read from the table once and again when an unknown one is asked for."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._read_at = float("-inf")

    def current(self) -> Key:
        """The key to sign with; the first caller ever makes it."""
        for fresh in (False, True):
            found = next((key for key in self.all(fresh) if key.current), None)
            if found:
                return found
        _make()
        return next(key for key in self.all(fresh=True) if key.current)

    def find(self, kid: str) -> Key | None:
        """The key of that id, which another process may just have made."""
        if kid not in self._keys and time.monotonic() - self._read_at > RELOAD_S:
            self._read()
        return self._keys.get(kid)

    def all(self, fresh: bool = False) -> list[Key]:
        if fresh or not self._keys:
            self._read()
        return list(self._keys.values())

    def _read(self) -> None:
        self._read_at = time.monotonic()
        self._keys = {row.kid: _key(row) for row in SigningKey.select()}


def _make() -> None:
    private = Ed25519PrivateKey.generate()
    members = _members(private.public_key())
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    # Of two processes that start together, the unique index lets one in; both then read its key.
    SigningKey.insert(
        kid=_base64(thumbprint), private_key=private.private_bytes_raw(), created_at=datetime.now(UTC)
    ).on_conflict_ignore().execute()


def _key(row: SigningKey) -> Key:
    private = Ed25519PrivateKey.from_private_bytes(bytes(row.private_key))
    return Key(row.kid, private, current=row.retired_at is None)


def _members(public: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
