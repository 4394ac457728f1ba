"""Renders a release as it is deployed, and finds what the tests ask of it."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).parents[2] / "charts"
KUBERNETES = "1.34"

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Release:
    """A release with the values that it is deployed with."""

    name: str
    namespace: str
    chart: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Pod:
    """What a workload makes its pods of."""

    owner: Manifest
    spec: Manifest
    labels: Mapping[str, str]

    @property
    def id(self) -> str:
        return f"{self.owner['kind']} {self.owner['metadata']['name']}"

    @property
    def containers(self) -> list[Manifest]:
        """With those that run before the others."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def helm(program: Path, *words: str, values: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words, "--values", "-"], input=json.dumps(values), capture_output=True, text=True, timeout=60
    )


def text_of(program: Path, release: Release) -> str:
    """What helm sends to the API server for an installation, hooks and tests included."""
    words = ("template", release.name, str(CHARTS / release.chart), "--namespace", release.namespace)
    done = helm(program, *words, "--kube-version", f"v{KUBERNETES}.0", values=release.values)
    assert done.returncode == 0, done.stderr
    return done.stdout


def parsed(text: str) -> list[Manifest]:
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def pods(manifests: list[Manifest]) -> Iterator[Pod]:
    for manifest in manifests:
        spec = manifest.get("spec", {})
        match manifest["kind"]:
            case "Pod":
                yield Pod(manifest, spec, manifest["metadata"]["labels"])
            case "CronJob":
                template = spec["jobTemplate"]["spec"]["template"]
                yield Pod(manifest, template["spec"], template["metadata"]["labels"])
            case "Deployment" | "StatefulSet" | "DaemonSet" | "Job":
                yield Pod(manifest, spec["template"]["spec"], spec["template"]["metadata"]["labels"])


def workload(manifests: list[Manifest]) -> Pod:
    """The one that the release is there for."""
    (found,) = (pod for pod in pods(manifests) if pod.owner["kind"] in ("Deployment", "StatefulSet"))
    return found


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = (manifest for manifest in of_kind(manifests, kind) if manifest["metadata"]["name"] == name)
    return found


def container(pod: Pod, name: str) -> Manifest:
    (found,) = (one for one in pod.containers if one["name"] == name)
    return found


def is_ours(one: Manifest) -> bool:
    """Whether the container is a process of ours, not a database."""
    return str(one["image"]).rpartition("/")[2].startswith(("eco2:", "eco2-worker:"))
