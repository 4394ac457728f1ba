"""Check of the image registry: whether nodes will find the image of this version, with the secret they are given."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import httpx

from provisioning.kubernetes.release_table import image_tag
from provisioning.preflight.check import Context, Finding, warning

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


def image_is_there(context: Context) -> Iterator[Finding]:
    """By the registry's own protocol: https://distribution.github.io/distribution/spec/auth/token/"""
    registry = context.cluster.registry
    tag = image_tag()
    image = f"{registry.image}:{tag}"
    secret = os.environ.get(_TOKEN, "")
    if len(secret) >= 6:
        context.site.redactor.register(secret)
    try:
        status = _status(registry.server, f"{registry.owner}/{registry.repository}", tag, registry.owner, secret)
    except (httpx.HTTPError, ValueError, KeyError) as failed:
        yield warning(
            f"whether {image} is there was not checked: {registry.server} does not answer ({type(failed).__name__})",
            "Nodes that cannot pull it show ImagePullBackOff.",
            "Look at the registry's page, or go on",
        )
        return
    if status in (401, 403):
        whose = "the token" if secret else "nobody without a token"
        yield warning(
            f"{registry.server} does not show {image} to {whose}",
            f"Nodes would show ImagePullBackOff, unless the secret {registry.pull_secret} holds a better one.",
            _LOGIN,
        )
    elif status == 404:
        yield warning(
            f"{image} is not there",
            "Nodes would show ImagePullBackOff.",
            "./inv image --push makes it; or export ECO2_VERSION=… of one that is there",
        )


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
