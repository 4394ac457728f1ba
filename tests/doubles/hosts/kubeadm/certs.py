"""``kubeadm certs``: what expires when, and its renewal; read from and written to the real files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509

from tests.doubles.hosts import pki
from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.kubeadm import files


def certs(host: Host, call: Call, words: Sequence[str]) -> int:
    given = parse(words, (), ("-o/--output", "--config", "--kubeconfig", "--v/-v", "--cert-dir"))
    if not host.exists(f"{files.PKI}/apiserver.crt"):
        raise Exit(
            1,
            f"error: failed to load existing certificate apiserver: open {files.PKI}/apiserver.crt: "
            "no such file or directory",
        )
    match given.words:
        case ["check-expiration"]:
            return _check(host, call, as_json=given.get("-o") == "json")
        case ["renew", "all"]:
            return renew(host, call)
    raise Violation(f"the model knows no kubeadm certs {' '.join(given.words)}")


def renew(host: Host, call: Call) -> int:
    """All that the CAs have signed, a year from now, for the same names. The static pods still use the old ones."""
    for name in _kubeconfigs(host):
        _renew_kubeconfig(host, name)
        call.out(f"certificate embedded in the kubeconfig file {name} renewed\n")
    plane = _plane(host)
    files.certificates(host, plane)
    for name in ("apiserver", *files.CLIENTS):
        call.out(f"certificate {name} renewed\n")
    call.out(
        "\nDone renewing certificates. You must restart the kube-apiserver, kube-controller-manager, "
        "kube-scheduler and etcd, so that they can use the new certificates.\n"
    )
    call.changed("renew certificates")
    return 0


def age(host: Host, days: int) -> None:
    """For tests: all certificates that can be renewed expire in so many days."""
    files.certificates(host, _plane(host), days=days)
    for name in _kubeconfigs(host):
        _renew_kubeconfig(host, name, days=days)


def _kubeconfigs(host: Host) -> list[str]:
    return [name for name in files.KUBECONFIGS if host.exists(f"/etc/kubernetes/{name}")]


def _renew_kubeconfig(host: Host, name: str, *, days: int = 365) -> None:
    files.kubeconfigs(host, _plane(host), [name], days=days)


def _plane(host: Host) -> files.ControlPlane:
    """From what stands on the disk, as kubeadm does it."""
    cluster = host.world.cluster_documents["ClusterConfiguration"]
    server = x509.load_pem_x509_certificate(host.read(f"{files.PKI}/apiserver.crt").encode())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return files.ControlPlane(
        host.world.cluster_documents["name"],
        cluster["controlPlaneEndpoint"],
        cluster["kubernetesVersion"],
        tuple(str(name.value) for name in names),
    )


def _check(host: Host, call: Call, *, as_json: bool) -> int:
    rows = [(name, pki.client_of(host.read(f"/etc/kubernetes/{name}")), "ca") for name in _kubeconfigs(host)]
    rows.append(("apiserver", host.read(f"{files.PKI}/apiserver.crt"), "ca"))
    rows += [(name, host.read(f"{files.PKI}/{name}.crt"), ca) for name, (ca, *_) in files.CLIENTS.items()]
    authorities = [(name, host.read(f"{files.PKI}/{name}.crt")) for name in files.AUTHORITIES]
    if as_json:
        document = {
            "kind": "CertificateExpirationInfo",
            "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
            "certificates": [_row(name, text, ca) for name, text, ca in rows],
            "certificateAuthorities": [_row(name, text, None) for name, text in authorities],
        }
        call.out(json.dumps(document, indent=4) + "\n")
        return 0
    call.out(
        "CERTIFICATE                EXPIRES                  RESIDUAL TIME   CERTIFICATE AUTHORITY   "
        "EXTERNALLY MANAGED\n"
    )
    for name, text, ca in rows:
        expires = pki.expires(text)
        call.out(
            f"{_name(name):<26} {expires:%b %d, %Y %H:%M} UTC   {(expires - datetime.now(UTC)).days}d "
            f"            {_name(ca):<23} no      \n"
        )
    return 0


def _row(name: str, text: str, ca: str | None) -> dict[str, object]:
    expires = pki.expires(text)
    row: dict[str, object] = {
        "name": _name(name),
        "expirationDate": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        "residualTime": int((expires - datetime.now(UTC)).total_seconds()),
        "externallyManaged": False,
        "missing": False,
    }
    return {**row, "caName": _name(ca)} if ca else row


def _name(name: str) -> str:
    return name.replace("/", "-")
