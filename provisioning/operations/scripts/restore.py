"""etcd's restore on a control plane, in steps that each leave a state that can be told from the disk.

    fetched     FOLDER/ID/snapshot.db
    stopped     the manifests of etcd and the API server are in STOPPED
    exchanged   DATA is what the snapshot made; DATA.before-ID is what was there
    running     the manifests are back

An undone restore has DATA.undone-ID instead of DATA.before-ID.
"""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote

from provisioning.operations.scripts.etcd import DATA, MANIFESTS, STOPPED, download, with_etcdutl

FOLDER = "/var/lib/eco2/restore"
# Far beyond what a cluster writes between a backup and its restore: https://etcd.io/docs/v3.6/op-guide/recovery/
BUMP_REVISION = 1_000_000_000
# What is stopped, in this order, and started in the opposite one.
_STATIC_PODS = ("kube-apiserver", "etcd")
_STOP_S = 120
# A directory must not be taken from under an etcd that writes to it.
_NOT_RUNNING = """\
if [ -n "$(crictl ps --name '^etcd$' --state running -q)" ]; then
  echo "etcd still runs: its data stays where it is" >&2
  exit 1
fi
"""
_START_S = 180


def snapshot_file(identity: str) -> str:
    return f"{FOLDER}/{identity}/snapshot.db"


def state(identity: str) -> str:
    """Facts: ``sha256`` of the fetched snapshot (empty without one), ``stopped`` (each static pod that is kept from
    running), ``running`` (each that has a container), ``data``, ``before`` and ``undone`` (whether the directory holds
    a member), ``kept`` (each restore whose earlier state is still there)."""
    return f"""\
snapshot={snapshot_file(identity)}
echo "sha256=$(if [ -e "$snapshot" ]; then sha256sum "$snapshot" | cut -d ' ' -f 1; fi)"
for name in {" ".join(_STATIC_PODS)}; do
  if [ -e {STOPPED}/$name.yaml ]; then echo "stopped=$name"; fi
  if [ -n "$(crictl ps --name "^$name\\$" --state running -q)" ]; then echo "running=$name"; fi
done
echo "data=$(if [ -d {DATA}/member ]; then echo yes; else echo no; fi)"
echo "before=$(if [ -d {DATA}.before-{identity}/member ]; then echo yes; else echo no; fi)"
echo "undone=$(if [ -d {DATA}.undone-{identity}/member ]; then echo yes; else echo no; fi)"
for folder in {DATA}.before-*; do
  if [ -d "$folder" ]; then echo "kept=${{folder#{DATA}.before-}}"; fi
done
"""


def fetch(identity: str, url: str, sha256: str, *, timeout_s: int) -> str:
    """Fetches the snapshot and lets etcd's own tool check it, before anything is stopped.

    JSON: ``sha256`` of what came, ``status`` as etcdutl says it, null where it finds a mistake. Only what is right is
    kept.
    """
    path = snapshot_file(identity)
    check = with_etcdutl(f"""\
status=$(etcdutl snapshot status {path}.part --write-out=json) || status=null
printf '{{"sha256": "%s", "status": %s}}\\n' "$found" "$status"
if [ "$status" != null ]; then mv {path}.part {path}; fi
rm -f {path}.part
""")
    return f"""\
umask 077
mkdir -p {path.rpartition("/")[0]}
{download(f"{path}.part", url, timeout_s=timeout_s)}\
found=$(sha256sum {path}.part | cut -d ' ' -f 1)
if [ "$found" != {sha256} ]; then
  rm -f {path}.part
  printf '{{"sha256": "%s", "status": null}}\\n' "$found"
  exit 0
fi
{check}"""


def stop() -> str:
    """Stops the API server and etcd by taking their manifests away, and waits until their containers have ended."""
    return f"""\
mkdir -p {STOPPED}
for name in {" ".join(_STATIC_PODS)}; do
  if [ -e {MANIFESTS}/$name.yaml ]; then
    mv {MANIFESTS}/$name.yaml {STOPPED}/$name.yaml
    echo "stopping $name" >&2
  fi
done
for name in {" ".join(_STATIC_PODS)}; do
  for _ in $(seq {_STOP_S}); do
    if [ -z "$(crictl ps --name "^$name\\$" --state running -q)" ]; then continue 2; fi
    sleep 1
  done
  echo "$name still runs after {_STOP_S} s" >&2
  exit 1
done
"""


