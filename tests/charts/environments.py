"""What a container is told, and which names a process of ours knows."""

import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from services.kernel.config import Config
from tests.charts.rendering import Manifest

BY_CHART = {
    "amqp_url",
    "database_url",
    "redis_url",
    "s3_url",
    "cdn_url",
    "state_dir",
    "cache_dir",
    "openai_api_key",
    "http_host",
    "http_port",
    "max_workers",
    "drain_s",
}
"""The settings that the charts give as environment variables; the others may stand in `config`."""


def known_names() -> dict[str, Any]:
    """Environment variable -> the type of the setting, for every setting however deep."""
    return {f"ECO2_{name}": kind for name, kind in _fields(Config) if name != "OPENAI_API_KEY"}


def secret_names() -> set[str]:
    """The variables whose value must not stand in a ConfigMap."""
    return {name for name, kind in known_names().items() if SecretStr in (kind, *get_args(kind))}


def told(one: Manifest, secrets: Mapping[tuple[str, str], str] | None = None) -> dict[str, str]:
    """The container's environment; `secrets` are (name, key) -> content, and what stands in one is "" without."""
    environment: dict[str, str] = {}
    for variable in one.get("env", []):
        if "valueFrom" in variable:
            at = variable["valueFrom"]["secretKeyRef"]
            value = (secrets or {}).get((at["name"], at["key"]), "")
        else:
            value = variable["value"]
        for name, earlier in environment.items():  # as the kubelet does: only what stands before
            value = value.replace(f"$({name})", earlier)
        environment[variable["name"]] = value
    return environment


def references(one: Manifest) -> dict[str, tuple[str, str]]:
    """Variable -> the Secret and the key that it comes from."""
    found = {}
    for variable in one.get("env", []):
        if "valueFrom" in variable:
            at = variable["valueFrom"]["secretKeyRef"]
            found[variable["name"]] = (at["name"], at["key"])
    return found


def _fields(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        known = f"{above}{name}".upper()
        if section := _section(field.annotation):
            yield from _fields(section, f"{known}__")
        else:
            yield known, field.annotation


def _section(kind: Any) -> type[BaseModel] | None:
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return next((one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)), None)
