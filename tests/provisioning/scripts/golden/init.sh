trap 'rm -f /run/eco2/kubeadm.yaml /run/eco2/kubeadm.yaml.eco2' EXIT
mkdir -p /run/eco2
install -m 0600 /dev/null /run/eco2/kubeadm.yaml.eco2
cat >/run/eco2/kubeadm.yaml.eco2 <<'ECO2_END'
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: abcdef.0123456789abcdef
  description: eco2 init
  ttl: 1h0m0s
localAPIEndpoint:
  advertiseAddress: 10.0.1.10
  bindPort: 6443
nodeRegistration:
  name: k8s-master
  criSocket: unix:///run/containerd/containerd.sock
  taints:
  - key: node-role.kubernetes.io/control-plane
    effect: NoSchedule
  kubeletExtraArgs:
  - name: cloud-provider
    value: external
  - name: node-ip
    value: 10.0.1.10
  - name: node-labels
    value: workload=control-plane
  - name: provider-id
    value: aws:///ap-northeast-2a/i-00000000000000001
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: eco2
kubernetesVersion: v1.34.12
controlPlaneEndpoint: k8s-api.eco2.internal:6443
networking:
  podSubnet: 192.168.0.0/16
  serviceSubnet: 10.96.0.0/12
  dnsDomain: cluster.local
apiServer:
  certSANs:
  - k8s-api.eco2.internal
  - 10.0.1.10
  - 203.0.113.1
controllerManager:
  extraArgs:
  - name: bind-address
    value: 0.0.0.0
  - name: cloud-provider
    value: external
scheduler:
  extraArgs:
  - name: bind-address
    value: 0.0.0.0
etcd:
  local:
    extraArgs:
    - name: listen-metrics-urls
      value: http://0.0.0.0:2381
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
serverTLSBootstrap: true
maxPods: 60
systemReserved:
  cpu: 100m
  memory: 256Mi
  ephemeral-storage: 1Gi
kubeReserved:
  cpu: 100m
  memory: 320Mi
  ephemeral-storage: 1Gi
evictionHard:
  memory.available: 128Mi
  nodefs.available: 10%
  nodefs.inodesFree: 5%
  imagefs.available: 15%
shutdownGracePeriod: 60s
shutdownGracePeriodCriticalPods: 20s
ECO2_END
mv -f /run/eco2/kubeadm.yaml.eco2 /run/eco2/kubeadm.yaml

timeout --kill-after=30 900 kubeadm init --config /run/eco2/kubeadm.yaml \
  --skip-token-print --skip-certificate-key-print >&2
timeout 60 kubeadm token delete abcdef >&2

rm -f /etc/kubernetes/super-admin.conf
