"""``kubeadm config``: images and printing."""

from __future__ import annotations

from collections.abc import Sequence

from tests.doubles.hosts.arguments import Arguments, parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.commands.crictl import pull
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.kubeadm import configuration
from tests.doubles.hosts.kubeadm.versions import images, kubeadm_version


def config(host: Host, call: Call, words: Sequence[str]) -> int:
    given = parse(
        words,
        (),
        (
            "--config",
            "--kubernetes-version",
            "--cri-socket",
            "--image-repository",
            "--v/-v",
            "-o/--output",
            "--feature-gates",
        ),
    )
    match given.words:
        case ["images", "list"]:
            call.out("".join(f"{image}\n" for image in images(_version(host, call, given))))
            return 0
        case ["images", "pull"]:
            version = _version(host, call, given)
            if host.runtime is None or not host.runtime.cri:
                raise Exit(
                    1,
                    "error: failed to create new CRI runtime service: validate service connection: connection refused",
                )
            for image in images(version):
                pull(host, call, image)
                call.out(f"[config/images] Pulled {image}\n")
            return 0
        case ["validate"]:
            configuration.read(host, call, given.get("--config"))
            call.out("ok\n")
            return 0
    raise Violation(f"the model knows no kubeadm config {' '.join(given.words)}")


def _version(host: Host, call: Call, given: Arguments) -> str:
    """Without being told, kubeadm asks the network for the newest patch: not what a pinned cluster wants."""
    version = given.get("--kubernetes-version")
    if given.has("--config"):
        documents = configuration.read(host, call, given.get("--config"))
        version = documents.get("ClusterConfiguration", {}).get("kubernetesVersion", "")
    if not version:
        raise Violation("without --kubernetes-version kubeadm takes whatever is newest today")
    version = version if version.startswith("v") else f"v{version}"
    ours = kubeadm_version(host)
    if version.rpartition(".")[0] not in (ours.rpartition(".")[0], _minor_before(ours)):
        raise Exit(
            1,
            "error: this version of kubeadm only supports deploying clusters with the control plane "
            f"version >= {_minor_before(ours)}.0. Current version: {version}",
        )
    return version


def _minor_before(version: str) -> str:
    major, minor, _ = version.split(".")
    return f"{major}.{int(minor) - 1}"
