"""The administrator's kubeconfig on the operator's machine: from which cluster it is, and how it gets there."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from provisioning.run import ExitCode, Redactor, RunError

_CA = "certificate-authority-data"
_CERTIFICATE = "client-certificate-data"
_KEY = "client-key-data"


class KubeconfigUnreadable(RunError):
    """What stands in the control plane's admin.conf, or in the kubeconfig here, is no kubeconfig of kubeadm's."""

    code = "E-KUBECONFIG"
    exit_code = ExitCode.KUBERNETES
    cause = "The file was changed by hand."
    remedy = (
        "On the control plane: kubeadm kubeconfig user --client-name kubernetes-admin; here: ./inv rebuild --only init"
    )


@dataclass(frozen=True)
class Kept:
    """What the kubeconfig here says, without its key. Digests are of the base64 texts, as ``sha256sum`` prints them."""

    server: str
    ca: str
    certificate: str
    private: bool  # nobody but its owner may read it


def kept(path: Path) -> Kept | None:
    """None where there is no file, or one that is no kubeconfig: it is fetched anew then."""
    try:
        cluster, user = _parts(path.read_text())
        private = path.stat().st_mode & 0o077 == 0
        return Kept(cluster["server"], _digest(cluster[_CA]), _digest(user[_CERTIFICATE]), private)
    except (OSError, KubeconfigUnreadable, KeyError):
        return None


def adapted(text: str, server: str, redactor: Redactor) -> str:
    """The same kubeconfig with another server; its key is hidden from every log from here on.

    Raises `KubeconfigUnreadable`.
    """
    document = _document(text)
    cluster, user = _parts(text)
    if _KEY not in user or _CA not in cluster:
        raise KubeconfigUnreadable("no key or no certificate of the CA in it")
    redactor.register(user[_KEY])
    document["clusters"][0]["cluster"] = {**cluster, "server": server}
    return yaml.safe_dump(document, sort_keys=False)


def ca_hash(path: Path) -> str:
    """Of the cluster's CA, as kubeadm writes it but without ``sha256:``. Raises `KubeconfigUnreadable`, OSError."""
    cluster, _ = _parts(path.read_text())
    try:
        certificate = x509.load_pem_x509_certificate(base64.b64decode(cluster[_CA]))
    except (KeyError, ValueError) as error:
        raise KubeconfigUnreadable(f"{path}: no certificate of the CA in it") from error
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()


def _document(text: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
        if not isinstance(document, dict):
            raise KubeconfigUnreadable("not a mapping")
        return document
    except yaml.YAMLError:
        # The error would repeat a part of the file.
        raise KubeconfigUnreadable("not YAML") from None


def _parts(text: str) -> tuple[dict[str, str], dict[str, str]]:
    document = _document(text)
    try:
        return dict(document["clusters"][0]["cluster"]), dict(document["users"][0]["user"])
    except (KeyError, IndexError, TypeError, ValueError):
        raise KubeconfigUnreadable("no cluster or no user in it") from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
