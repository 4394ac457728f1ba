fact() { printf '%s=%s\n' "$1" "$2"; }

ca_hash() {
  openssl x509 -pubkey -noout -in /etc/kubernetes/pki/ca.crt | openssl pkey -pubin -outform der | sha256sum | cut -d ' ' -f 1
}

fact kubelet_conf "$(if [ -e /etc/kubernetes/kubelet.conf ]; then echo yes; else echo no; fi)"
fact bootstrap_conf "$(if [ -e /etc/kubernetes/bootstrap-kubelet.conf ]; then echo yes; else echo no; fi)"
fact manifests "$(if [ -e /etc/kubernetes/manifests/kube-apiserver.yaml ]; then echo yes; else echo no; fi)"
fact etcd_member "$(if [ -e /var/lib/etcd/member ]; then echo yes; else echo no; fi)"

fact ca_hash "$(if [ -e /etc/kubernetes/pki/ca.crt ]; then ca_hash; fi)"
