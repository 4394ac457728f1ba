echo 'turn swap off, also in /etc/fstab' >&2
swapoff -a
sed -i -E '/^[^#]\S*\s+\S+\s+swap\s/s/^/# /' /etc/fstab

echo 'load br_netfilter, nf_conntrack, also after a restart' >&2
mkdir -p /etc/modules-load.d
install -m 0644 /dev/null /etc/modules-load.d/eco2.conf.eco2
cat >/etc/modules-load.d/eco2.conf.eco2 <<'ECO2_END'
overlay
br_netfilter
nf_conntrack
ECO2_END
mv -f /etc/modules-load.d/eco2.conf.eco2 /etc/modules-load.d/eco2.conf
modprobe overlay
modprobe br_netfilter
modprobe nf_conntrack

echo 'set net.bridge.bridge-nf-call-iptables=1, net.bridge.bridge-nf-call-ip6tables=1, net.ipv4.ip_forward=1, fs.inotify.max_user_watches=1048576, fs.inotify.max_user_instances=8192' >&2
mkdir -p /etc/sysctl.d
install -m 0644 /dev/null /etc/sysctl.d/90-eco2.conf.eco2
cat >/etc/sysctl.d/90-eco2.conf.eco2 <<'ECO2_END'
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
net.ipv4.ip_forward = 1
fs.inotify.max_user_watches = 1048576
fs.inotify.max_user_instances = 8192
ECO2_END
mv -f /etc/sysctl.d/90-eco2.conf.eco2 /etc/sysctl.d/90-eco2.conf
sysctl -q -p /etc/sysctl.d/90-eco2.conf >&2

echo 'synchronise the clock' >&2
timedatectl set-ntp true

echo 'fetch the key of https://download.docker.com/linux/ubuntu into /etc/apt/keyrings/docker.asc' >&2
mkdir -p /etc/apt/keyrings
curl -fsSL --retry 3 --connect-timeout 10 --max-time 60 -o /etc/apt/keyrings/docker.asc.eco2 https://download.docker.com/linux/ubuntu/gpg
grep -q 'BEGIN PGP PUBLIC KEY BLOCK' /etc/apt/keyrings/docker.asc.eco2
chmod 0644 /etc/apt/keyrings/docker.asc.eco2
mv -f /etc/apt/keyrings/docker.asc.eco2 /etc/apt/keyrings/docker.asc

echo 'write /etc/apt/sources.list.d/docker.list: https://download.docker.com/linux/ubuntu noble stable' >&2
mkdir -p /etc/apt/sources.list.d
install -m 0644 /dev/null /etc/apt/sources.list.d/docker.list.eco2
cat >/etc/apt/sources.list.d/docker.list.eco2 <<'ECO2_END'
deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/ubuntu noble stable
ECO2_END
mv -f /etc/apt/sources.list.d/docker.list.eco2 /etc/apt/sources.list.d/docker.list

echo 'fetch the key of https://pkgs.k8s.io/core:/stable:/v1.34/deb/ into /etc/apt/keyrings/kubernetes.asc' >&2
mkdir -p /etc/apt/keyrings
curl -fsSL --retry 3 --connect-timeout 10 --max-time 60 -o /etc/apt/keyrings/kubernetes.asc.eco2 https://pkgs.k8s.io/core:/stable:/v1.34/deb/Release.key
grep -q 'BEGIN PGP PUBLIC KEY BLOCK' /etc/apt/keyrings/kubernetes.asc.eco2
chmod 0644 /etc/apt/keyrings/kubernetes.asc.eco2
mv -f /etc/apt/keyrings/kubernetes.asc.eco2 /etc/apt/keyrings/kubernetes.asc

echo 'write /etc/apt/sources.list.d/kubernetes.list: https://pkgs.k8s.io/core:/stable:/v1.34/deb/ /' >&2
mkdir -p /etc/apt/sources.list.d
install -m 0644 /dev/null /etc/apt/sources.list.d/kubernetes.list.eco2
cat >/etc/apt/sources.list.d/kubernetes.list.eco2 <<'ECO2_END'
deb [arch=amd64 signed-by=/etc/apt/keyrings/kubernetes.asc] https://pkgs.k8s.io/core:/stable:/v1.34/deb/ /
ECO2_END
mv -f /etc/apt/sources.list.d/kubernetes.list.eco2 /etc/apt/sources.list.d/kubernetes.list

echo 'install containerd.io 2.2.6-1~ubuntu.24.04~noble, kubelet 1.34.12-*, kubeadm 1.34.12-*, kubectl 1.34.12-*, conntrack' >&2
# Whatever an update replaces, no service of a node that works is restarted behind our back.
export NEEDRESTART_MODE=l
dpkg --configure -a >&2
tries=1
# The lists have a lock that apt-get does not wait for.
until timeout --kill-after=30 900 apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update >&2; do
  if [ "$tries" -ge 10 ]; then
    exit 100
  fi
  tries=$((tries + 1))
  sleep 3
done
timeout --kill-after=30 900 apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install --no-install-recommends --allow-downgrades --allow-change-held-packages \
  -o Dpkg::Options::=--force-confold 'containerd.io=2.2.6-1~ubuntu.24.04~noble' 'kubelet=1.34.12-*' 'kubeadm=1.34.12-*' 'kubectl=1.34.12-*' conntrack >&2 || exit 100

echo 'hold kubelet, kubeadm, kubectl, containerd.io at their versions' >&2
apt-mark hold kubelet kubeadm kubectl containerd.io >&2

echo 'write /etc/containerd/config.toml and restart containerd' >&2
touch /run/eco2/containerd-is-stale
mkdir -p /etc/containerd
install -m 0644 /dev/null /etc/containerd/config.toml.eco2
cat >/etc/containerd/config.toml.eco2 <<'ECO2_END'
version = 3

[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "registry.k8s.io/pause:3.10.1"

[plugins."io.containerd.cri.v1.images".registry]
  config_path = "/etc/containerd/certs.d"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = true
ECO2_END
mv -f /etc/containerd/config.toml.eco2 /etc/containerd/config.toml
systemctl restart containerd
rm -f /run/eco2/containerd-is-stale

echo 'write /etc/crictl.yaml' >&2
mkdir -p /etc
install -m 0644 /dev/null /etc/crictl.yaml.eco2
cat >/etc/crictl.yaml.eco2 <<'ECO2_END'
runtime-endpoint: unix:///run/containerd/containerd.sock
image-endpoint: unix:///run/containerd/containerd.sock
timeout: 30
ECO2_END
mv -f /etc/crictl.yaml.eco2 /etc/crictl.yaml

echo 'start containerd, and start it and the kubelet with the machine' >&2
systemctl enable --now containerd >&2
systemctl enable kubelet >&2
