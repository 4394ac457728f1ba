"""Certificates and kubeconfigs as kubeadm makes them, with real keys."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM."""

    certificate: str
    key: str


def authority(name: str, *, days: int = 3650) -> Pair:
    """A CA. The cluster's has an RSA key, as kubeadm makes it: how its hash is read depends on that."""
    key: _Key = ec.generate_private_key(ec.SECP256R1())
    if name == "kubernetes":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key, days).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), True
    )
    usage = x509.KeyUsage(True, False, True, False, False, True, False, False, False)
    return _pair(builder.add_extension(usage, True).sign(key, hashes.SHA256()), key)


def issued(
    ca: Pair, name: str, *, groups: Sequence[str] = (), sans: Sequence[str] = (), server: bool = False, days: int = 365
) -> Pair:
    """A certificate of this CA: ``name`` is the common name, ``groups`` the organizations."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject = x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    parent = x509.load_pem_x509_certificate(ca.certificate.encode())
    usages = [ExtendedKeyUsageOID.SERVER_AUTH] if server else [ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = _builder(subject, parent.subject, key, days).add_extension(x509.ExtendedKeyUsage(usages), False)
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName([_san(san) for san in dict.fromkeys(sans)]), False)
    signer = load_pem_private_key(ca.key.encode(), None)
    assert isinstance(signer, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return _pair(builder.sign(signer, hashes.SHA256()), key)


def service_account() -> tuple[str, str]:
    """The key that signs tokens and its public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return _private(key), public.decode()


def ca_hash(certificate: str) -> str:
    """What ``caCertHashes`` of a JoinConfiguration must hold."""
    public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    return f"sha256:{hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()}"


def expires(certificate: str) -> datetime:
    return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc


def kubeconfig(cluster: str, server: str, ca: str, user: str, client: Pair) -> str:
    """As kubeadm writes admin.conf."""
    context = f"{user}@{cluster}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": _base64(ca)}}],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
        "current-context": context,
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _base64(client.certificate),
                    "client-key-data": _base64(client.key),
                },
            }
        ],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def client_of(text: str) -> str:
    """The client certificate in a kubeconfig, PEM."""
    user = yaml.safe_load(text)["users"][0]["user"]
    return base64.b64decode(user["client-certificate-data"]).decode()


def _builder(subject: x509.Name, issuer: x509.Name, key: _Key, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
    )


def _san(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pair(certificate: x509.Certificate, key: _Key) -> Pair:
    return Pair(certificate.public_bytes(Encoding.PEM).decode(), _private(key))


def _private(key: _Key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
