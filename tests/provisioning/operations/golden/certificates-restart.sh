for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do
  old=$(crictl ps --name "^$name\$" --state running -q)
  echo "restarting $name" >&2
  if [ -n "$old" ]; then crictl stop --timeout 30 "$old" >&2; fi
  for _ in $(seq 120); do
    new=$(crictl ps --name "^$name\$" --state running -q)
    if [ -n "$new" ] && [ "$new" != "$old" ]; then continue 2; fi
    sleep 1
  done
  echo "$name does not run again after 120 s" >&2
  exit 1
done
