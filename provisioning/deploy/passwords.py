"""``./inv secrets.list`` and ``./inv secrets.rotate``: which Secrets there are, and new passwords in them."""

from __future__ import annotations

import json as json_module
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisioning.deploy.errors import TreeDiffers
from provisioning.deploy.present import present
from provisioning.deploy.results import tell
from provisioning.deploy.rotate import Credentials, End, Rotate, StartAnew
from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.monitoring import MONITORING
from provisioning.kubernetes.own_releases import RABBITMQ, api_releases, worker_releases
from provisioning.kubernetes.release_table import CHARTS
from provisioning.kubernetes.rotation import ROTATED, ROTATING, annotations_of, rotatable
from provisioning.kubernetes.secrets import secrets_needed
from provisioning.operations.looking import look
from provisioning.operations.performing import Asked, perform, told
from provisioning.phases.releases import Releases
from provisioning.run import AnyPhase, ExitCode, RunError, Screen, Selection
from provisioning.run.errors import SelectionError
from provisioning.site import Site

_LOOK_S = 120.0
_ID = "%Y-%m-%dT%H-%M-%SZ"


def secrets_list(site: Site, *, json: bool = False, screen: Screen | None = None) -> ExitCode:
    """``secrets.list``: 12 when one is missing. Of the Secrets only their names and annotations are asked for."""
    screen = screen or Screen()
    try:
        kubectl = Kubectl(site)
        present(site, kubectl)
        step = look(site, "secrets", timeout_s=_LOOK_S)
        rows = []
        for needed in secrets_needed(site.cluster):
            words = ("get", "secret", needed.name, "--namespace", needed.namespace, "--ignore-not-found")
            said = kubectl.repeated(step, *words, "--output", "jsonpath={.metadata}")
            metadata: dict[str, Any] = json_module.loads(said) if said.strip() else {}
            annotations = metadata.get("annotations") or {}
            row = {"namespace": needed.namespace, "name": needed.name, "origin": needed.origin.value}
            about = {"made": metadata.get("creationTimestamp"), "rotated": annotations.get(ROTATED)}
            rows.append(row | about | {"rotating": annotations.get(ROTATING)})
    except RunError as error:
        return told(site, screen, error, json=json)
    if json:
        screen.json({"secrets": rows})
    else:
        screen.say(_line(row) for row in rows)
    return ExitCode.DONE if all(row["made"] for row in rows) else ExitCode.KUBERNETES


def secrets_rotate(
    site: Site,
    asked: Asked,
    releases: Sequence[str],
    *,
    everything: bool = False,
    charts: Path = CHARTS,
    screen: Screen | None = None,
) -> ExitCode:
    """``secrets.rotate``: new passwords for these releases, or all. A rotation of them that was cut off is ended, and
    then no new one is begun. Says the outage and asks first."""
    screen = screen or Screen()
    kubectl = Kubectl(site)
    helm = Helm(site, kubectl)
    rolled: list[StartAnew] = []

    def begin() -> tuple[list[AnyPhase], Selection]:
        chosen = _chosen(site, releases, everything=everything)
        present(site, kubectl)
        step = look(site, "rotation", timeout_s=_LOOK_S)
        read = Credentials(site, kubectl).read
        unfinished = [name for name in chosen if ROTATING in annotations_of(read(step, name))]
        goal = unfinished or chosen
        apps = [*api_releases(site.cluster), *worker_releases(site.cluster)] if set(goal) - {MONITORING} else []
        # RabbitMQ reads its password once in its life, so its pod goes on.
        parts = [name for name in goal if name != RABBITMQ]
        if not unfinished and not asked.resume:
            _check_tree(site, kubectl, helm, charts, [*apps, *parts])
        phases: list[AnyPhase] = [Rotate(site, kubectl, goal, datetime.now(UTC).strftime(_ID))]
        for only, name, title in (
            (apps, "services-anew", "Services and workers start anew"),
            (parts, "parts-anew", "The parts start anew"),
        ):
            if only:
                rolled.append(StartAnew(site, kubectl, helm, charts, only, name=name, title=title, after=goal))
        return [*phases, *rolled, End(site, kubectl, goal)], Selection()

    named = ("--all",) if everything else (",".join(releases),)
    code = perform(site, ("./inv", "secrets.rotate", *named), asked, begin, screen)
    if not asked.plan:
        tell(screen, [each for phase in rolled for each in phase.results()], as_json=asked.json)
    return code


def _chosen(site: Site, releases: Sequence[str], *, everything: bool) -> list[str]:
    """Raises `SelectionError`."""
    there = rotatable(site.cluster)
    if everything and releases:
        raise SelectionError("a release and --all cannot be given together")
    if unknown := [name for name in releases if name not in there]:
        raise SelectionError(f"{', '.join(unknown)} has no password of its own; those that have: {', '.join(there)}")
    if not everything and not releases:
        raise SelectionError(f"whose password? {', '.join(there)}, or --all")
    return [name for name in there if everything or name in releases]


def _check_tree(site: Site, kubectl: Kubectl, helm: Helm, charts: Path, only: Sequence[str]) -> None:
    """A rotation starts pods anew and must not bring another version with it. Raises `TreeDiffers`."""
    releases = Releases(site, kubectl, helm, charts, only)
    facts = releases.facts(look(site, "tree", timeout_s=_LOOK_S))
    if different := [each.spec.name for each in facts.releases if not each.is_so]:
        raise TreeDiffers(f"what runs is not what this tree makes: {', '.join(different)}")


def _line(row: dict[str, Any]) -> str:
    where = f"{row['namespace']}/{row['name']}"
    said = f"made {row['made']}" if row["made"] else "missing"
    said += f", rotated {row['rotated']}" if row["rotated"] else ""
    said += f", rotation under way since {row['rotating']}" if row["rotating"] else ""
    return f"{where:40}{row['origin']:50}{said}"
