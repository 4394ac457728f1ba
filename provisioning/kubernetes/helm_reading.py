"""What Helm says, and nothing that changes anything: states, histories, what a chart would make, what differs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import yaml

from provisioning.kubernetes import charts
from provisioning.kubernetes.bounded import bounded, each
from provisioning.kubernetes.charts import ReleaseSpec
from provisioning.kubernetes.differences import difference
from provisioning.kubernetes.errors import ChartRefused, ChartUnreachable
from provisioning.kubernetes.helm_command import HelmCommand, HelmFailed, meaning
from provisioning.kubernetes.kubectl import Kubectl, Object
from provisioning.kubernetes.states import MISSING, Revision, State, revisions, state
from provisioning.run import RunError, Step
from provisioning.site import Site

_READ_S = 60.0
_PULL_S = 180.0
_NO_RELEASE = "release: not found"


class HelmReading:
    """Helm for one cluster, as far as it only looks. All methods are bounded by the step and may be called from any
    thread."""

    def __init__(self, site: Site, kubectl: Kubectl | None = None) -> None:
        self._site = site
        self._kubectl = kubectl or Kubectl(site)
        self._charts = site.folder.parent / "charts"
        self._home = site.folder / "helm"

    def states(self, step: Step, specs: Sequence[ReleaseSpec]) -> dict[str, State]:
        """Release -> its last revision; MISSING where there is none, or no cluster yet. Changes nothing."""
        if not self._site.kubeconfig.exists():
            return {spec.name: MISSING for spec in specs}
        found = bounded(step, each(specs, lambda spec: self._state(step, spec.name, spec.namespace)))
        return dict(zip((spec.name for spec in specs), found, strict=True))

    def histories(self, step: Step, releases: Sequence[tuple[str, str]]) -> dict[str, list[Revision]]:
        """(Name, namespace) of releases -> their revisions, the oldest first; none where there is no such release."""
        found = bounded(step, each(releases, lambda one: self._history(step, *one)))
        return dict(zip((name for name, _ in releases), found, strict=True))

    def digests(self, step: Step, specs: Sequence[ReleaseSpec]) -> dict[str, str]:
        """Release -> the digest that it should have. Fetches charts that are not kept yet.

        Raises `ChartMissing`, `ChartUnreachable`.
        """
        folders = bounded(step, each(specs, lambda spec: self._chart(step, spec)))
        return {spec.name: charts.digest(folder, spec.values) for spec, folder in zip(specs, folders, strict=True)}

    def rendered(self, step: Step, spec: ReleaseSpec) -> list[Object]:
        """The objects that the release would make, hooks left out. Asks no cluster. Raises `ChartRefused`."""
        return bounded(step, self._template(step, spec))

    def diff(self, step: Step, spec: ReleaseSpec) -> str:
        """What `Helm.ensure` would change in the cluster's objects, as a unified diff without the content of
        Secrets. The chart is rendered with what the API server knows, as an upgrade does."""

        async def both() -> tuple[list[Object], list[Object]]:
            now = await self._manifest_if_any(step, spec.name, spec.namespace)
            return now, await self._template(step, spec, "--dry-run=server")

        return difference(*bounded(step, both()))

    def diff_to(self, step: Step, name: str, namespace: str, revision: int) -> str:
        """What going back to this revision would change, in the same form."""

        async def both() -> tuple[list[Object], list[Object]]:
            now = await self._manifest_if_any(step, name, namespace)
            return now, await self._manifest_if_any(step, name, namespace, "--revision", str(revision))

        return difference(*bounded(step, both()))

    async def _history(self, step: Step, name: str, namespace: str) -> list[Revision]:
        try:
            return revisions(await self._command(step).history(name, namespace=namespace))
        except HelmFailed as error:
            if _NO_RELEASE in str(error):
                return []
            raise self._meaning(error, name) from error

    async def _state(self, step: Step, name: str, namespace: str) -> State:
        try:
            return state((await self._command(step).history(name, max_revisions=1, namespace=namespace))[-1])
        except HelmFailed as error:
            if _NO_RELEASE in str(error):
                return MISSING
            raise self._meaning(error, name) from error

    async def _chart(self, step: Step, spec: ReleaseSpec) -> Path:
        if (folder := charts.kept(self._charts, spec.chart)) is not None:
            return folder
        assert not isinstance(spec.chart, Path)
        chart, source = spec.chart, charts.repository(spec.chart)
        step.say(f"fetching the chart {chart.name} {chart.version} from {source}")
        with charts.unpacking(self._charts) as unpacking:
            pulled = self._command(step, unpack_directory=unpacking).pull(
                chart.name, repo=source, version=chart.version
            )
            try:
                return charts.keep(self._charts, chart, await asyncio.wait_for(pulled, _PULL_S))
            except (HelmFailed, TimeoutError) as error:
                said = str(error) or f"nothing for {_PULL_S:.0f} s"
                raise ChartUnreachable(f"{chart.name} {chart.version} from {source}: {self._clean(said)}") from error

    async def _template(self, step: Step, spec: ReleaseSpec, *more: str) -> list[Object]:
        folder = await self._chart(step, spec)
        version = f"v{self._site.cluster.kubernetes.version}"
        how = ["--namespace", spec.namespace, "--no-hooks", "--skip-crds", "--kube-version", version, "--values", "-"]
        text = yaml.safe_dump(spec.values).encode()
        try:
            return _objects(await self._asked(step, "template", spec.name, folder, *how, *more, stdin=text))
        except HelmFailed as error:
            if more and not issubclass(kind := meaning(str(error)), ChartRefused):
                raise kind(f"{spec.name}: {self._clean(error)}") from error
            raise ChartRefused(f"{spec.name}: {self._clean(error)}") from error

    async def _manifest(self, step: Step, name: str, namespace: str, *more: str) -> list[Object]:
        return _objects(await self._asked(step, "get", "manifest", name, "--namespace", namespace, *more))

    async def _manifest_if_any(self, step: Step, name: str, namespace: str, *more: str) -> list[Object]:
        try:
            return await self._manifest(step, name, namespace, *more)
        except HelmFailed as error:
            if "not found" not in str(error):
                raise self._meaning(error, name) from error
            return []

    async def _asked(self, step: Step, *words: str | Path, stdin: bytes | None = None) -> bytes:
        try:
            return await asyncio.wait_for(self._command(step).run(list(words), stdin), _READ_S)
        except TimeoutError:
            raise HelmFailed(f"helm {words[0]}: i/o timeout, nothing for {_READ_S:.0f} s") from None

    def _command(self, step: Step, lock: int | None = None, unpack_directory: Path | None = None) -> HelmCommand:
        helm = self._kubectl.tools.helm.path
        return HelmCommand(helm, self._site.kubeconfig, self._home, step.say, lock, unpack_directory)

    def _meaning(self, error: HelmFailed, name: str) -> RunError:
        said = f"{name}: {self._clean(error)}"
        return meaning(said)(said)

    def _clean(self, error: object) -> str:
        return self._site.redactor.text(str(error).strip())


def _objects(text: bytes) -> list[Object]:
    return [each for each in yaml.safe_load_all(text) if each]
