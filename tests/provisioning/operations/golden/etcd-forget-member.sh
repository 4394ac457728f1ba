container=$(crictl ps --name '^etcd$' --state running -q)
if [ -z "$container" ]; then
  echo '{"running": false}'
  exit 0
fi
members=$(timeout 20 crictl exec "$container" etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key member list)
member=$(printf '%s\n' "$members" | awk -F ', ' -v name=master-2 '$3 == name {print $1}')
if [ -n "$member" ]; then
  timeout 20 crictl exec "$container" etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key member remove "$member" >&2
fi
echo '{"running": true}'
