"""The phases of a rotation: the part learns its new password, what reads it starts anew, the part too, and it is over.

Everything that is needed to go on stands in the cluster (see `provisioning.kubernetes.rotation`): a rotation that was
cut off anywhere is ended by whoever gives the same command next.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from provisioning.deploy.errors import NotRotated, RotationPassword, RotationPod, RotationRefused
from provisioning.deploy.parts import PARTS, WRONG
from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.errors import NotFound
from provisioning.kubernetes.kubectl import Object
from provisioning.kubernetes.reasons import is_ready, reason
from provisioning.kubernetes.rotation import (
    PASSWORDS,
    ROTATING,
    annotations_of,
    begun,
    ended,
    is_promoted,
    needed_of,
    promoted,
)
from provisioning.kubernetes.secrets import credentials, decoded
from provisioning.phases.releases import Facts, Releases
from provisioning.run import Action, NotYet, Phase, RunError, Step
from provisioning.run.redaction import SHORTEST_SECRET
from provisioning.site import Site

_ENDED = re.compile(r"command terminated with exit code (\d+)")
_TELL_S = 120.0


class Credentials:
    """The releases' own Secrets, read and written whole; what is in them is hidden from every log."""

    def __init__(self, site: Site, kubectl: Kubectl) -> None:
        self._site = site
        self._kubectl = kubectl

    def read(self, step: Step, release: str) -> Object:
        """Raises `NotRotated` where there is none."""
        namespace = self._site.cluster.releases[release].namespace
        try:
            secret = self._kubectl.get(step, "secret", credentials(release), namespace=namespace)
        except NotFound:
            raise NotRotated(f"{release} has no Secret {credentials(release)} in {namespace}") from None
        self._hide(decoded(secret))
        return secret

    def write(self, step: Step, secret: Object) -> None:
        """Raises `Conflict` when somebody else has written it since it was read."""
        self._hide(secret.get("stringData") or {})
        self._kubectl.run(step, "replace", "-f", "-", "-o", "name", stdin=json.dumps(secret))

    def _hide(self, content: Mapping[str, str]) -> None:
        for value in content.values():
            if len(value.strip()) >= SHORTEST_SECRET:
                self._site.redactor.register(value)


class Rotate(Phase[dict[str, Object], Action]):
    """New passwords beside the old ones, the part is told, the new ones take the place of the old."""

    name = "rotate"
    title = "New passwords"

    def __init__(self, site: Site, kubectl: Kubectl, releases: Sequence[str], rotation: str) -> None:
        """``rotation`` names this one; it says when it was begun."""
        super().__init__()
        self._site = site
        self._kubectl = kubectl
        self._credentials = Credentials(site, kubectl)
        self._releases = releases
        self._rotation = rotation

    def facts(self, step: Step) -> dict[str, Object]:
        return {release: self._credentials.read(step, release) for release in self._releases}

    def plan(self, facts: dict[str, Object]) -> Sequence[Action]:
        actions = []
        for release, secret in facts.items():
            what = f"give {release} new passwords"  # not "password:", behind which the redactor hides a word
            if since := annotations_of(secret).get(ROTATING):
                if is_promoted(secret):
                    continue
                what = f"end the rotation of {release} that was begun at {since} and cut off"
            title = f"{what}: {PARTS[release].outage}"
            actions.append(Action(id=f"rotate:{release}", title=title, destructive=True))
        return actions

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        chosen = [action.id.partition(":")[2] for action in actions]
        # All are begun before the first is told, so that what was cut off knows how far it was to go.
        for release in chosen:
            secret = self._credentials.read(step, release)
            if ROTATING not in annotations_of(secret):
                needed = needed_of(self._site.cluster, release)
                self._credentials.write(step, begun(secret, needed, PASSWORDS[release], self._rotation))
        for release in chosen:
            step.safe_point()
            secret = self._credentials.read(step, release)
            if not is_promoted(secret):
                self._tell(step, release, decoded(secret))
                self._credentials.write(step, promoted(secret, PASSWORDS[release]))
                step.say(f"{release}: the new password holds")

    def _tell(self, step: Step, release: str, secret: Mapping[str, str]) -> None:
        part = PARTS[release]
        namespace = self._site.cluster.releases[release].namespace
        pods = self._kubectl.items(step, "pods", namespace=namespace, selector=part.selector)
        ready = [pod for pod in pods if is_ready(pod)]
        if not ready:
            why = "; ".join(f"{pod['metadata']['name']} {reason(pod)}" for pod in pods) or "there is none"
            raise RotationPod(f"{release}: no pod that is ready: {why}")
        name = ready[0]["metadata"]["name"]
        words = ("exec", "--stdin", "--namespace", namespace, name, "--container", part.container)
        given = part.given(self._site.cluster, secret)
        try:
            self._kubectl.run(step, *words, "--", "sh", "-euc", part.script, stdin=given, timeout_s=_TELL_S)
        except RunError as error:
            said = str(error)
            if (code := _ENDED.search(said)) is None:
                raise
            kind = RotationPassword if int(code[1]) == WRONG else RotationRefused
            words_of_it = said.replace(code[0], "").replace("kubectl exec:", "").strip() or f"exit code {code[1]}"
            raise kind(f"{release}: {words_of_it}") from error


class StartAnew(Releases):
    """Releases whose pods read what has changed: rolled out as in every deploy, one layer after the other."""

    timeout_s = 3600.0

    def __init__(
        self,
        site: Site,
        kubectl: Kubectl,
        helm: Helm,
        charts: Path,
        only: Collection[str],
        *,
        name: str,
        title: str,
        after: Sequence[str],
    ) -> None:
        """``after``: the releases whose rotation has to be so far."""
        super().__init__(site, kubectl, helm, charts, only)
        self.name = name
        self.title = title
        self._after = after
        self._parts = Credentials(site, kubectl)

    def facts(self, step: Step) -> Facts:
        for release in self._after:
            secret = self._parts.read(step, release)
            if ROTATING in annotations_of(secret) and not is_promoted(secret):
                raise NotYet(f"{release} has to know its new password first; then they start anew")
            if ROTATING not in annotations_of(secret):
                raise NotYet(f"they start anew one after the other once {release} has its new password")
        return super().facts(step)


class End(Phase[dict[str, Object], Action]):
    """Takes away the sign that a rotation is under way."""

    name = "end"
    title = "End of the rotation"

    def __init__(self, site: Site, kubectl: Kubectl, releases: Sequence[str]) -> None:
        super().__init__()
        self._credentials = Credentials(site, kubectl)
        self._releases = releases

    def facts(self, step: Step) -> dict[str, Object]:
        return {release: self._credentials.read(step, release) for release in self._releases}

    def plan(self, facts: dict[str, Object]) -> Sequence[Action]:
        return [
            Action(id=f"end:{release}", title=f"note in {credentials(release)} that the rotation is over")
            for release, secret in facts.items()
            if ROTATING in annotations_of(secret)
        ]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        for action in actions:
            self._credentials.write(step, ended(self._credentials.read(step, action.id.partition(":")[2])))
