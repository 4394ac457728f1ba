"""``./inv deploy.rollback``: a release as one of its earlier revisions was, by Helm, once somebody has agreed."""

from __future__ import annotations

from collections.abc import Sequence

from provisioning.deploy import history
from provisioning.deploy.present import known, present
from provisioning.deploy.results import json_line, tell
from provisioning.kubernetes import Helm, Kubectl, ReleaseSpec
from provisioning.kubernetes.own_releases import POSTGRESQL
from provisioning.kubernetes.release_table import CHARTS, layers, namespace_of
from provisioning.kubernetes.rollout import Ensured
from provisioning.kubernetes.states import Revision
from provisioning.operations.looking import look
from provisioning.operations.performing import Asked, perform, told
from provisioning.run import Action, AnyPhase, ExitCode, Phase, RunError, Screen, Selection, Step
from provisioning.site import Site

_READY_S = 900.0
_LOOK_S = 120.0


class Rollback(Phase[list[Revision], Action]):
    """One release back to one revision. What runs then is not this tree: the next deploy sees that and goes forward."""

    name = "rollback"
    title = "Rollback"
    timeout_s = 1200.0

    def __init__(self, helm: Helm, release: str, namespace: str, to: Revision) -> None:
        super().__init__()
        self._helm = helm
        self._spec = ReleaseSpec(release, namespace, CHARTS, timeout_s=_READY_S)
        self._to = to
        self.results: list[Ensured] = []

    def facts(self, step: Step) -> list[Revision]:
        return self._helm.histories(step, [(self._spec.name, self._spec.namespace)])[self._spec.name]

    def plan(self, facts: list[Revision]) -> Sequence[Action]:
        last = facts[-1]
        if last.said == "deployed" and self._to.number in (last.number, last.returned_to):
            return ()
        title = f"roll {self._spec.name} back from revision {_named(last)} to {_named(self._to)}"
        return [Action(id=f"rollback:{self._spec.name}", title=title, destructive=True)]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        self._helm.rollback(step, self._spec, self._to.number, self._to.tag, tell=self.results.append)


def rollback(
    site: Site, asked: Asked, release: str | None, *, to: int | None = None, screen: Screen | None = None
) -> ExitCode:
    """``deploy.rollback``: without a release, lists all with their histories."""
    screen = screen or Screen()
    kubectl = Kubectl(site)
    helm = Helm(site, kubectl)
    if release is None:
        return _list(site, screen, kubectl, helm, json=asked.json)
    phases: list[Rollback] = []

    def begin() -> tuple[list[AnyPhase], Selection]:
        known(site.cluster, [release])
        present(site, kubectl)
        step = look(site, "rollback", timeout_s=_LOOK_S)
        asked_for = [(release, namespace_of(site.cluster, release))]
        if POSTGRESQL in site.cluster.releases and release != POSTGRESQL:
            asked_for.append((POSTGRESQL, namespace_of(site.cluster, POSTGRESQL)))
        found = helm.histories(step, asked_for)
        revision = history.target(release, found[release], to)
        diff = site.redactor.text(helm.diff_to(step, *asked_for[0], revision.number))
        note = history.schema_note(release, revision.tag, found.get(POSTGRESQL, ()))
        _show(screen, release, found[release], revision, diff, note, json=asked.json)
        phases.append(Rollback(helm, *asked_for[0], revision))
        return [*phases], Selection()

    words = ("./inv", "deploy.rollback", release, *(("--to", str(to)) if to is not None else ()))
    code = perform(site, words, asked, begin, screen)
    for phase in phases:
        tell(screen, phase.results, as_json=asked.json)
    return code


def _show(
    screen: Screen,
    release: str,
    found: Sequence[Revision],
    to: Revision,
    diff: str,
    note: str | None,
    *,
    json: bool,
) -> None:
    """What is known before the question is asked."""
    if json:
        revisions = [each.as_dict() for each in found]
        about = {"release": release, "to": to.number, "revisions": revisions, "diff": diff, "note": note}
        json_line(screen, {"kind": "history", **about})
        return
    screen.say(history.lines(release, found, to.number))
    screen.say(diff.splitlines() or ["No object differs."])
    screen.say([note] if note else [])


def _list(site: Site, screen: Screen, kubectl: Kubectl, helm: Helm, *, json: bool) -> ExitCode:
    try:
        present(site, kubectl)
        names = [name for layer in layers(site.cluster) for name in layer]
        step = look(site, "histories", timeout_s=_LOOK_S)
        found = helm.histories(step, [(name, namespace_of(site.cluster, name)) for name in names])
    except RunError as error:
        return told(site, screen, error, json=json)
    if json:
        screen.json({"releases": {name: [each.as_dict() for each in found[name]] for name in names}})
    else:
        for name in names:
            screen.say(history.lines(name, found[name]))
    return ExitCode.DONE


def _named(revision: Revision) -> str:
    return f"{revision.number} ({revision.tag or revision.chart})"
