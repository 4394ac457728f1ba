umask 077
mkdir -p /var/lib/eco2/restore/20260101T000000Z
printf '%s\n' 'url = "https://bucket/key?X-Amz-Signature=1"' 'output = "/var/lib/eco2/restore/20260101T000000Z/snapshot.db.part"' | curl --config - --silent --show-error --fail --max-time 9 >&2
found=$(sha256sum /var/lib/eco2/restore/20260101T000000Z/snapshot.db.part | cut -d ' ' -f 1)
if [ "$found" != 0000000000000000000000000000000000000000000000000000000000000000 ]; then
  rm -f /var/lib/eco2/restore/20260101T000000Z/snapshot.db.part
  printf '{"sha256": "%s", "status": null}\n' "$found"
  exit 0
fi
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
status=$(etcdutl snapshot status /var/lib/eco2/restore/20260101T000000Z/snapshot.db.part --write-out=json) || status=null
printf '{"sha256": "%s", "status": %s}\n' "$found" "$status"
if [ "$status" != null ]; then mv /var/lib/eco2/restore/20260101T000000Z/snapshot.db.part /var/lib/eco2/restore/20260101T000000Z/snapshot.db; fi
rm -f /var/lib/eco2/restore/20260101T000000Z/snapshot.db.part
