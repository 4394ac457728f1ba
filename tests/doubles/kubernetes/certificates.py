"""Certificates: a CA for a server that stands alone, what it signs, and the requests that kubelets make."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_YEAR = timedelta(days=365)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _subject(name: str, organisations: tuple[str, ...] = ()) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organisations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def alternative_names(names: list[str]) -> x509.SubjectAlternativeName:
    """Addresses as addresses, all else as names."""
    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            general.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(general)


class Authority:
    """A CA: its certificate and its key as PEM."""

    def __init__(self, certificate: str, key: str) -> None:
        self.certificate = certificate
        self.key = key
        self._certificate = x509.load_pem_x509_certificate(certificate.encode())
        self._key: CertificateIssuerPrivateKeyTypes = serialization.load_pem_private_key(key.encode(), None)  # type: ignore[assignment]

    @classmethod
    def new(cls) -> Authority:
        key = new_key()
        name = _subject("kubernetes")
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + 10 * _YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate_pem(certificate), key_pem(key))

    def issued(
        self, common_name: str, *, groups: tuple[str, ...] = (), names: list[str] | None = None
    ) -> tuple[str, str]:
        """(certificate, key): a client's of these groups, or a server's of these names."""
        key = new_key()
        builder = self._builder(_subject(common_name, groups), key.public_key())
        usage = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            builder = builder.add_extension(alternative_names(names), critical=False)
        return certificate_pem(builder.sign(self._key, hashes.SHA256())), key_pem(key)

    def signed(self, request: str) -> str:
        """The certificate for a PKCS#10 request, with its names."""
        asked = x509.load_pem_x509_csr(request.encode())
        builder = self._builder(asked.subject, asked.public_key())
        for extension in asked.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return certificate_pem(builder.sign(self._key, hashes.SHA256()))

    def _builder(self, subject: x509.Name, public_key: object) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._certificate.subject)
            .public_key(public_key)  # type: ignore[arg-type]
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + _YEAR)
        )


def serving_request(node: str, names: list[str]) -> str:
    """The PKCS#10 request of a kubelet for its serving certificate, as PEM."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_subject(f"system:node:{node}", ("system:nodes",)))
        .add_extension(alternative_names(names), critical=False)
        .sign(new_key(), hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


def kubeconfig(authority: Authority, server: str, user: str, groups: tuple[str, ...]) -> str:
    """A kubeconfig with a client certificate of this user, as JSON, which is YAML too."""
    certificate, key = authority.issued(user, groups=groups)
    ca, certificate, key = (
        base64.b64encode(text.encode()).decode() for text in (authority.certificate, certificate, key)
    )
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "double", "cluster": {"server": server, "certificate-authority-data": ca}}],
            "users": [{"name": user, "user": {"client-certificate-data": certificate, "client-key-data": key}}],
            "contexts": [{"name": "double", "context": {"cluster": "double", "user": user}}],
            "current-context": "double",
        }
    )
