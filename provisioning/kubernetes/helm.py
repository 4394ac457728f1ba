"""Helm on the operator's machine: how a release becomes what it should be, goes back, or goes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

from provisioning.kubernetes import charts
from provisioning.kubernetes.bounded import bounded, each
from provisioning.kubernetes.charts import ReleaseSpec
from provisioning.kubernetes.errors import ApiUnreachable, ReleaseFailed
from provisioning.kubernetes.helm_command import HelmFailed
from provisioning.kubernetes.helm_reading import HelmReading
from provisioning.kubernetes.reasons import not_ready
from provisioning.kubernetes.release_lock import release_lock
from provisioning.kubernetes.rollout import Ensured, Outcome, told
from provisioning.kubernetes.states import State, Status, description, image_tag_of
from provisioning.run import NotYet, RunError, Step

# Kept from the step's time for saying why, and for the way back.
_AFTERWARDS_S = 60.0
# The API server could not answer in the middle: nothing is wrong with the release, and it may be tried again.
_API_BUSY = re.compile(r"too many requests|an error on the server|etcdserver|currently unable to handle")
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
Told = Callable[[Ensured], None]


def _nobody(ensured: Ensured) -> None:
    pass


class Helm(HelmReading):
    """Helm for one cluster. All methods are bounded by the step and may be called from any thread."""

    def ensure(self, step: Step, *specs: ReleaseSpec, tell: Told = _nobody) -> None:
        """Makes these releases what they should be, some at once; what is so already is left alone. ``tell`` hears of
        each how it ended, of those that failed too.

        Raises `ReleaseFailed` with what its pods say, after an upgrade was taken back; `ChartRefused`, `ReleaseBusy`,
        `HelmSaid` and the errors of `Kubectl`. Where several failed, the message holds them all.
        """
        self._check()
        bounded(step, each(specs, lambda spec: self._ensure(step, spec, tell)))

    def rollback(self, step: Step, spec: ReleaseSpec, revision: int, tag: str | None, tell: Told = _nobody) -> None:
        """Makes the release what this revision of it was, and waits until its pods are ready. Of ``spec`` only name,
        namespace and bounds count; ``tag`` is told.

        Raises `ReleaseFailed`: then it is left as it is. Else like `ensure`.
        """
        self._check()
        bounded(step, self._rollback(step, spec, revision, tag, tell))

    def uninstall(self, step: Step, name: str, namespace: str, *, timeout_s: float = 300.0) -> None:
        """Uninstalls a release and waits until its objects are gone; one that is not there is gone."""

        async def locked() -> None:
            async with release_lock(step, self._home, name, namespace) as lock:
                await self._uninstall(step, name, namespace, timeout_s, lock)

        bounded(step, locked())

    def _check(self) -> None:
        if not self._site.kubeconfig.exists():
            raise NotYet("there is no kubeconfig yet: the cluster has not been made")

    async def _ensure(self, step: Step, spec: ReleaseSpec, tell: Told) -> None:
        folder = await self._chart(step, spec)
        wanted, tag = charts.digest(folder, spec.values), image_tag_of(spec.values)
        async with release_lock(step, self._home, spec.name, spec.namespace) as lock:
            began = time.monotonic()
            now = await self._state(step, spec.name, spec.namespace)

            def ended(outcome: Outcome, after: int) -> None:
                took_s = round(time.monotonic() - began, 1)
                chart = spec.chart_text if outcome is not Outcome.FAILED else now.chart or spec.chart_text
                tell(Ensured(spec.name, spec.namespace, outcome, now.revision, after, chart, tag, took_s))

            if (now.status, now.digest) == (Status.DEPLOYED, wanted):
                ended(Outcome.UNCHANGED, now.revision)
                return
            if now.status is Status.PENDING:
                await self._heal(step, spec, now, lock)
            # Helm installs a chart's CRDs once and never again; an upgrade may need their new fields.
            if definitions := charts.crds(folder):
                await asyncio.to_thread(self._kubectl.apply, step, definitions, force=True)
            step.say(f"{spec.name}: {spec.chart_text}")
            try:
                async with told(step, self._kubectl, spec):
                    made = await self._command(step, lock).install_or_upgrade(
                        spec.name,
                        folder,
                        spec.values,
                        description=description(wanted, tag),
                        namespace=spec.namespace,
                        skip_crds=True,
                        timeout=_bound(step, spec.timeout_s),
                        wait=spec.wait,
                    )
            except HelmFailed as error:
                why, after = await self._why(step, spec, error, lock)
                ended(Outcome.FAILED, after)
                raise why from error
            # Helm ends well even where its last write, that of its record, was lost. The next try takes it back.
            kept = await self._state(step, spec.name, spec.namespace)
            if (kept.status, kept.digest) != (Status.DEPLOYED, wanted):
                ended(Outcome.FAILED, kept.revision)
                raise ApiUnreachable(f"{spec.name}: helm is done, but its record says {kept.said}")
            is_new = now.status is Status.MISSING
            ended(Outcome.INSTALLED if is_new else Outcome.UPGRADED, int(made["version"]))

    async def _rollback(self, step: Step, spec: ReleaseSpec, revision: int, tag: str | None, tell: Told) -> None:
        async with release_lock(step, self._home, spec.name, spec.namespace) as lock:
            began = time.monotonic()
            now = await self._state(step, spec.name, spec.namespace)
            if now.status is Status.PENDING:
                await self._heal(step, spec, now, lock)

            async def ended(outcome: Outcome) -> None:
                after = await self._state(step, spec.name, spec.namespace)
                chart, took_s = after.chart or "", round(time.monotonic() - began, 1)
                tell(Ensured(spec.name, spec.namespace, outcome, now.revision, after.revision, chart, tag, took_s))

            step.say(f"{spec.name}: back to revision {revision}")
            try:
                async with told(step, self._kubectl, spec):
                    await self._command(step, lock).rollback(
                        spec.name,
                        revision,
                        namespace=spec.namespace,
                        timeout=_bound(step, spec.timeout_s),
                        wait=spec.wait,
                    )
            except HelmFailed as error:
                if (await self._state(step, spec.name, spec.namespace)).status is not Status.FAILED:
                    raise self._meaning(error, spec.name) from error
                said = [f"{spec.name}: {self._clean(error)}", *await self._not_ready(step, spec)]
                await ended(Outcome.FAILED)
                said.append(f"It is left as revision {revision} makes it.")
                raise ReleaseFailed("\n".join(said)) from error
            await ended(Outcome.RETURNED)

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

    async def _why(self, step: Step, spec: ReleaseSpec, error: HelmFailed, lock: int) -> tuple[RunError, int]:
        """The error of an install or upgrade that failed, and the revision it is at now; takes the upgrade back."""
        now = await self._state(step, spec.name, spec.namespace)
        if now.status is not Status.FAILED:
            return self._meaning(error, spec.name), now.revision
        said = [f"{spec.name}: {self._clean(error)}", *await self._not_ready(step, spec)]
        kind = ApiUnreachable if _API_BUSY.search(str(error)) else ReleaseFailed
        revisions = await self._history(step, spec.name, spec.namespace)
        good = [each.number for each in revisions if each.is_good]
        if not good:
            said.append("It was the first revision: it is left as it is, so that one can look at it.")
            return kind("\n".join(said)), now.revision
        command, bound = self._command(step, lock), _bound(step, spec.timeout_s)
        try:
            await command.rollback(
                spec.name, max(good), namespace=spec.namespace, cleanup_on_fail=True, timeout=bound, wait=False
            )
            said.append(f"It has been rolled back to revision {max(good)}.")
        except HelmFailed as second:
            said.append(f"The way back to revision {max(good)} failed too: {self._clean(second)}")
        return kind("\n".join(said)), (await self._state(step, spec.name, spec.namespace)).revision

    async def _not_ready(self, step: Step, spec: ReleaseSpec) -> list[str]:
        """What its pods say; that they could not be asked where the API server does not answer just now."""
        try:
            names = [
                each["metadata"]["name"]
                for each in await self._manifest(step, spec.name, spec.namespace)
                if each["kind"] in _WORKLOADS
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


def _bound(step: Step, timeout_s: float) -> str:
    kept_s = min(_AFTERWARDS_S, step.remaining_s / 3)
    return f"{max(1, round(min(timeout_s, step.remaining_s - kept_s)))}s"
