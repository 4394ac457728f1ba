"""The images that a node starts with, pulled before they are waited for."""

from collections.abc import Sequence

from provisioning.cluster import Version
from provisioning.scripts import shell

# One image, at the slowest; a node pulls a handful.
_PULL_S = 300
# Of kubeadm's images, those that a node without a control plane runs.
_EVERYWHERE = ("kube-proxy", "pause")


def wanted_everywhere(image: str) -> bool:
    """Whether a node without a control plane runs this image of kubeadm's."""
    return image.rpartition(":")[0].rpartition("/")[2] in _EVERYWHERE


def facts(version: Version) -> str:
    """``tools``: whether kubeadm and crictl are there. If so, ``wanted``: each image of kubeadm's for this version,
    and ``present``: each that containerd has."""
    return shell.script(
        shell.FACT,
        """\
if ! command -v kubeadm >/dev/null || ! command -v crictl >/dev/null; then
  fact tools no
  exit 0
fi
fact tools yes""",
        f"""\
images=$(kubeadm config images list --kubernetes-version v{version})
for image in $images; do
  fact wanted "$image"
done
images=$(crictl images)
awk 'NR > 1 && $2 != "<none>" {{ print "present=" $1 ":" $2 }}' <<<"$images\"""",
    )


def pull(images: Sequence[str]) -> str:
    """Pulls these, one after the other."""
    return f"""\
for image in {shell.words(images)}; do
  timeout {_PULL_S} crictl pull "$image" >&2
done
"""
