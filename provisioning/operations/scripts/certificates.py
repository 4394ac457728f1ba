"""Certificates on a node: what they are good for, and their renewal."""

from __future__ import annotations

from collections.abc import Sequence

_KUBELET = "/var/lib/kubelet/pki"
_FOLDER = "/etc/kubernetes"
# The control plane's static pods with the certificates that each has read, in the order in which they may restart.
STATIC_PODS = {
    "etcd": ("pki/etcd/server.crt", "pki/etcd/peer.crt", "pki/etcd/healthcheck-client.crt"),
    "kube-apiserver": (
        "pki/apiserver.crt",
        "pki/apiserver-etcd-client.crt",
        "pki/apiserver-kubelet-client.crt",
        "pki/front-proxy-client.crt",
    ),
    "kube-controller-manager": ("controller-manager.conf",),
    "kube-scheduler": ("scheduler.conf",),
}
_AGAIN_S = 120


def expiry(*, control_plane: bool) -> str:
    """Lines ``client=`` and ``server=`` with the end of the kubelet's certificates (as openssl writes it, empty where
    there is none); on a control plane also ``kubeadm=`` with kubeadm's JSON in one line."""
    own = f"""\
for kind in client server; do
  file={_KUBELET}/kubelet-$kind-current.pem
  end=$(test -e "$file" && openssl x509 -noout -enddate -in "$file" | cut -d = -f 2 || true)
  echo "$kind=$end"
done
"""
    if not control_plane:
        return own
    return own + "echo \"kubeadm=$(kubeadm certs check-expiration -o json | tr -d '\\n')\"\n"


def renew() -> str:
    """Renews every certificate of kubeadm's. What runs keeps the old ones until `restart`."""
    return "kubeadm certs renew all >&2\n"


def written_and_started() -> str:
    """Facts ``written.NAME`` for each static pod (when the newest of its certificates was written, in seconds since
    1970), and ``containers``: crictl's JSON in one line."""
    newest = "\n".join(
        f'echo "written.{name}=$(stat -c %Y {" ".join(f"{_FOLDER}/{file}" for file in files)} | sort -n | tail -n 1)"'
        for name, files in STATIC_PODS.items()
    )
    return f"""\
{newest}
echo "containers=$(crictl ps --state running -o json | tr -d '\\n')"
"""


def restart(names: Sequence[str]) -> str:
    """Restarts static pods, one after the other: the kubelet makes each ended container anew.

    Their manifests stay where they are, so nothing is lost if this is cut off.
    """
    return f"""\
for name in {" ".join(names)}; do
  old=$(crictl ps --name "^$name\\$" --state running -q)
  echo "restarting $name" >&2
  if [ -n "$old" ]; then crictl stop --timeout 30 "$old" >&2; fi
  for _ in $(seq {_AGAIN_S}); do
    new=$(crictl ps --name "^$name\\$" --state running -q)
    if [ -n "$new" ] && [ "$new" != "$old" ]; then continue 2; fi
    sleep 1
  done
  echo "$name does not run again after {_AGAIN_S} s" >&2
  exit 1
done
"""
