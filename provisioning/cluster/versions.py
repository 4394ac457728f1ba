"""Which versions go together (``versions.yaml``), and the order in which Kubernetes lets them change.

The rules of skew are Kubernetes' own: https://kubernetes.io/releases/version-skew-policy/
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from provisioning.cluster.errors import did_you_mean

# A kubelet may be so many minors older than the API server (from 1.25 on), and never newer.
KUBELET_SKEW = 3

_FILE = Path(__file__).with_name("versions.yaml")
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})", re.ASCII)


class UpgradeRefused(ValueError):
    """There is no permitted way from one version to the other; the text says why."""


class Version(NamedTuple):
    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> "Version":
        """``1.34.5`` or ``v1.34.5``. Raises ValueError."""
        found = _VERSION.fullmatch(text.removeprefix("v"))
        if not found:
            raise ValueError(f"{text!r} is no version such as 1.34.5")
        return cls(*(int(part) for part in found.groups()))

    @property
    def line(self) -> str:
        """The minor release it belongs to: ``1.34``."""
        return f"{self.major}.{self.minor}"

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def _parsed(value: Any) -> Version:
    return value if isinstance(value, Version) else Version.parse(str(value))


AnyVersion = Annotated[Version, BeforeValidator(_parsed)]


class Minor(BaseModel):
    """One minor release of Kubernetes and what belongs to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_patch: int = Field(ge=0)
    last_patch: int = Field(ge=0)
    end_of_life: date
    pause: str
    etcd: AnyVersion
    coredns: AnyVersion
    containerd: tuple[AnyVersion, ...] = Field(min_length=1)
    cloud_controller: AnyVersion
    sources: dict[str, str] = Field(min_length=1)


class Chart(BaseModel):
    """A Helm chart and where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    repository: str


class Component(BaseModel):
    """What is installed beside Kubernetes, in one version for all minors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: AnyVersion | None = None
    package: str | None = None
    chart: Chart | None = None
    kubernetes: tuple[str | None, str | None] | None  # the first and the last minor, both included
    source: str

    def __str__(self) -> str:
        return str(self.version) if self.version else f"(chart {self.chart.version})" if self.chart else "(any)"


class Matrix(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    minors: dict[str, Minor] = Field(min_length=1)
    components: dict[str, Component] = Field(min_length=1)

    def known(self, version: Version) -> bool:
        minor = self.minors.get(version.line)
        return minor is not None and minor.first_patch <= version.patch <= minor.last_patch

    def newest(self, line: str) -> Version:
        """The newest known patch of a minor release."""
        major, minor = line.split(".")
        return Version(int(major), int(minor), self.minors[line].last_patch)


@cache
def matrix() -> Matrix:
    read: Any = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return Matrix.model_validate(read)


def kubernetes_version(text: str) -> Version:
    """The version a cluster file asks for. Raises ValueError for one that is not in the matrix."""
    known = matrix().minors
    if text in known:
        raise ValueError(f"{text!r} names no patch (did you mean {matrix().newest(text)}?)")
    version = Version.parse(text)
    if not matrix().known(version):
        if version.line in known:
            last = matrix().newest(version.line)
            raise ValueError(f"Kubernetes {version} is not known; of {version.line} it is {version.line}.0 to {last}")
        newest = [str(matrix().newest(line)) for line in known]
        raise ValueError(
            f"Kubernetes {version} is not in the version matrix, which has {', '.join(known)}"
            f"{did_you_mean(str(version), newest)}"
        )
    return version


def mismatches(version: Version) -> list[str]:
    """Why the matrix's components do not go with this Kubernetes; nothing when they do."""
    wrong = []
    minor = matrix().minors[version.line]
    containerd = matrix().components["containerd"].version
    if containerd is None or not _containerd_fits(containerd, minor.containerd):
        wanted = ", ".join(f"{least}+" for least in minor.containerd)
        wrong.append(f"containerd {containerd} is not what Kubernetes {version.line} wants ({wanted})")
    if minor.cloud_controller.line != version.line:
        wrong.append(f"the cloud controller manager {minor.cloud_controller} is not of the minor {version.line}")
    for name, component in matrix().components.items():
        if component.kubernetes and not _within(version.line, *component.kubernetes):
            first, last = component.kubernetes
            span = f"{first} to {last}" if last else f"{first} and later"
            wrong.append(f"{name} {component} is for Kubernetes {span}")
    return wrong


def _containerd_fits(version: Version, wanted: Sequence[Version]) -> bool:
    same_line = [least for least in wanted if least.line == version.line]
    return version >= same_line[0] if same_line else version > max(wanted)


def _within(line: str, first: str | None, last: str | None) -> bool:
    def number(text: str) -> list[int]:
        return [int(part) for part in text.split(".")]

    return (first is None or number(first) <= number(line)) and (last is None or number(line) <= number(last))


def kubelet_problem(api_server: Version, kubelet: Version) -> str | None:
    """Why a kubelet of this version must not run against this API server, or None."""
    if (kubelet.major, kubelet.minor) > (api_server.major, api_server.minor):
        return f"the kubelet {kubelet} is newer than the API server {api_server}"
    if api_server.minor - kubelet.minor > KUBELET_SKEW:
        behind = api_server.minor - kubelet.minor
        return (
            f"the kubelet {kubelet} is {behind} minors behind the API server {api_server}, {KUBELET_SKEW} are permitted"
        )
    return None


def upgrade_path(running: Version, wanted: Version) -> list[Version]:
    """The versions to go through, the wanted one last; empty when it is running already.

    No minor is skipped. Before a minor with another line of etcd stands the newest patch of the minor before it, since
    etcd 3.6 takes over only from late versions of 3.5. Raises `UpgradeRefused`.
    """
    if wanted < running:
        raise UpgradeRefused(f"Kubernetes cannot be downgraded: {running} is running, {wanted} is wanted")
    if wanted.major != running.major or not matrix().known(wanted):
        raise UpgradeRefused(f"Kubernetes {wanted} is not in the version matrix")
    path: list[Version] = []
    at = running
    while at.line != wanted.line:
        following = f"{at.major}.{at.minor + 1}"
        if at.line not in matrix().minors or following not in matrix().minors:
            raise UpgradeRefused(f"the version matrix does not know the way from {at.line} to {following}")
        before, after = matrix().minors[at.line], matrix().minors[following]
        newest = matrix().newest(at.line)
        if before.etcd.line != after.etcd.line and at < newest:
            path.append(newest)
        at = wanted if following == wanted.line else matrix().newest(following)
        path.append(at)
    if at != wanted:
        path.append(wanted)
    return path


def upgrade_problems(api_server: Version, kubelets: Mapping[str, Version], step: Version) -> list[str]:
    """Why the control plane may not go to ``step`` now: each kubelet that it would leave too far behind.

    The control plane goes first, so no kubelet may be newer than it either. Empty when it may go.
    """
    problems = []
    if step < api_server:
        problems.append(f"the API server {api_server} cannot be downgraded to {step}")
    if step.minor - api_server.minor > 1:
        problems.append(f"the API server {api_server} cannot skip a minor to {step}")
    for name, kubelet in sorted(kubelets.items()):
        problem = kubelet_problem(api_server, kubelet) or kubelet_problem(step, kubelet)
        if problem:
            problems.append(f"{name}: {problem}")
    return problems
