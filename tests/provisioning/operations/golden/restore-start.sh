for name in etcd kube-apiserver; do
  if [ -e /etc/kubernetes/eco2-stopped/$name.yaml ]; then
    mv /etc/kubernetes/eco2-stopped/$name.yaml /etc/kubernetes/manifests/$name.yaml
    echo "starting $name" >&2
  fi
done
for name in etcd kube-apiserver; do
  for _ in $(seq 180); do
    if [ -n "$(crictl ps --name "^$name\$" --state running -q)" ]; then continue 2; fi
    sleep 1
  done
  echo "$name does not run after 180 s" >&2
  exit 1
done
for name in kube-controller-manager kube-scheduler; do
  container=$(crictl ps --name "^$name\$" --state running -q)
  if [ -n "$container" ]; then crictl stop --timeout 30 "$container" >&2; fi
done
