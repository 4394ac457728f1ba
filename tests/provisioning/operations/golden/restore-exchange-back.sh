if [ -n "$(crictl ps --name '^etcd$' --state running -q)" ]; then
  echo "etcd still runs: its data stays where it is" >&2
  exit 1
fi
if [ ! -d /var/lib/etcd.undone-20260101T000000Z/member ]; then
  mv /var/lib/etcd /var/lib/etcd.undone-20260101T000000Z
fi
if [ -d /var/lib/etcd.before-20260101T000000Z/member ] && [ ! -e /var/lib/etcd ]; then
  mv /var/lib/etcd.before-20260101T000000Z /var/lib/etcd
fi
sync
