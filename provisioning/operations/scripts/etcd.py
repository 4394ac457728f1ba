"""etcd on a control plane: health, a snapshot, and the tools that etcd's own image holds."""

from __future__ import annotations

from shlex import quote

CERTIFICATES = "/etc/kubernetes/pki/etcd"
DATA = "/var/lib/etcd"
# In the data directory, since that is what etcd's container shares with the node.
SNAPSHOT = f"{DATA}/eco2-snapshot.db"
PKI = "/run/eco2/pki.tar.gz"
MANIFESTS = "/etc/kubernetes/manifests"
# Where a restore keeps the manifests of what it has stopped.
STOPPED = "/etc/kubernetes/eco2-stopped"

# For a snapshot of etcd's largest size on a slow disk.
_TOOL_S = 900
# https://github.com/etcd-io/etcd/blob/main/Dockerfile
_OWN_IMAGE = "gcr.io/etcd-development/etcd"

_ETCDCTL = (
    f"etcdctl --endpoints=https://127.0.0.1:2379 --cacert={CERTIFICATES}/ca.crt"
    f" --cert={CERTIFICATES}/healthcheck-client.crt --key={CERTIFICATES}/healthcheck-client.key"
)

_CONTAINER = """\
container=$(crictl ps --name '^etcd$' --state running -q)
if [ -z "$container" ]; then
  echo '{"running": false}'
  exit 0
fi
"""


def health() -> str:
    """JSON: ``running``, and when it runs ``status`` and ``health`` of each endpoint as etcdctl says them."""
    return f"""{_CONTAINER}\
status=$(timeout 20 crictl exec "$container" {_ETCDCTL} endpoint status --cluster --write-out=json)
health=$(timeout 20 crictl exec "$container" {_ETCDCTL} endpoint health --cluster --write-out=json || true)
printf '{{"running": true, "status": %s, "health": %s}}\\n' "$status" "${{health:-[]}}"
"""


def snapshot() -> str:
    """Takes a snapshot and checks it. JSON: ``running``, ``status`` as etcdutl says it, ``snapshot`` and ``pki`` with
    their ``sha256`` and ``bytes``, ``kubernetes`` (the API server's version)."""
    return f"""{_CONTAINER}\
umask 077
rm -f {SNAPSHOT} {SNAPSHOT}.part {PKI}
mkdir -p /run/eco2
timeout 600 crictl exec "$container" {_ETCDCTL} snapshot save {SNAPSHOT} >&2
{with_etcdutl(f"status=$(etcdutl snapshot status {SNAPSHOT} --write-out=json)")}
tar -czf {PKI} -C /etc/kubernetes pki
kubernetes=$(sed -n 's/^ *image: .*:v//p' {MANIFESTS}/kube-apiserver.yaml)
describe() {{ printf '{{"sha256": "%s", "bytes": %s}}' "$(sha256sum "$1" | cut -d ' ' -f 1)" "$(stat -c %s "$1")"; }}
printf '{{"running": true, "status": %s, "snapshot": %s, "pki": %s, "kubernetes": "%s"}}\\n' \\
  "$status" "$(describe {SNAPSHOT})" "$(describe {PKI})" "$kubernetes"
"""


def forget_snapshot() -> str:
    """Removes what `snapshot` has left on the node."""
    return f"rm -f {SNAPSHOT} {SNAPSHOT}.part {PKI}\n"


def upload(path: str, url: str, headers: dict[str, str], *, timeout_s: int) -> str:
    """Sends a file to a presigned URL. The URL is a secret: it goes to curl over stdin, never on a command line."""
    lines = [f'url = "{_curl(url)}"', f'upload-file = "{_curl(path)}"']
    lines += [f'header = "{_curl(f"{name}: {value}")}"' for name, value in sorted(headers.items())]
    return _with_curl(lines, timeout_s)


def download(path: str, url: str, *, timeout_s: int) -> str:
    """Fetches a file from a presigned URL, which goes to curl over stdin."""
    return _with_curl([f'url = "{_curl(url)}"', f'output = "{_curl(path)}"'], timeout_s)


def with_etcdutl(body: str) -> str:
    """Runs ``body`` with a function ``etcdutl`` in the version of this control plane's etcd.

    It comes out of etcd's image, which is on the node's disk, so it works while nothing runs. Not every image of
    Kubernetes' has it; the etcd project's own has. All files have to be below /var/lib.
    """
    return f"""\
manifest={MANIFESTS}/etcd.yaml
test -e "$manifest" || manifest={STOPPED}/etcd.yaml
image=$(sed -n 's/^ *image: *//p' "$manifest")
etcdutl() {{
  timeout {_TOOL_S} ctr -n k8s.io run --rm --mount type=bind,src=/var/lib,dst=/var/lib,options=rbind:rw \\
    "$image" "eco2-etcdutl-$(date +%s%N)" /usr/local/bin/etcdutl "$@"
}}
if ! etcdutl version >/dev/null 2>&1; then
  version=${{image##*:}}
  image={_OWN_IMAGE}:v${{version%%-*}}
  crictl pull "$image" >&2
fi
{body}"""


def forget_member(name: str) -> str:
    """On another control plane: takes a member that is gone out of etcd's cluster. Does nothing when it is out."""
    return f"""{_CONTAINER}\
members=$(timeout 20 crictl exec "$container" {_ETCDCTL} member list)
member=$(printf '%s\\n' "$members" | awk -F ', ' -v name={quote(name)} '$3 == name {{print $1}}')
if [ -n "$member" ]; then
  timeout 20 crictl exec "$container" {_ETCDCTL} member remove "$member" >&2
fi
echo '{{"running": true}}'
"""


def _with_curl(lines: list[str], timeout_s: int) -> str:
    config = " ".join(quote(line) for line in lines)
    return f"printf '%s\\n' {config} | curl --config - --silent --show-error --fail --max-time {timeout_s} >&2\n"


def _curl(value: str) -> str:
    """A value in a quoted string of a curl config file."""
    return value.replace("\\", "\\\\").replace('"', '\\"')
