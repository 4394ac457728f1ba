"""Whether a kubelet may have the serving certificate that it asks for: the rules, and nothing that asks or answers.

Nobody approves these requests by itself: whoever may create one could else get a certificate for another's address.
https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/#client-and-serving-certificates
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from provisioning.cluster import Machine

SIGNER = "kubernetes.io/kubelet-serving"
_GROUP = "system:nodes"
_USAGES = {"digital signature", "server auth"}
# RSA keys ask for this one too.
_ALSO = {"key encipherment"}


@dataclass(frozen=True)
class NodeNames:
    """Who a node is: the names and addresses that may stand in its certificate."""

    node: str
    names: frozenset[str]
    addresses: frozenset[IPv4Address]

    @classmethod
    def of(cls, node: str, machine: Machine, region: str) -> NodeNames:
        """The node's own name, its two addresses, and the names that AWS gives to these; the cloud controller puts them
        into the Node's addresses, and the kubelet from there into its next request."""
        private, public = str(machine.private_ip).replace(".", "-"), str(machine.public_ip).replace(".", "-")
        first = region == "us-east-1"
        inside = f"ip-{private}.ec2.internal" if first else f"ip-{private}.{region}.compute.internal"
        outside = f"ec2-{public}." + ("compute-1.amazonaws.com" if first else f"{region}.compute.amazonaws.com")
        return cls(node, frozenset({node, inside, outside}), frozenset({machine.private_ip, machine.public_ip}))


def is_pending(request: dict[str, Any]) -> bool:
    return not request.get("status", {}).get("conditions") and not request.get("status", {}).get("certificate")


def claims(request: dict[str, Any], node: str) -> bool:
    """Whether this request for a serving certificate is made by this node, or in its name."""
    spec = request["spec"]
    if spec.get("signerName") != SIGNER:
        return False
    user = f"system:node:{node}"
    try:
        return spec.get("username") == user or user in _common_names(_parsed(request))
    except ValueError:
        return False


def suspicions(request: dict[str, Any], names: NodeNames) -> list[str]:
    """Why the request must not be approved; nothing when it is what the node's kubelet would ask for."""
    return list(_suspicions(request, names))


def _suspicions(request: dict[str, Any], names: NodeNames) -> Iterator[str]:
    spec = request["spec"]
    user = f"system:node:{names.node}"
    if spec.get("signerName") != SIGNER:
        yield f"its signer is {spec.get('signerName')}, not {SIGNER}"
    if spec.get("username") != user:
        yield f"{spec.get('username')} asks for it, not {user}"
    if _GROUP not in spec.get("groups", []):
        yield f"who asks is not in the group {_GROUP}"
    usages = set(spec.get("usages", []))
    if not usages >= _USAGES or usages - _USAGES - _ALSO:
        yield f"it is to be used for {', '.join(sorted(usages)) or 'nothing'}"
    try:
        asked = _parsed(request)
    except ValueError as error:
        yield f"it cannot be read: {error}"
        return
    if not asked.is_signature_valid:
        yield "it is not signed with its own key"
    if _common_names(asked) != [user]:
        yield f"its common name is {', '.join(_common_names(asked)) or 'missing'}, not {user}"
    if _values(asked, NameOID.ORGANIZATION_NAME) != [_GROUP]:
        yield f"its organisation is {', '.join(_values(asked, NameOID.ORGANIZATION_NAME)) or 'missing'}, not {_GROUP}"
    yield from _alternative_names(asked, names)


def _alternative_names(asked: x509.CertificateSigningRequest, names: NodeNames) -> Iterator[str]:
    try:
        alternatives = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        yield "it names no host"
        return
    for each in alternatives:
        if isinstance(each, x509.DNSName):
            if each.value not in names.names:
                yield f"it is for the name {each.value}, which is not the node's"
        elif isinstance(each, x509.IPAddress):
            if each.value not in names.addresses:
                yield f"it is for the address {each.value}, which is not the node's"
        else:
            yield f"it is for {each.value}, which is no name and no address"


def _parsed(request: dict[str, Any]) -> x509.CertificateSigningRequest:
    try:
        return x509.load_pem_x509_csr(base64.b64decode(request["spec"]["request"], validate=True))
    except (binascii.Error, KeyError, ValueError) as error:
        raise ValueError(f"no PKCS#10 request ({error})") from error


def _common_names(asked: x509.CertificateSigningRequest) -> list[str]:
    return _values(asked, NameOID.COMMON_NAME)


def _values(asked: x509.CertificateSigningRequest, kind: x509.ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in asked.subject.get_attributes_for_oid(kind)]
