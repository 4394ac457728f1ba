"""Helm on the operator's machine: what a release is, and how it becomes what it should be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import yaml

from provisioning.kubernetes import charts
from provisioning.kubernetes.bounded import bounded, each
from provisioning.kubernetes.charts import ReleaseSpec
from provisioning.kubernetes.differences import difference
from provisioning.kubernetes.errors import ChartRefused, ChartUnreachable, ReleaseFailed
from provisioning.kubernetes.helm_command import HelmCommand, HelmFailed, meaning
from provisioning.kubernetes.kubectl import Kubectl, Object
from provisioning.kubernetes.reasons import not_ready
from provisioning.kubernetes.release_lock import release_lock
from provisioning.kubernetes.states import MISSING, State, Status, description, state
from provisioning.run import NotYet, RunError, Step
from provisioning.site import Site

_READ_S = 60.0
_PULL_S = 180.0
# Kept from the step's time for saying why, and for the way back.
_AFTERWARDS_S = 60.0
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


class Helm:
    """Helm for one cluster. All methods are bounded by the step and may be called from any thread."""

    def __init__(self, site: Site, kubectl: Kubectl | None = None) -> None:
        self._site = site
        self._kubectl = kubectl or Kubectl(site)
        self._charts = site.folder.parent / "charts"
        self._home = site.folder / "helm"

    def states(self, step: Step, specs: Sequence[ReleaseSpec]) -> dict[str, State]:
        """Release -> its last revision; MISSING where there is none, or no cluster yet. Changes nothing."""
        if not self._site.kubeconfig.exists():
            return {spec.name: MISSING for spec in specs}
        found = bounded(step, each(specs, lambda spec: self._state(step, spec)))
        return dict(zip((spec.name for spec in specs), found, strict=True))

    def digests(self, step: Step, specs: Sequence[ReleaseSpec]) -> dict[str, str]:
        """Release -> the digest that it should have. Fetches charts that are not kept yet.

        Raises `ChartMissing`, `ChartUnreachable`.
        """
        folders = bounded(step, each(specs, lambda spec: self._chart(step, spec)))
        return {spec.name: charts.digest(folder, spec.values) for spec, folder in zip(specs, folders, strict=True)}

    def ensure(self, step: Step, *specs: ReleaseSpec) -> None:
        """Makes these releases what they should be, some at once; what is so already is left alone.

        Raises `ReleaseFailed` with what its pods say, after an upgrade was taken back; `ChartRefused`, `ReleaseBusy`,
        `HelmSaid` and the errors of `Kubectl`. Where several failed, the message holds them all.
        """
        if not self._site.kubeconfig.exists():
            raise NotYet("there is no kubeconfig yet: the cluster has not been made")
        bounded(step, each(specs, lambda spec: self._ensure(step, spec)))

    def uninstall(self, step: Step, name: str, namespace: str, *, timeout_s: float = 300.0) -> None:
        """Uninstalls a release and waits until its objects are gone; one that is not there is gone."""

        async def locked() -> None:
            async with release_lock(step, self._home, name, namespace) as lock:
                await self._uninstall(step, name, namespace, timeout_s, lock)

        bounded(step, locked())

    def rendered(self, step: Step, spec: ReleaseSpec) -> list[Object]:
        """The objects that the release would make, hooks left out. Asks no cluster. Raises `ChartRefused`."""
        return bounded(step, self._template(step, spec))

    def diff(self, step: Step, spec: ReleaseSpec) -> str:
        """What `ensure` would change in the cluster's objects, as a unified diff without the content of Secrets."""

        async def both() -> tuple[list[Object], list[Object]]:
            try:
                now = await self._manifest(step, spec)
            except HelmFailed as error:
                if "not found" not in str(error):
                    raise self._meaning(error, spec.name) from error
                now = []
            return now, await self._template(step, spec)

        return difference(*bounded(step, both()))

    async def _ensure(self, step: Step, spec: ReleaseSpec) -> None:
        folder = await self._chart(step, spec)
        wanted = charts.digest(folder, spec.values)
        async with release_lock(step, self._home, spec.name, spec.namespace) as lock:
            now = await self._state(step, spec)
            if (now.status, now.digest) == (Status.DEPLOYED, wanted):
                return
            if now.status is Status.PENDING:
                await self._heal(step, spec, now, lock)
            # Helm installs a chart's CRDs once and never again; an upgrade may need their new fields.
            if definitions := charts.crds(folder):
                await asyncio.to_thread(self._kubectl.apply, step, definitions, force=True)
            step.say(f"{spec.name}: {spec.chart_text}")
            try:
                await self._command(step, lock).install_or_upgrade(
                    spec.name,
                    folder,
                    spec.values,
                    description=description(wanted),
                    namespace=spec.namespace,
                    skip_crds=True,
                    timeout=_bound(step, spec.timeout_s),
                    wait=spec.wait,
                )
            except HelmFailed as error:
                raise await self._why(step, spec, error, lock) from error

    async def _heal(self, step: Step, spec: ReleaseSpec, now: State, lock: int) -> None:
        """The lock says that no helm of ours works on it, so what is pending was cut off."""
        step.say(f"{spec.name}: revision {now.revision} is {now.said} and nobody works on it: it is taken back")
        if now.said == "uninstalling":
            await self._uninstall(step, spec.name, spec.namespace, spec.timeout_s, lock)
            return
        # Only Helm's record of the attempt goes. What the attempt made is adopted by the next one, so nothing that
        # runs is taken down for it.
        record = f"secret/sh.helm.release.v1.{spec.name}.v{now.revision}"
        words = ("delete", record, "--namespace", spec.namespace, "--ignore-not-found")
        await asyncio.to_thread(self._kubectl.repeated, step, *words)

    async def _why(self, step: Step, spec: ReleaseSpec, error: HelmFailed, lock: int) -> RunError:
        """The error of an install or upgrade that failed; takes the upgrade back."""
        if (await self._state(step, spec)).status is not Status.FAILED:
            return self._meaning(error, spec.name)
        said = [f"{spec.name}: {self._clean(error)}", *await self._not_ready(step, spec)]
        revisions = await self._command(step).history(spec.name, namespace=spec.namespace)
        good = [int(each["revision"]) for each in revisions if each["status"] in ("deployed", "superseded")]
        if not good:
            said.append("It was the first revision: it is left as it is, so that one can look at it.")
            return ReleaseFailed("\n".join(said))
        command, bound = self._command(step, lock), _bound(step, spec.timeout_s)
        try:
            await command.rollback(
                spec.name, max(good), namespace=spec.namespace, cleanup_on_fail=True, timeout=bound, wait=False
            )
            said.append(f"It has been rolled back to revision {max(good)}.")
        except HelmFailed as second:
            said.append(f"The way back to revision {max(good)} failed too: {self._clean(second)}")
        return ReleaseFailed("\n".join(said))

    async def _not_ready(self, step: Step, spec: ReleaseSpec) -> list[str]:
        """What its pods say; that they could not be asked where the API server does not answer just now."""
        try:
            names = [
                each["metadata"]["name"] for each in await self._manifest(step, spec) if each["kind"] in _WORKLOADS
            ]
            pods = await asyncio.to_thread(self._kubectl.items, step, "pods", namespace=spec.namespace)
            events = await asyncio.to_thread(self._kubectl.items, step, "events", namespace=spec.namespace)
        except (HelmFailed, RunError) as error:
            return [f"Why its pods are not ready could not be asked: {self._clean(error)}"]
        own = [pod for pod in pods if pod["metadata"]["name"].startswith(tuple(f"{name}-" for name in names))]
        return [self._clean(line) for line in not_ready(own, events)]

    async def _uninstall(self, step: Step, name: str, namespace: str, timeout_s: float, lock: int) -> None:
        command, bound = self._command(step, lock), _bound(step, timeout_s)
        try:
            await command.uninstall(name, namespace=namespace, timeout=bound, wait=True)
        except HelmFailed as error:
            if "not found" not in str(error):
                raise self._meaning(error, name) from error

    async def _state(self, step: Step, spec: ReleaseSpec) -> State:
        try:
            return state((await self._command(step).history(spec.name, max_revisions=1, namespace=spec.namespace))[-1])
        except HelmFailed as error:
            if "release: not found" in str(error):
                return MISSING
            raise self._meaning(error, spec.name) from error

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

    async def _template(self, step: Step, spec: ReleaseSpec) -> list[Object]:
        folder = await self._chart(step, spec)
        version = f"v{self._site.cluster.kubernetes.version}"
        how = ["--namespace", spec.namespace, "--no-hooks", "--skip-crds", "--kube-version", version, "--values", "-"]
        text = yaml.safe_dump(spec.values).encode()
        try:
            return _objects(await self._asked(step, "template", spec.name, folder, *how, stdin=text))
        except HelmFailed as error:
            raise ChartRefused(f"{spec.name}: {self._clean(error)}") from error

    async def _manifest(self, step: Step, spec: ReleaseSpec) -> list[Object]:
        return _objects(await self._asked(step, "get", "manifest", spec.name, "--namespace", spec.namespace))

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


def _bound(step: Step, timeout_s: float) -> str:
    kept_s = min(_AFTERWARDS_S, step.remaining_s / 3)
    return f"{max(1, round(min(timeout_s, step.remaining_s - kept_s)))}s"


def _objects(text: bytes) -> list[Object]:
    return [each for each in yaml.safe_load_all(text) if each]
