kubeadm certs renew all >&2
