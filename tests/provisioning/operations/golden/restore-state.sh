snapshot=/var/lib/eco2/restore/20260101T000000Z/snapshot.db
echo "sha256=$(if [ -e "$snapshot" ]; then sha256sum "$snapshot" | cut -d ' ' -f 1; fi)"
for name in kube-apiserver etcd; do
  if [ -e /etc/kubernetes/eco2-stopped/$name.yaml ]; then echo "stopped=$name"; fi
  if [ -n "$(crictl ps --name "^$name\$" --state running -q)" ]; then echo "running=$name"; fi
done
echo "data=$(if [ -d /var/lib/etcd/member ]; then echo yes; else echo no; fi)"
echo "before=$(if [ -d /var/lib/etcd.before-20260101T000000Z/member ]; then echo yes; else echo no; fi)"
echo "undone=$(if [ -d /var/lib/etcd.undone-20260101T000000Z/member ]; then echo yes; else echo no; fi)"
for folder in /var/lib/etcd.before-*; do
  if [ -d "$folder" ]; then echo "kept=${folder#/var/lib/etcd.before-}"; fi
done
