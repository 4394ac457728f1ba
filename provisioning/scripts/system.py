"""What Kubernetes wants of the machine's kernel: no swap, modules, settings, a clock that is right."""

from provisioning.scripts import shell

MODULES = ("overlay", "br_netfilter", "nf_conntrack")
# https://kubernetes.io/docs/setup/production-environment/container-runtimes/ and, for inotify, what many pods with
# watchers of their own use up. nf-call needs br_netfilter, so modules come first.
SYSCTLS = {
    "net.bridge.bridge-nf-call-iptables": "1",
    "net.bridge.bridge-nf-call-ip6tables": "1",
    "net.ipv4.ip_forward": "1",
    "fs.inotify.max_user_watches": "1048576",
    "fs.inotify.max_user_instances": "8192",
}
MODULES_FILE = "/etc/modules-load.d/eco2.conf"
SYSCTL_FILE = "/etc/sysctl.d/90-eco2.conf"


def modules_text() -> str:
    return "".join(f"{module}\n" for module in MODULES)


def sysctl_text() -> str:
    return "".join(f"{key} = {value}\n" for key, value in SYSCTLS.items())


def facts() -> str:
    """``swap`` and ``swap_in_fstab`` (how many), ``module`` (each that is loaded), ``sysctl.KEY``, ``ntp``."""
    return f"""\
fact swap "$(sed 1d /proc/swaps | wc -l)"
fact swap_in_fstab "$(awk '$1 !~ /^#/ && $3 == "swap"' /etc/fstab | wc -l)"
for module in {shell.words(MODULES)}; do
  if [ -d "/sys/module/$module" ]; then
    fact module "$module"
  fi
done
for key in {shell.words(SYSCTLS)}; do
  fact "sysctl.$key" "$(sysctl -n "$key" 2>/dev/null || true)"
done
fact ntp "$(timedatectl show --property=NTP --value)\""""


def swap_off() -> str:
    """Now, and after the next start."""
    return """\
swapoff -a
sed -i -E '/^[^#]\\S*\\s+\\S+\\s+swap\\s/s/^/# /' /etc/fstab"""


def load_modules() -> str:
    each = "\n".join(f"modprobe {module}" for module in MODULES)
    return f"{shell.file(MODULES_FILE, modules_text())}\n{each}"


def set_sysctls() -> str:
    return f"{shell.file(SYSCTL_FILE, sysctl_text())}\nsysctl -q -p {SYSCTL_FILE} >&2"


def synchronise_clock() -> str:
    return "timedatectl set-ntp true"
