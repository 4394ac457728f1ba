fact() { printf '%s=%s\n' "$1" "$2"; }

fact admin_conf "$(if [ -e /etc/kubernetes/admin.conf ]; then echo yes; else echo no; fi)"
fact super_admin_conf "$(if [ -e /etc/kubernetes/super-admin.conf ]; then echo yes; else echo no; fi)"
fact kubelet_conf "$(if [ -e /etc/kubernetes/kubelet.conf ]; then echo yes; else echo no; fi)"
fact manifests "$(if [ -e /etc/kubernetes/manifests/kube-apiserver.yaml ]; then echo yes; else echo no; fi)"
fact etcd_member "$(if [ -e /var/lib/etcd/member ]; then echo yes; else echo no; fi)"

api=no complete=no
if [ -e /etc/kubernetes/admin.conf ]; then
  kubectl() { command kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s "$@"; }
  if kubectl get --raw /readyz >/dev/null 2>&1; then
    api=yes
    addons=$(kubectl --namespace kube-system get daemonset/kube-proxy deployment/coredns -o name 2>/dev/null || true)
    if [ "$(wc -w <<<"$addons")" -eq 2 ]; then
      complete=yes
    fi
  fi
  for part in certificate-authority-data client-certificate-data; do
    fact "digest.$part" "$(sed -n "s/^ *$part: *//p" /etc/kubernetes/admin.conf | tr -d '\n' | sha256sum | cut -d ' ' -f 1)"
  done
fi
fact api "$api"
fact complete "$complete"
