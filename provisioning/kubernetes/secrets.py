"""The Secrets that pods need: passwords are random, made once, never overwritten and never on disk in plain.

Infrastructure has its own Secret beside it; the addresses with these passwords, as the services read them, stand in one
Secret in each namespace of a service or worker.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from provisioning.cluster import Cluster
from provisioning.kubernetes.monitoring import MONITORING, PASSWORD_KEY, USER_KEY
from provisioning.kubernetes.own_releases import (
    POSTGRESQL,
    RABBITMQ,
    REDIS,
    api_releases,
    app_namespaces,
    own_namespaces,
    service_host,
)
from provisioning.monitoring.receivers import NOBODY, SLACK, SMTP, Receivers
from provisioning.monitoring.receivers import SECRET as RECEIVERS

# The Secret with the addresses of database, broker and cache; its keys are the services' environment variables.
BACKENDS = "backends"
REGISTRY_TOKEN = "GHCR_TOKEN"  # noqa: S105 - a variable's name
REGISTRY_USER = "GITHUB_USERNAME"
MODEL_KEY = "OPENAI_API_KEY"
MODEL_SECRET = "openai"  # noqa: S105 - a Secret's name
# The variables whose content no log may show.
HIDDEN_VARIABLES = (REGISTRY_TOKEN, MODEL_KEY, SLACK, SMTP)
# An annotation: random, and another with each writing, so that it tells of a change and of nothing else.
REVISION = "eco2/revision"
OWNER = "eco2"
DATABASE = "eco2"

# 32 random bytes: each role's password is derived from the owner's, so that is as hard to guess as theirs together.
_BYTES = 32
# Whose tables are not a domain's: the results of the workers' journals.
_WORKERS_SCHEMA = "tasks"
# Release -> the keys of its own Secret, <release>-credentials: a fixed word, or None for a random one.
_CREDENTIALS: Mapping[str, Mapping[str, str | None]] = {
    POSTGRESQL: {"password": None, "monitoring-password": None},
    RABBITMQ: {"username": OWNER, "password": None},
    REDIS: {"password": None},
    MONITORING: {USER_KEY: "admin", PASSWORD_KEY: None},
}
Passwords = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Given:
    """What the operator has given: a key for models, a token for the registry of images, who hears of alerts.

    ``revisions`` are those of the Secrets that pods read, by `Needed.id`.
    """

    models: bool
    registry: bool
    revisions: Mapping[str, str] = field(default_factory=dict)
    receivers: Receivers = NOBODY

    @classmethod
    def by_environment(cls) -> Given:
        """Raises `ReceiversRefused`."""
        models, registry = bool(os.environ.get(MODEL_KEY)), bool(os.environ.get(REGISTRY_TOKEN))
        return cls(models, registry, receivers=Receivers.given(os.environ))


class Origin(StrEnum):
    """Where a Secret's content comes from. What is RANDOM is made once and kept; the others follow their source."""

    RANDOM = "with random passwords"
    PARTS = "with the addresses of database, broker and cache"
    ENVIRONMENT = "from your environment"


@dataclass(frozen=True)
class Needed:
    """A Secret by its place. ``content`` makes it from the credentials of the releases."""

    namespace: str
    name: str
    origin: Origin
    content: Callable[[Passwords], dict[str, str]]
    type: str = "Opaque"
    revision: str = ""  # that it will have when it is written

    @property
    def id(self) -> str:
        return f"{self.namespace}/{self.name}"

    def manifest(self, passwords: Passwords) -> dict[str, Any]:
        labels = {"app.kubernetes.io/managed-by": "eco2"}
        metadata = {"name": self.name, "namespace": self.namespace, "labels": labels}
        metadata["annotations"] = {REVISION: self.revision}
        content = self.content(passwords)
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": self.type, "stringData": content}


def credentials(release: str) -> str:
    """The name of a release's own Secret."""
    return f"{release}-credentials"


