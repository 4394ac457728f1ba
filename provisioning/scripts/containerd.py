"""containerd: its configuration, and the restart that makes it count."""

from provisioning.cluster import Version, matrix
from provisioning.scripts import shell

SOCKET = "unix:///run/containerd/containerd.sock"
CONFIG = "/etc/containerd/config.toml"
CRICTL = "/etc/crictl.yaml"
# While it is there, containerd runs with an older configuration than the file's. A restart of the machine removes it.
_STALE = "/run/eco2/containerd-is-stale"


def sandbox_image(kubernetes: Version) -> str:
    """kubeadm's own, so that no second one is pulled."""
    return f"registry.k8s.io/pause:{matrix().minors[kubernetes.line].pause}"


def config_text(containerd: Version, kubernetes: Version) -> str:
    """cgroups by systemd, as the kubelet has it. In the tables of containerd 1.x or of 2.x; it ignores the others.

    https://github.com/containerd/containerd/blob/main/docs/cri/config.md
    """
    image = sandbox_image(kubernetes)
    if containerd.major < 2:
        plugin = 'plugins."io.containerd.grpc.v1.cri"'
        return f"""\
version = 2

[{plugin}]
  sandbox_image = "{image}"

[{plugin}.registry]
  config_path = "/etc/containerd/certs.d"

[{plugin}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[{plugin}.containerd.runtimes.runc.options]
  SystemdCgroup = true
"""
    return f"""\
version = 3

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{image}"

[plugins."io.containerd.cri.v1.images".registry]
  config_path = "/etc/containerd/certs.d"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = true
"""


def crictl_text() -> str:
    return f"runtime-endpoint: {SOCKET}\nimage-endpoint: {SOCKET}\ntimeout: 30\n"


def facts() -> str:
    """``containerd_stale``, ``containerd_active``, ``containerd_enabled``, ``kubelet_enabled``."""
    return shell.script(
        shell.presence(containerd_stale=_STALE),
        """\
fact containerd_active "$(if systemctl is-active --quiet containerd; then echo yes; else echo no; fi)"
for unit in containerd kubelet; do
  fact "${unit}_enabled" "$(if systemctl is-enabled --quiet "$unit" 2>/dev/null; then echo yes; else echo no; fi)"
done""",
    )


def configure(containerd: Version, kubernetes: Version) -> str:
    """Writes the configuration and restarts containerd; containers that run go on running."""
    return f"""\
touch {_STALE}
{shell.file(CONFIG, config_text(containerd, kubernetes))}
systemctl restart containerd
rm -f {_STALE}"""


def enable() -> str:
    """Both start with the machine; the kubelet waits there for kubeadm."""
    return "systemctl enable --now containerd >&2\nsystemctl enable kubelet >&2"
