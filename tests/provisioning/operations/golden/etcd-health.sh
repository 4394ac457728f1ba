container=$(crictl ps --name '^etcd$' --state running -q)
if [ -z "$container" ]; then
  echo '{"running": false}'
  exit 0
fi
status=$(timeout 20 crictl exec "$container" etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key endpoint status --cluster --write-out=json)
health=$(timeout 20 crictl exec "$container" etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key endpoint health --cluster --write-out=json || true)
printf '{"running": true, "status": %s, "health": %s}\n' "$status" "${health:-[]}"
