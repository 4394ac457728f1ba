"""``./inv build`` and ``./inv build-workers``: builds the images of this tree and, where asked to, pushes them."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioning.images.configuration import private
from provisioning.images.docker import Docker
from provisioning.images.errors import BuildFailed, TokenMissing
from provisioning.images.plan import BuildPlan, Image
from provisioning.run import Redactor, Screen
from provisioning.run.redaction import SHORTEST_SECRET

TOKEN = "GHCR_TOKEN"  # noqa: S105 - the name of a variable
USER = "GITHUB_USERNAME"
# A first build downloads half a gigabyte of packages.
_BUILD_S = 3600.0
_LOGIN_S = 60.0
_LOOK_S = 30.0


@dataclass(frozen=True)
class Built:
    """An image that is there. ``digest`` is the registry's where it was pushed, else the local image's id."""

    image: Image
    digest: str
    pushed: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "target": self.image.target,
            "repository": self.image.repository,
            "tags": list(self.image.tags),
            "digest": self.digest,
            "pushed": self.pushed,
        }

    def line(self) -> str:
        name, *others = self.image.references
        also = "".join(f", {other.rpartition(':')[2]}" for other in others)
        return f"{'pushed' if self.pushed else 'built '}  {name}{also}  {self.digest}"


def commands(plan: BuildPlan, environment: Mapping[str, str]) -> list[str]:
    """Each command as it would be run, to be read or copied. The token is in none."""
    lines = []
    if plan.options.push:
        login = shlex.join(["docker", *plan.login(_user(plan, environment))])
        lines.append(f"""printf %s "${TOKEN}" | {login}""")
    for image in plan.images:
        lines.append(shlex.join(["docker", *plan.words(image, f"{image.target}.json")]))
    return lines


def build(
    plan: BuildPlan, screen: Screen, redactor: Redactor, environment: Mapping[str, str], folder: Path
) -> list[Built]:
    """Builds one image after the other in ``folder``, telling of each on standard error. Raises this package's errors.

    Nothing is kept on disk: neither the login nor a file of ours.
    """
    # Asked for before a build of many minutes, not after it.
    token = _token(environment, redactor) if plan.options.push else ""
    line_of = redactor.lines()
    with (
        private(environment, plan.registry.server) as told,
        tempfile.TemporaryDirectory(prefix="eco2-build-") as scratch,
    ):
        docker = Docker.found(told, folder)
        docker.ready()
        if plan.options.push:
            docker.ask(plan.login(_user(plan, environment)), within_s=_LOGIN_S, stdin=token)
            screen.say([f"logged in to {plan.registry.server} as {_user(plan, environment)}"], error=True)
        built = []
        for image in plan.images:
            metadata = Path(scratch) / f"{image.target}.json"
            screen.say([f"building {image.references[0]}"], error=True)
            docker.build(
                plan.words(image, metadata),
                lambda line: screen.say([f"  {line_of(line)}"], error=True),
                within_s=_BUILD_S,
            )
            built.append(Built(image, _digest(docker, plan, image, metadata), plan.options.push))
            screen.say([built[-1].line()], error=True)
    return built


def report(plan: BuildPlan, built: list[Built]) -> dict[str, Any]:
    """For scripts."""
    return {
        "version": plan.version,
        "commit": plan.tree.commit,
        "dirty": plan.tree.dirty,
        "platforms": list(plan.options.platforms),
        "images": [one.as_dict() for one in built],
    }


def _digest(docker: Docker, plan: BuildPlan, image: Image, metadata: Path) -> str:
    """Raises `BuildFailed` when docker, which says that it has built, does not say what."""
    if not plan.options.push:
        return docker.ask(["image", "inspect", "--format={{.Id}}", image.references[0]], within_s=_LOOK_S)
    try:
        digest = json.loads(metadata.read_text("utf-8"))["containerimage.digest"]
    except (OSError, ValueError, KeyError) as wrong:
        raise BuildFailed(f"docker has not said which digest {image.references[0]} has ({wrong!r})") from None
    return str(digest)


def _user(plan: BuildPlan, environment: Mapping[str, str]) -> str:
    return environment.get(USER) or plan.registry.owner


def _token(environment: Mapping[str, str], redactor: Redactor) -> str:
    token = environment.get(TOKEN, "").strip()
    if len(token) < SHORTEST_SECRET:
        raise TokenMissing(f"nothing was built: {TOKEN} is {'too short to be a token' if token else 'not set'}")
    redactor.register(token)
    return token


def environment() -> Mapping[str, str]:
    """This process's."""
    return dict(os.environ)
