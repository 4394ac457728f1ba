kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock >&2
rm -rf /etc/cni/net.d /var/lib/cni /var/lib/calico /var/run/calico /var/log/calico /etc/kubernetes/eco2-stopped /var/lib/eco2 /root/.kube /home/*/.kube
mkdir -p /etc/cni/net.d
for table in filter nat mangle raw; do
  iptables -t $table -F
  iptables -t $table -X
done
if command -v ipvsadm >/dev/null; then ipvsadm --clear; fi
for link in $(ip -o link show | sed -E -n 's/^[0-9]+: (cali[^:@]*|vxlan\.calico|vxlan-v6\.calico|tunl0|kube-ipvs0)[:@].*/\1/p'); do
  ip link delete "$link" || true
done
rm -rf /etc/kubernetes/manifests/* /var/lib/etcd