def releases_with_credentials(cluster: Cluster) -> list[str]:
    return [name for name in cluster.releases if name in _CREDENTIALS]


def secrets_needed(cluster: Cluster) -> list[Needed]:
    """Every Secret, those first from which others are made. Raises `ReceiversRefused`."""
    needed = [
        Needed(cluster.releases[name].namespace, credentials(name), Origin.RANDOM, _random(_CREDENTIALS[name]))
        for name in releases_with_credentials(cluster)
    ]
    apps = app_namespaces(cluster)
    needed += [
        Needed(namespace, BACKENDS, Origin.PARTS, lambda passwords: backends(cluster, passwords)) for namespace in apps
    ]
    if key := os.environ.get(MODEL_KEY):
        needed += [
            Needed(namespace, MODEL_SECRET, Origin.ENVIRONMENT, lambda _: {MODEL_KEY: key}) for namespace in apps
        ]
    if token := os.environ.get(REGISTRY_TOKEN):
        config = {".dockerconfigjson": _registry(cluster, os.environ.get(REGISTRY_USER), token)}
        kind = "kubernetes.io/dockerconfigjson"
        # The database's migrations and backups run in our image too, so it is needed in every namespace.
        needed += [
            Needed(namespace, cluster.registry.pull_secret, Origin.ENVIRONMENT, lambda _: config, kind)
            for namespace in own_namespaces(cluster)
        ]
    receivers = Receivers.given(os.environ)
    if receivers and MONITORING in cluster.releases:
        namespace = cluster.releases[MONITORING].namespace
        needed.append(Needed(namespace, RECEIVERS, Origin.ENVIRONMENT, lambda _: receivers.content()))
    return needed


def receivers_kept(cluster: Cluster, content: Callable[[str, str], Mapping[str, str] | None]) -> Receivers:
    """Those that were given before: ``content`` reads a Secret by its namespace and name."""
    if MONITORING not in cluster.releases:
        return NOBODY
    return Receivers.kept(content(cluster.releases[MONITORING].namespace, RECEIVERS) or {})


def backends(cluster: Cluster, passwords: Passwords) -> dict[str, str]:
    """The addresses as the services read them; of the database one for each schema, with that schema's role.

    Nobody gets the owner's. Passwords are URL-safe as they are made.
    """
    from services.kernel.roles import url_of  # the one place that says how roles' passwords are made

    found = {}
    if POSTGRESQL in cluster.releases:
        owners = passwords[POSTGRESQL]["password"]
        url = f"postgresql://{OWNER}:{owners}@{service_host(cluster, POSTGRESQL)}:5432/{DATABASE}"
        for schema in (*api_releases(cluster), _WORKERS_SCHEMA):
            found[f"ECO2_DATABASE_URL_{schema.upper()}"] = url_of(url, schema)
    if RABBITMQ in cluster.releases:
        own = passwords[RABBITMQ]
        host = service_host(cluster, RABBITMQ)
        found["ECO2_AMQP_URL"] = f"amqp://{own['username']}:{own['password']}@{host}:5672//"
    if REDIS in cluster.releases:
        own = passwords[REDIS]
        found["ECO2_REDIS_URL"] = f"redis://:{own['password']}@{service_host(cluster, REDIS)}:6379/0"
    return found


def decoded(secret: Mapping[str, Any]) -> dict[str, str]:
    """The content of a Secret as the API server returns it."""
    return {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}


def _random(keys: Mapping[str, str | None]) -> Callable[[Passwords], dict[str, str]]:
    return lambda _: {key: secrets.token_urlsafe(_BYTES) if word is None else word for key, word in keys.items()}


def _registry(cluster: Cluster, user: str | None, token: str) -> str:
    user = user or cluster.registry.owner
    auth = base64.b64encode(f"{user}:{token}".encode()).decode()
    return json.dumps({"auths": {cluster.registry.server: {"username": user, "password": token, "auth": auth}}})
