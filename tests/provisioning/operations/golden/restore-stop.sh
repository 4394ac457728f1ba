mkdir -p /etc/kubernetes/eco2-stopped
for name in kube-apiserver etcd; do
  if [ -e /etc/kubernetes/manifests/$name.yaml ]; then
    mv /etc/kubernetes/manifests/$name.yaml /etc/kubernetes/eco2-stopped/$name.yaml
    echo "stopping $name" >&2
  fi
done
for name in kube-apiserver etcd; do
  for _ in $(seq 120); do
    if [ -z "$(crictl ps --name "^$name\$" --state running -q)" ]; then continue 2; fi
    sleep 1
  done
  echo "$name still runs after 120 s" >&2
  exit 1
done
