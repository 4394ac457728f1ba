"""The registry of images: whether nodes will find an image, with the secret they are given."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import httpx

from provisioning.preflight.check import Finding, warning
from provisioning.run.redaction import SHORTEST_SECRET
from provisioning.site import Site

_WITHIN_S = 5.0
_KINDS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_CHALLENGE = re.compile(r'(realm|service|scope)="([^"]*)"')
_TOKEN = "GHCR_TOKEN"  # noqa: S105 - the name of a variable
_LOGIN = f"export {_TOKEN}=… (a token with read:packages alone), then ./inv preflight"


class Shown(StrEnum):
    """How the registry answers who asks for an image."""

    THERE = "there"
    MISSING = "missing"
    HIDDEN = "hidden"  # from who asked
    SILENT = "silent"


@dataclass(frozen=True)
class Answer:
    """``image`` with its tag; ``why`` says what silence was; ``with_token``: whether one was shown."""

    image: str
    shown: Shown
    with_token: bool = False
    why: str = ""


def answer(site: Site, image: str, tag: str) -> Answer:
    """What the registry says of ``server/owner/name:tag``, in seconds; the operator's token is hidden from logs.

    By the registry's own protocol: https://distribution.github.io/distribution/spec/auth/token/
    """
    secret = os.environ.get(_TOKEN, "")
    if len(secret) >= SHORTEST_SECRET:
        site.redactor.register(secret)
    server, _, repository = image.partition("/")
    name = f"{image}:{tag}"
    try:
        status = _status(server, repository, tag, site.cluster.registry.owner, secret)
    except (httpx.HTTPError, ValueError, KeyError) as failed:
        return Answer(name, Shown.SILENT, why=f"{server} does not answer ({type(failed).__name__})")
    if status in (401, 403):
        return Answer(name, Shown.HIDDEN, bool(secret))
    return Answer(name, Shown.MISSING if status == 404 else Shown.THERE)


def findings(said: Answer) -> Iterator[Finding]:
    """What it means for nodes that would pull the image."""
    match said.shown:
        case Shown.SILENT:
            yield warning(
                f"whether {said.image} is there was not checked: {said.why}",
                "Nodes that cannot pull it show ImagePullBackOff.",
                "Look at the registry's page, or go on",
            )
        case Shown.HIDDEN:
            whose = "the token" if said.with_token else "nobody without a token"
            yield warning(
                f"the registry does not show {said.image} to {whose}",
                "Nodes would show ImagePullBackOff, unless the pull secret in the cluster holds a better one.",
                _LOGIN,
            )
        case Shown.MISSING:
            yield warning(
                f"{said.image} is not there",
                "Nodes would show ImagePullBackOff.",
                "./inv build --push makes it; or export ECO2_VERSION=… of one that is there",
            )
        case Shown.THERE:
            pass


def _status(server: str, repository: str, tag: str, user: str, secret: str) -> int:
    """The HTTP status of the image's manifest, asked with whatever the registry wants to be asked with."""
    address = f"https://{server}/v2/{repository}/manifests/{tag}"
    with httpx.Client(timeout=_WITHIN_S, headers={"Accept": _KINDS}) as client:
        answer = client.head(address)
        if answer.status_code != 401:
            return answer.status_code
        told = dict(_CHALLENGE.findall(answer.headers.get("www-authenticate", "")))
        realm = told.pop("realm")
        given = client.get(realm, params=told, auth=(user, secret) if secret else None)
        if given.status_code != 200:
            return given.status_code
        said = given.json()
        bearer = said.get("token") or said["access_token"]
        return client.head(address, headers={"Authorization": f"Bearer {bearer}"}).status_code
