"""ID tokens as a provider signs them, and as forgers and broken providers would."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

FORGERIES = ("none", "hmac", "other_key", "unknown_kid", "no_token", "no_nonce")


class Signer:
    """An RSA key with a key id; `rotate` makes another."""

    def __init__(self) -> None:
        self.number = 0
        self.rotate()

    def rotate(self) -> None:
        self.number += 1
        self.kid = f"key-{self.number}"
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwks(self) -> dict[str, Any]:
        public: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self.private.public_key()))
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "RS256"}]}

    def sign(self, claims: dict[str, Any], access_token: str, fault: str | None, changed: dict[str, Any]) -> str | None:
        """The ID token with the claims, some of them `changed`; None for the fault "no_token"."""
        at_hash = _base64(hashlib.sha256(access_token.encode()).digest()[:16])
        now = int(time.time())
        whole = {**claims, "iat": now, "exp": now + 3600, "at_hash": at_hash, **changed}
        whole = {name: value for name, value in whole.items() if value is not None}
        headers = {"kid": self.kid}
        if fault == "no_token":
            return None
        if fault == "none":
            return jwt.encode(whole, "", "none", headers=headers)
        if fault == "hmac":
            public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return _hmac(public, {"alg": "HS256", "typ": "JWT", **headers}, whole)
        if fault == "other_key":
            return jwt.encode(whole, rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256", headers)
        if fault == "unknown_kid":
            headers = {"kid": "nobody-knows"}
        if fault == "no_nonce":
            del whole["nonce"]
        return jwt.encode(whole, self.private, "RS256", headers=headers)


def _hmac(key: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    # By hand: PyJWT refuses to take a public key for a secret.
    signed = f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(claims).encode())}"
    return f"{signed}.{_base64(hmac.digest(key, signed.encode(), 'sha256'))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
