"""kubeadm on a node: making the cluster, joining it, and what tells how far either has come.

Texts with secrets come as arguments; on the node they are in a file in memory, for root alone, until the script ends.
"""

from provisioning.scripts import shell

ADMIN = "/etc/kubernetes/admin.conf"
# Bounds for the whole of it; kubeadm's own, for the API server and the kubelet to come up, are 4 minutes each.
INIT_S = 900
JOIN_S = 600
_CONFIG = "/run/eco2/kubeadm.yaml"
_PKI = "/etc/kubernetes/pki/ca.crt"

CA_HASH = f"""\
ca_hash() {{
  openssl x509 -pubkey -noout -in {_PKI} | openssl pkey -pubin -outform der | sha256sum | cut -d ' ' -f 1
}}"""


def control_plane_facts() -> str:
    """How far ``kubeadm init`` has come here, and digests of what the operator's kubeconfig is made from.

    ``complete``: the last thing that kubeadm sets up is there, so everything before it is.
    """
    return shell.script(
        shell.FACT,
        shell.presence(
            admin_conf=ADMIN,
            super_admin_conf="/etc/kubernetes/super-admin.conf",
            kubelet_conf="/etc/kubernetes/kubelet.conf",
            manifests="/etc/kubernetes/manifests/kube-apiserver.yaml",
            etcd_member="/var/lib/etcd/member",
        ),
        f"""\
api=no complete=no
if [ -e {ADMIN} ]; then
  kubectl() {{ command kubectl --kubeconfig {ADMIN} --request-timeout=10s "$@"; }}
  if kubectl get --raw /readyz >/dev/null 2>&1; then
    api=yes
    addons=$(kubectl --namespace kube-system get daemonset/kube-proxy deployment/coredns -o name 2>/dev/null || true)
    if [ "$(wc -w <<<"$addons")" -eq 2 ]; then
      complete=yes
    fi
  fi
  for part in certificate-authority-data client-certificate-data; do
    fact "digest.$part" "$(sed -n "s/^ *$part: *//p" {ADMIN} | tr -d '\\n' | sha256sum | cut -d ' ' -f 1)"
  done
fi
fact api "$api"
fact complete "$complete\"""",
    )


def init(configuration: str, token_id: str) -> str:
    """Makes the cluster, then takes back what it needs no longer: the token and the certificate above all rules."""
    return shell.script(
        _with_configuration(configuration),
        f"""\
timeout --kill-after=30 {INIT_S} kubeadm init --config {_CONFIG} \\
  --skip-token-print --skip-certificate-key-print >&2
timeout 60 kubeadm token delete {shell.quote(token_id)} >&2""",
        remove_super_admin(),
    )


def remove_super_admin() -> str:
    """Its owner may do anything whatever RBAC says, and nothing needs it once there is a cluster."""
    return "rm -f /etc/kubernetes/super-admin.conf"


def kubeconfig() -> str:
    """Prints the administrator's kubeconfig, which is a secret."""
    return f"cat {ADMIN}\n"


def member_facts() -> str:
    """Whether this node has joined a cluster, and which: ``ca_hash`` is that of the cluster's CA, empty without one."""
    return shell.script(
        shell.FACT,
        CA_HASH,
        shell.presence(
            kubelet_conf="/etc/kubernetes/kubelet.conf",
            bootstrap_conf="/etc/kubernetes/bootstrap-kubelet.conf",
            manifests="/etc/kubernetes/manifests/kube-apiserver.yaml",
            etcd_member="/var/lib/etcd/member",
        ),
        f"""\
fact ca_hash "$(if [ -e {_PKI} ]; then ca_hash; fi)\"""",
    )


def join(configuration: str) -> str:
    """Joins the cluster. What a join that was cut off left behind on a node without a control plane goes first."""
    return shell.script(
        _with_configuration(configuration),
        f"""\
if [ ! -e /etc/kubernetes/kubelet.conf ] && [ ! -e /etc/kubernetes/manifests/kube-apiserver.yaml ]; then
  if [ -e /etc/kubernetes/bootstrap-kubelet.conf ]; then
    systemctl stop kubelet
  fi
  rm -f /etc/kubernetes/bootstrap-kubelet.conf {_PKI}
fi
timeout --kill-after=30 {JOIN_S} kubeadm join --config {_CONFIG} >&2""",
    )


def restart_kubelet() -> str:
    """A kubelet registers its node when it starts, and only then."""
    return "systemctl restart kubelet\n"


def _with_configuration(text: str) -> str:
    return f"trap 'rm -f {_CONFIG} {_CONFIG}.eco2' EXIT\n{shell.file(_CONFIG, text, mode='0600')}"
