fact() { printf '%s=%s\n' "$1" "$2"; }

fact joined "$(if [ -e /etc/kubernetes/kubelet.conf ]; then echo yes; else echo no; fi)"

fact swap "$(sed 1d /proc/swaps | wc -l)"
fact swap_in_fstab "$(awk '$1 !~ /^#/ && $3 == "swap"' /etc/fstab | wc -l)"
for module in overlay br_netfilter nf_conntrack; do
  if [ -d "/sys/module/$module" ]; then
    fact module "$module"
  fi
done
for key in net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables net.ipv4.ip_forward fs.inotify.max_user_watches fs.inotify.max_user_instances; do
  fact "sysctl.$key" "$(sysctl -n "$key" 2>/dev/null || true)"
done
fact ntp "$(timedatectl show --property=NTP --value)"

for package in kubelet kubeadm kubectl containerd.io conntrack; do
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

for path in /etc/modules-load.d/eco2.conf /etc/sysctl.d/90-eco2.conf /etc/apt/sources.list.d/docker.list /etc/apt/sources.list.d/kubernetes.list /etc/containerd/config.toml /etc/crictl.yaml /etc/apt/keyrings/docker.asc /etc/apt/keyrings/kubernetes.asc; do
  fact "file.$path" "$(if [ -f "$path" ]; then sha256sum <"$path" | cut -d ' ' -f 1; fi)"
done

fact containerd_stale "$(if [ -e /run/eco2/containerd-is-stale ]; then echo yes; else echo no; fi)"

fact containerd_active "$(if systemctl is-active --quiet containerd; then echo yes; else echo no; fi)"
for unit in containerd kubelet; do
  fact "${unit}_enabled" "$(if systemctl is-enabled --quiet "$unit" 2>/dev/null; then echo yes; else echo no; fi)"
done
