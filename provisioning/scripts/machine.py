"""A machine as it was made: whether it has started up, what it is, and what it reaches."""

from collections.abc import Mapping, Sequence

from provisioning.scripts import shell
from provisioning.scripts.packages import installed


def facts(repositories: Mapping[str, str], packages: Sequence[str]) -> str:
    """Changes nothing. `repositories` are addresses by name; each is asked for its headers, three times at most."""
    asked = "\n".join(
        f"""\
if curl -fsSIL --retry 2 --connect-timeout 10 --max-time 20 {shell.quote(url)} >/dev/null; then
  fact reached {shell.quote(name)}
fi"""
        for name, url in repositories.items()
    )
    return shell.script(
        shell.FACT,
        """\
fact cloud_init "$(cloud-init status 2>/dev/null | sed -n 's/^status: //p')"
fact os "$(sed -n 's/^ID=//p' /etc/os-release | tr -d '"')"
fact os_version "$(sed -n 's/^VERSION_ID=//p' /etc/os-release | tr -d '"')"
fact architecture "$(uname -m)"
fact vcpu "$(nproc)"
fact memory_kib "$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB$/\\1/p' /proc/meminfo)"
fact disk_kib "$(df -k --output=size / | sed -n '2s/ //gp')"
ss -Hltn | awk '{ sub(/.*:/, "", $4); print "listening=" $4 }'""",
        shell.presence(joined="/etc/kubernetes/kubelet.conf"),
        installed(packages),
        asked,
        """\
# Last, so that nothing slow stands between this and the operator's own clock.
fact clock "$(date +%s.%N)\"""",
    )


def wait_for_cloud_init(timeout_s: int) -> str:
    """Waits until cloud-init has ended, however it has ended: the facts tell that."""
    return f"""\
code=0
timeout {timeout_s} cloud-init status --wait >&2 || code=$?
if [ "$code" -eq 124 ]; then
  echo "cloud-init has not ended after {timeout_s} s" >&2
  exit 1
fi
"""
