mkdir -p /etc/apt/keyrings
curl -fsSL --retry 3 --connect-timeout 10 --max-time 60 -o /etc/apt/keyrings/kubernetes.asc.eco2 https://pkgs.k8s.io/core:/stable:/v1.34/deb/Release.key
grep -q 'BEGIN PGP PUBLIC KEY BLOCK' /etc/apt/keyrings/kubernetes.asc.eco2
chmod 0644 /etc/apt/keyrings/kubernetes.asc.eco2
mv -f /etc/apt/keyrings/kubernetes.asc.eco2 /etc/apt/keyrings/kubernetes.asc

mkdir -p /etc/apt/sources.list.d
install -m 0644 /dev/null /etc/apt/sources.list.d/kubernetes.list.eco2
cat >/etc/apt/sources.list.d/kubernetes.list.eco2 <<'ECO2_END'
deb [arch=amd64 signed-by=/etc/apt/keyrings/kubernetes.asc] https://pkgs.k8s.io/core:/stable:/v1.34/deb/ /
ECO2_END
mv -f /etc/apt/sources.list.d/kubernetes.list.eco2 /etc/apt/sources.list.d/kubernetes.list

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
  -o Dpkg::Options::=--force-confold 'kubeadm=1.34.12-*' >&2 || exit 100

apt-mark hold kubeadm >&2

timeout 300 kubeadm upgrade plan v1.34.12 >&2
timeout --kill-after=30 1500 kubeadm upgrade apply v1.34.12 --yes >&2
