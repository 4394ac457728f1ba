for file in kubelet.conf admin.conf super-admin.conf; do
  if [ -e /etc/kubernetes/$file ]; then echo "/etc/kubernetes/$file"; fi
done
for folder in /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/etcd /etc/cni/net.d; do
  if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then echo "$folder"; fi
done
if [ -e /var/lib/kubelet/config.yaml ]; then echo /var/lib/kubelet; fi
