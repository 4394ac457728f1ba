"""Checks of the operator's own machine: the SSH key, the programs, the cluster's folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from provisioning.kubernetes.binaries import tools
from provisioning.preflight.check import Context, Finding, error, warning
from provisioning.run import RunError
from provisioning.terraform.runner import CONFIGURATION, Terraform

# Journals, plans and states of a cluster's life take some tens of megabytes, Terraform's providers most of a gigabyte.
_LEAST_BYTES = 1_500_000_000


def ssh_key(context: Context) -> Iterator[Finding]:
    path = context.cluster.access.key_file
    private = Path(path).expanduser()
    public = private.with_name(f"{private.name}.pub")
    make = f"ssh-keygen -t ed25519 -f {path}"
    for file in (private, public):
        if not file.is_file():
            yield error(f"there is no {file}", "The machines would let nobody in.", make)
            return
    if private.stat().st_mode & 0o077:
        yield error(f"{private} may be read by others", "SSH refuses to use such a key.", f"chmod 600 {private}")
    written = _key_of(public.read_text(errors="replace"))
    try:
        key = load_ssh_private_key(private.read_bytes(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as failed:
        if isinstance(failed, ValueError) and "passphrase" not in str(failed).lower():
            yield error(f"{private} is no SSH private key", "SSH cannot use it.", make)
        elif written not in _agents_keys():
            yield error(
                f"{private} has a passphrase, and no agent holds the key",
                "A rebuild opens connections for an hour and cannot ask each time.",
                f'eval "$(ssh-agent)" && ssh-add {path}',
            )
        return
    if not isinstance(key, ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        yield error(f"{private} is neither ED25519 nor RSA", "EC2 takes no other keys.", make)
        return
    if _key_of(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()) != written:
        yield error(
            f"{public.name} is not the public half of {private.name}",
            "The machines would let in somebody else's key.",
            f"ssh-keygen -y -f {path} > {path}.pub",
        )


def programs(context: Context) -> Iterator[Finding]:
    asked = (
        lambda: Terraform(context.site).version,
        lambda: tools(context.cluster, context.site.folder.parent / "bin"),
    )
    for ask in asked:
        try:
            ask()
        except RunError as failed:
            yield error(str(failed), failed.cause, failed.remedy)


def folder(context: Context) -> Iterator[Finding]:
    site = context.site
    for path in (site.folder, site.host_keys, site.terraform, site.kubeconfig):
        if path.exists() and path.stat().st_mode & 0o077:
            mode = "700" if path.is_dir() else "600"
            yield error(f"{path} may be read by others", "It holds keys of the cluster.", f"chmod {mode} {path}")
    if not os.access(site.folder, os.W_OK | os.X_OK):
        yield error(
            f"{site.folder} cannot be written", "The run could keep no journal.", f"chown -R $(id -u) {site.folder}"
        )
    free = shutil.disk_usage(site.folder).free
    if free < _LEAST_BYTES:
        yield warning(
            f"{free / 1e9:.1f} GB are free in {site.folder}",
            "Terraform's providers and the journals need some 1.5 GB.",
            "Make room, or set ECO2_CLUSTERS to a folder on another disk",
        )
    if not (CONFIGURATION / ".terraform.lock.hcl").exists():
        yield warning(
            "provisioning/terraform/.terraform.lock.hcl is not there",
            "Another run might get another version of the AWS provider.",
            "The first run writes it: commit it then",
        )


def _key_of(line: str) -> str:
    """An OpenSSH line without its comment."""
    return " ".join(line.split()[:2])


def _agents_keys() -> set[str]:
    try:
        return {f"{key.get_name()} {key.get_base64()}" for key in paramiko.Agent().get_keys()}
    except (paramiko.SSHException, OSError):
        return set()
