fact() { printf '%s=%s\n' "$1" "$2"; }

fact cloud_init "$(cloud-init status 2>/dev/null | sed -n 's/^status: //p')"
fact os "$(sed -n 's/^ID=//p' /etc/os-release | tr -d '"')"
fact os_version "$(sed -n 's/^VERSION_ID=//p' /etc/os-release | tr -d '"')"
fact architecture "$(uname -m)"
fact vcpu "$(nproc)"
fact memory_kib "$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)"
fact disk_kib "$(df -k --output=size / | sed -n '2s/ //gp')"
ss -Hltn | awk '{ sub(/.*:/, "", $4); print "listening=" $4 }'

fact joined "$(if [ -e /etc/kubernetes/kubelet.conf ]; then echo yes; else echo no; fi)"

for package in kubelet kubeadm kubectl; do
  state=$(dpkg-query -W -f '${db:Status-Abbrev} ${Version}' "$package" 2>/dev/null || true)
  case "$state" in
    ?i*) fact "package.$package" "${state##* }" ;;
    *) fact "package.$package" "" ;;
  esac
  case "$state" in
    h*) fact "held.$package" yes ;;
    *) fact "held.$package" no ;;
  esac
done

if curl -fsSIL --retry 2 --connect-timeout 10 --max-time 20 https://download.docker.com/linux/ubuntu/dists/noble/Release >/dev/null; then
  fact reached download.docker.com
fi
if curl -fsSIL --retry 2 --connect-timeout 10 --max-time 20 https://pkgs.k8s.io/core:/stable:/v1.34/deb/Release >/dev/null; then
  fact reached pkgs.k8s.io
fi
if curl -fsSIL --retry 2 --connect-timeout 10 --max-time 20 https://registry.k8s.io/v2/ >/dev/null; then
  fact reached registry.k8s.io
fi

# Last, so that nothing slow stands between this and the operator's own clock.
fact clock "$(date +%s.%N)"
