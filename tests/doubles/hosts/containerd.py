"""containerd: what it makes of its configuration when it starts, and says of itself afterwards."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.doubles.hosts.units import STARTS, STOPS

if TYPE_CHECKING:
    from tests.doubles.hosts.host import Host

# What Docker's package installs: a runtime that the kubelet cannot use.
PACKAGED_CONFIG = 'disabled_plugins = ["cri"]\n'
CONFIG = "/etc/containerd/config.toml"
SOCKET = "/run/containerd/containerd.sock"
_OLD = "io.containerd.grpc.v1.cri"
_IMAGES = "io.containerd.cri.v1.images"
_RUNTIME = "io.containerd.cri.v1.runtime"
_DEFAULT_SANDBOX = {1: "registry.k8s.io/pause:3.8", 2: "registry.k8s.io/pause:3.10"}


@dataclass(frozen=True)
class Runtime:
    """containerd as it runs, which is as its configuration was when it started."""

    version: str
    cri: bool
    systemd_cgroup: bool
    sandbox: str
    config: str


def start(host: Host) -> str:
    """Reads the configuration. Returns why it cannot start."""
    installed = host.packages.installed
    version = (installed.get("containerd.io") or installed.get("containerd", "")).partition("-")[0]
    text = host.read(CONFIG) if host.exists(CONFIG) else ""
    try:
        host.runtime = read(version, text)
    except ValueError as error:
        host.runtime = None
        return f"containerd: failed to load TOML: {CONFIG}: {error}"
    host.write(SOCKET, "", 0o660)
    return ""


def stop(host: Host) -> None:
    host.runtime = None
    if host.on:
        host.remove(SOCKET)


def read(version: str, text: str) -> Runtime:
    """What this version makes of a configuration. Raises ValueError where it does not start at all."""
    major = int(version.partition(".")[0])
    config: dict[str, Any] = tomllib.loads(text)
    # Without a version it is of the first form, which has none of the tables below.
    form = config.get("version", 1)
    if form > major + 1:
        raise ValueError(f"expected containerd config version equal to or less than `{major + 1}`, got `{form}`")
    plugins = config.get("plugins", {})
    # A table of another form is not an error: it is not looked at.
    if form == 3:
        runtime = plugins.get(_RUNTIME, {})
        sandbox = plugins.get(_IMAGES, {}).get("pinned_images", {}).get("sandbox")
    else:
        runtime = plugins.get(_OLD, {}) if form == 2 else {}
        sandbox = runtime.get("sandbox_image")
    runc = runtime.get("containerd", {}).get("runtimes", {}).get("runc", {})
    disabled = {"cri", _OLD, _RUNTIME} & set(config.get("disabled_plugins", []))
    return Runtime(
        version=version,
        cri=not disabled,
        systemd_cgroup=runc.get("options", {}).get("SystemdCgroup", False),
        sandbox=sandbox or _DEFAULT_SANDBOX[major],
        config=text,
    )


def default_config(version: str) -> str:
    """What ``containerd config default`` prints, as far as anybody here reads it."""
    if version.startswith("1."):
        return f"""\
disabled_plugins = []
version = 2

[plugins."{_OLD}"]
  sandbox_image = "{_DEFAULT_SANDBOX[1]}"
  [plugins."{_OLD}".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."{_OLD}".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""
    return f"""\
version = 3
root = '/var/lib/containerd'
disabled_plugins = []

[plugins.'{_IMAGES}'.pinned_images]
  sandbox = '{_DEFAULT_SANDBOX[2]}'

[plugins.'{_RUNTIME}'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
  [plugins.'{_RUNTIME}'.containerd.runtimes.runc.options]
    SystemdCgroup = false
"""


STARTS["containerd.service"] = start
STOPS["containerd.service"] = stop
