trap 'rm -f /run/eco2/kubeadm.yaml /run/eco2/kubeadm.yaml.eco2' EXIT
mkdir -p /run/eco2
install -m 0600 /dev/null /run/eco2/kubeadm.yaml.eco2
cat >/run/eco2/kubeadm.yaml.eco2 <<'ECO2_END'
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    token: abcdef.0123456789abcdef
    apiServerEndpoint: k8s-api.eco2.internal:6443
    caCertHashes:
    - sha256:0000000000000000000000000000000000000000000000000000000000000000
nodeRegistration:
  name: k8s-monitoring
  criSocket: unix:///run/containerd/containerd.sock
  taints:
  - key: workload
    value: infrastructure
    effect: NoSchedule
  kubeletExtraArgs:
  - name: cloud-provider
    value: external
  - name: node-ip
    value: 10.0.3.15
  - name: node-labels
    value: domain=monitoring,workload=infrastructure
  - name: provider-id
    value: aws:///ap-northeast-2c/i-0000000000000000d
ECO2_END
mv -f /run/eco2/kubeadm.yaml.eco2 /run/eco2/kubeadm.yaml

if [ ! -e /etc/kubernetes/kubelet.conf ] && [ ! -e /etc/kubernetes/manifests/kube-apiserver.yaml ]; then
  if [ -e /etc/kubernetes/bootstrap-kubelet.conf ]; then
    systemctl stop kubelet
  fi
  rm -f /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/pki/ca.crt
fi
timeout --kill-after=30 600 kubeadm join --config /run/eco2/kubeadm.yaml >&2
