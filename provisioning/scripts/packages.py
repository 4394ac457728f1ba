"""Debian packages: where they come from, which are there, and how exact versions get and stay there."""

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.cluster import Version, matrix
from provisioning.scripts import shell

# apt-get's own status for anything that went wrong.
APT_FAILED = 100
KUBERNETES = ("kubelet", "kubeadm", "kubectl")
# What kubeadm's checks ask for and its packages no longer bring: https://github.com/kubernetes/kubernetes/issues/135306
TOOLS = ("conntrack",)

# Another program (the machine's daily update) may have its turn first; it is waited for so long.
_LOCK_S = 300
_UPDATE_TRIES = 10
# One attempt at fetching or installing, at the slowest. What it leaves half-done the next attempt puts right first.
_APT_S = 900
_APT = f"timeout --kill-after=30 {_APT_S} apt-get -q -y -o DPkg::Lock::Timeout={_LOCK_S} -o Acquire::Retries=3"


@dataclass(frozen=True)
class Repository:
    """A source of packages, and the key that signs it. What apt reads is `line`, in `list_file`."""

    name: str
    url: str
    suite: str
    key_url: str

    @property
    def list_file(self) -> str:
        return f"/etc/apt/sources.list.d/{self.name}.list"

    @property
    def key_file(self) -> str:
        return f"/etc/apt/keyrings/{self.name}.asc"

    @property
    def line(self) -> str:
        return f"deb [arch=amd64 signed-by={self.key_file}] {self.url} {self.suite}\n"


def kubernetes_repository(version: Version) -> Repository:
    """Each minor release has its own: https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/change-package-repository/"""
    url = f"https://pkgs.k8s.io/core:/stable:/v{version.line}/deb/"
    return Repository("kubernetes", url, "/", f"{url}Release.key")


def containerd_repository() -> Repository:
    """Docker's: https://docs.docker.com/engine/install/ubuntu/"""
    url = "https://download.docker.com/linux/ubuntu"
    return Repository("docker", url, f"{ubuntu()[1]} stable", f"{url}/gpg")


def containerd_package() -> tuple[str, str]:
    """Name and exact version, as the version matrix has it. Raises ValueError where it names no package."""
    package = matrix().components["containerd"].package
    if package is None:
        raise ValueError("the version matrix names no package of containerd")
    name, _, version = package.partition("=")
    return name, version


def ubuntu() -> tuple[str, str]:
    """The Ubuntu that containerd's package is built for: number and code name (``24.04``, ``noble``)."""
    _, distribution, code_name = containerd_package()[1].rsplit("~", 2)
    return distribution.removeprefix("ubuntu."), code_name


def installed(packages: Sequence[str]) -> str:
    """Facts ``package.NAME`` (its version, empty where it is not installed) and ``held.NAME``."""
    return f"""\
for package in {shell.words(packages)}; do
  state=$(dpkg-query -W -f '${{db:Status-Abbrev}} ${{Version}}' "$package" 2>/dev/null || true)
  case "$state" in
    ?i*) fact "package.$package" "${{state##* }}" ;;
    *) fact "package.$package" "" ;;
  esac
  case "$state" in
    h*) fact "held.$package" yes ;;
    *) fact "held.$package" no ;;
  esac
done"""


def keyring(repository: Repository) -> str:
    """Fetches the repository's key; apt reads it as it is, armoured."""
    path = shell.quote(repository.key_file)
    return f"""\
mkdir -p /etc/apt/keyrings
curl -fsSL --retry 3 --connect-timeout 10 --max-time 60 -o {path}.eco2 {shell.quote(repository.key_url)}
grep -q 'BEGIN PGP PUBLIC KEY BLOCK' {path}.eco2
chmod 0644 {path}.eco2
mv -f {path}.eco2 {path}"""


def install(pins: Sequence[str]) -> str:
    """Installs exact versions (``kubelet=1.34.12-*``), also over a hold, and keeps configuration files as they are.

    Ends with `APT_FAILED` when the packages cannot be had.
    """
    return f"""\
# Whatever an update replaces, no service of a node that works is restarted behind our back.
export NEEDRESTART_MODE=l
dpkg --configure -a >&2
tries=1
# The lists have a lock that apt-get does not wait for.
until {_APT} update >&2; do
  if [ "$tries" -ge {_UPDATE_TRIES} ]; then
    exit {APT_FAILED}
  fi
  tries=$((tries + 1))
  sleep 3
done
{_APT} install --no-install-recommends --allow-downgrades --allow-change-held-packages \\
  -o Dpkg::Options::=--force-confold {shell.words(pins)} >&2 || exit {APT_FAILED}"""


def hold(packages: Sequence[str]) -> str:
    """No update of the whole machine changes them."""
    return f"apt-mark hold {shell.words(packages)} >&2"