def exchange(identity: str, name: str, peers: Mapping[str, str]) -> str:
    """Makes a data directory out of the snapshot and puts it in the place of the old one, which is kept.

    ``peers`` are all members of the new cluster, name -> peer URL. The revision is raised beyond any that a client has
    seen, and all watches begin anew: no kubelet and no controller goes on with what it remembers.
    """
    cluster = ",".join(f"{each}={url}" for each, url in peers.items())
    before, made = f"{DATA}.before-{identity}", f"{DATA}.made-{identity}"
    restore = with_etcdutl(
        f"etcdutl snapshot restore {snapshot_file(identity)} --data-dir {made} --name {quote(name)}"
        f" --initial-cluster {quote(cluster)} --initial-cluster-token {quote(f'restore-{identity}')}"
        f" --initial-advertise-peer-urls {quote(peers[name])} --bump-revision {BUMP_REVISION} --mark-compacted >&2\n"
    )
    return f"""\
{_NOT_RUNNING}\
if [ ! -d {before}/member ]; then
  rm -rf {made}
{restore}  chmod 700 {made}
  sync
  mv {DATA} {before}
fi
if [ ! -d {DATA}/member ]; then
  rm -rf {DATA}
  mv {made} {DATA}
fi
sync
"""


def exchange_back(identity: str) -> str:
    """Puts the directory that a restore has kept back in its place; the restored one is kept as undone."""
    before, undone = f"{DATA}.before-{identity}", f"{DATA}.undone-{identity}"
    return f"""\
{_NOT_RUNNING}\
if [ ! -d {undone}/member ]; then
  mv {DATA} {undone}
fi
if [ -d {before}/member ] && [ ! -e {DATA} ]; then
  mv {before} {DATA}
fi
sync
"""


def start() -> str:
    """Puts the manifests back, etcd's first, and waits for the containers; the controllers, which remember what was,
    begin anew. A container that has ended comes again by the kubelet's hand."""
    return f"""\
for name in {" ".join(reversed(_STATIC_PODS))}; do
  if [ -e {STOPPED}/$name.yaml ]; then
    mv {STOPPED}/$name.yaml {MANIFESTS}/$name.yaml
    echo "starting $name" >&2
  fi
done
for name in {" ".join(reversed(_STATIC_PODS))}; do
  for _ in $(seq {_START_S}); do
    if [ -n "$(crictl ps --name "^$name\\$" --state running -q)" ]; then continue 2; fi
    sleep 1
  done
  echo "$name does not run after {_START_S} s" >&2
  exit 1
done
for name in kube-controller-manager kube-scheduler; do
  container=$(crictl ps --name "^$name\\$" --state running -q)
  if [ -n "$container" ]; then crictl stop --timeout 30 "$container" >&2; fi
done
"""


def forget(identities: list[str], *, fetched: str | None = None) -> str:
    """Removes what earlier restores have kept, and the file that was fetched for this one."""
    folders = [f"{DATA}.before-{each}" for each in identities] + [f"{DATA}.undone-{each}" for each in identities]
    files = [f"{FOLDER}/{fetched}"] if fetched else []
    return f"rm -rf {' '.join(map(quote, [*folders, *files]))}\n" if folders or files else "true\n"


def restart_kubelet(identity: str) -> str:
    """Restarts the kubelet, once for this restore."""
    mark = f"/run/eco2/kubelet-{identity}"
    return f"mkdir -p /run/eco2\ntest -e {mark} || systemctl restart kubelet >&2\n: > {mark}\n"


def kubelet_restarted(identity: str) -> str:
    """Prints yes or no."""
    return f"if [ -e /run/eco2/kubelet-{identity} ]; then echo yes; else echo no; fi\n"
