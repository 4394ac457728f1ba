if [ -n "$(crictl ps --name '^etcd$' --state running -q)" ]; then
  echo "etcd still runs: its data stays where it is" >&2
  exit 1
fi
if [ ! -d /var/lib/etcd.before-20260101T000000Z/member ]; then
  rm -rf /var/lib/etcd.made-20260101T000000Z
manifest=/etc/kubernetes/manifests/etcd.yaml
test -e "$manifest" || manifest=/etc/kubernetes/eco2-stopped/etcd.yaml
image=$(sed -n 's/^ *image: *//p' "$manifest")
etcdutl() {
  timeout 900 ctr -n k8s.io run --rm --mount type=bind,src=/var/lib,dst=/var/lib,options=rbind:rw \
    "$image" "eco2-etcdutl-$(date +%s%N)" /usr/local/bin/etcdutl "$@"
}
if ! etcdutl version >/dev/null 2>&1; then
  version=${image##*:}
  image=gcr.io/etcd-development/etcd:v${version%%-*}
  crictl pull "$image" >&2
fi
etcdutl snapshot restore /var/lib/eco2/restore/20260101T000000Z/snapshot.db --data-dir /var/lib/etcd.made-20260101T000000Z --name master --initial-cluster master=https://10.0.1.10:2380 --initial-cluster-token restore-20260101T000000Z --initial-advertise-peer-urls https://10.0.1.10:2380 --bump-revision 1000000000 --mark-compacted >&2
  chmod 700 /var/lib/etcd.made-20260101T000000Z
  sync
  mv /var/lib/etcd /var/lib/etcd.before-20260101T000000Z
fi
if [ ! -d /var/lib/etcd/member ]; then
  rm -rf /var/lib/etcd
  mv /var/lib/etcd.made-20260101T000000Z /var/lib/etcd
fi
sync
